/* web.js - what a page and a Node client check of examples/web_server.c. web.py runs it in
 * both: in a page by itself, in Node as `node web.js FOLDER REP-URL SUB-URL`. */
"use strict";

const decode = (part) => new TextDecoder().decode(part);

function expect(what, holds) {
    if (!holds)
        throw new Error(what);
}

function pattern(size) {
    const bytes = new Uint8Array(size);
    for (let i = 0; i < size; i++)
        bytes[i] = (i * 31 + size + (i >> 8)) & 255;
    return bytes;
}

const equal = (a, b) => a.length === b.length && a.every((byte, i) => byte === b[i]);

// Each makes what it needs with `open`, which connects and closes at the end.
const checks = {
    async requests_of_every_size_come_back({ open, rep }) {
        const req = open("REQ", rep);
        for (const size of [0, 1, 123, 124, 125, 126, 254, 255, 256, 65534, 65535, 65536,
                            1 << 20]) {
            const answer = await req.request(pattern(size));
            expect(`${size}: one part`, answer.length === 1);
            expect(`${size}: the same bytes`, equal(answer[0], pattern(size)));
        }
    },

    async requests_of_several_parts_come_back({ open, rep }) {
        const answer = await open("REQ", rep).request("one", "", pattern(70000));
        expect("three parts", answer.length === 3);
        expect("their bytes", decode(answer[0]) === "one" && answer[1].length === 0 &&
               equal(answer[2], pattern(70000)));
    },

    async many_may_ask_at_once({ open, rep }) {
        const names = Array.from({ length: 20 }, (_, i) => `asker ${i}`);
        const answers = await Promise.all(names.map((n) => open("REQ", rep).request(n)));
        expect("each its own", answers.every(([a], i) => decode(a) === names[i]));
    },

    async a_dealer_may_ask_without_waiting({ open, rep }) {
        const dealer = open("DEALER", rep);
        for (let i = 0; i < 100; i++)
            dealer.send("", `question ${i}`);
        for (let i = 0; i < 100; i++) {
            const [empty, answer] = await dealer.receive();
            expect(`answer ${i}`, empty.length === 0 && decode(answer) === `question ${i}`);
        }
    },

    async subscribers_get_their_topics_in_order({ open, sub }) {
        const clock = open("SUB", sub);
        clock.subscribe("tick");
        let last = null;
        for (let i = 0; i < 20; i++) {
            const [topic, time] = await clock.receive();
            expect("no noise", decode(topic) === "tick");
            expect("one after the other", last === null || Number(decode(time)) === last + 1);
            last = Number(decode(time));
        }
        clock.subscribe("noi");
        for (let topic = ""; topic !== "noise";)
            topic = decode((await clock.receive())[0]);
        clock.unsubscribe("tick");
        for (let quiet = 0; quiet < 10;)
            quiet = decode((await clock.receive())[0]) === "noise" ? quiet + 1 : 0;
    },

    // Heartbeats come all the time; who does not answer is cut off after 3 s.
    async who_says_nothing_answers_pings_and_stays({ open, rep, sub }) {
        const req = open("REQ", rep), clock = open("SUB", sub);
        await req.request("first");
        const connection = req.ws;
        clock.subscribe("tick");
        const ticks = async () => Number(decode((await clock.receive())[1]));
        const begin = await ticks();
        while (await ticks() < begin + 200)
            continue;                    // of 20 ms each
        await req.request("second");
        expect("the same connection", req.ws === connection);
    },
};

async function run(ZmqSocket, options, rep, sub, tell) {
    for (const [name, check] of Object.entries(checks)) {
        const sockets = [];
        const open = (type, url) => {
            const s = new ZmqSocket(type, options);
            sockets.push(s);
            s.connect(url);
            return s;
        };
        try {
            await check({ open, rep, sub });
            tell(`ok ${name}`);
        } catch (error) {
            tell(`FAIL ${name}: ${error.message}`);
        }
        for (const s of sockets)
            s.close();
    }
    tell("done");
}

if (typeof require === "function") {
    const [folder, rep, sub] = process.argv.slice(2);
    const { ZmqSocket } = require(`${folder}/zmq-ws.js`);
    const { WebSocket } = require(`${folder}/websocket.js`);
    run(ZmqSocket, { WebSocket }, rep, sub, console.log);
}
