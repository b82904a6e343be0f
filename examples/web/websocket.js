/* websocket.js - as much of the browsers' WebSocket as zmq-ws.js needs, for a Node that has none
 * (before 22): a client of RFC 6455 over net or tls. */
"use strict";

const crypto = require("crypto");
const http = require("http");
const https = require("https");

const CONTINUATION = 0, BINARY = 2, CLOSE = 8, PING = 9, PONG = 10;
const MAGIC = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

class WebSocket {
    constructor(url, protocols) {
        const key = crypto.randomBytes(16).toString("base64");
        const client = url.startsWith("wss:") ? https : http;
        this.rest = Buffer.alloc(0);
        this.fragments = [];
        this.closed = false;
        const request = client.get(url.replace(/^ws/, "http"), {
            agent: false,
            headers: {
                "Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
                "Sec-WebSocket-Key": key, "Sec-WebSocket-Protocol": protocols.join(", "),
            },
        });
        const wanted = crypto.createHash("sha1").update(key + MAGIC).digest("base64");
        request.on("upgrade", (answer, socket, head) => {
            const chosen = answer.headers["sec-websocket-protocol"];
            if (answer.headers["sec-websocket-accept"] !== wanted ||
                !protocols.includes(chosen)) {
                socket.destroy();
                this.#end();
                return;
            }
            this.protocol = chosen;
            this.#begin(socket, head);
        });
        request.on("response", (answer) => { answer.destroy(); this.#end(); });
        request.on("error", () => this.#end());
    }

    send(data) { this.#write(BINARY, Buffer.from(data)); }

    close() {
        if (this.socket && !this.closing)
            this.#write(CLOSE, Buffer.from([1000 >> 8, 1000 & 255]));
        this.closing = true;
        if (this.socket)
            this.socket.end();
    }

    #begin(socket, head) {
        this.socket = socket;
        socket.setNoDelay(true);
        socket.on("data", (data) => this.#take(data));
        socket.on("error", () => {});
        socket.on("close", () => this.#end());
        this.onopen && this.onopen({});
        this.#take(head);
    }

    #end() {
        if (this.closed)
            return;
        this.closed = true;
        setImmediate(() => this.onclose && this.onclose({}));
    }

    #write(opcode, payload) {
        const n = payload.length, key = crypto.randomBytes(4);
        const head = Buffer.alloc(n < 126 ? 2 : n < 65536 ? 4 : 10);
        head[0] = 0x80 | opcode;
        head[1] = 0x80 | (n < 126 ? n : n < 65536 ? 126 : 127);
        if (head.length === 4)
            head.writeUInt16BE(n, 2);
        else if (head.length === 10)
            head.writeBigUInt64BE(BigInt(n), 2);
        for (let i = 0; i < n; i++)
            payload[i] ^= key[i & 3];
        this.socket.write(Buffer.concat([head, key, payload]));
    }

    #take(data) {
        this.rest = Buffer.concat([this.rest, data]);
        for (;;) {
            const b = this.rest;
            const length = b.length < 2 ? 0 : b[1] & 127;
            const at = length < 126 ? 2 : length === 126 ? 4 : 10;
            if (b.length < at)
                return;
            const size = at === 2 ? length
                : at === 4 ? b.readUInt16BE(2) : Number(b.readBigUInt64BE(2));
            if (b.length < at + size)
                return;
            this.rest = b.subarray(at + size);
            this.#onFrame(b[0] & 15, (b[0] & 128) !== 0, b.subarray(at, at + size));
        }
    }

    #onFrame(opcode, final, payload) {
        if (opcode === PING) {
            this.#write(PONG, Buffer.from(payload));
        } else if (opcode === CLOSE) {
            this.close();
        } else if (opcode === BINARY || opcode === CONTINUATION) {
            this.fragments.push(payload);
            if (!final)
                return;
            const whole = Buffer.concat(this.fragments);
            this.fragments = [];
            this.onmessage && this.onmessage({ data: whole });
        }
    }
}

module.exports = { WebSocket };
