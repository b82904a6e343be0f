/* client.js - a client for Node of examples/web_server.c: asks it once, and reads its clock.
 *
 *     node client.js [REP-URL [SUB-URL]] */
"use strict";

const { ZmqSocket } = require("./zmq-ws.js");
const options = globalThis.WebSocket ? {} : require("./websocket.js");

async function main() {
    const [rep, sub] = [process.argv[2] || "ws://127.0.0.1:5555",
                        process.argv[3] || "ws://127.0.0.1:5556"];
    const asker = new ZmqSocket("REQ", options), clock = new ZmqSocket("SUB", options);

    asker.connect(rep);
    const [answer] = await asker.request("Hello from Node");
    console.log(`answer: ${Buffer.from(answer)}`);

    clock.subscribe("tick");
    clock.connect(sub);
    for (let i = 0; i < 5; i++) {
        const [topic, time] = await clock.receive();
        console.log(`${Buffer.from(topic)} ${Buffer.from(time)}`);
    }
    asker.close();
    clock.close();
}

main();
