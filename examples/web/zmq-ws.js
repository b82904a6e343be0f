/* zmq-ws.js - ZeroMQ sockets for web pages and Node, over WebSocket: ZWS 2.0 (RFC 45), without a
 * mechanism. (The names of the others, "ZWS2.0/NULL" and so on, have a slash in them, which is
 * why browsers do not take them as subprotocols.)
 *
 *     const req = new ZmqSocket("REQ");
 *     req.connect("ws://127.0.0.1:5555");
 *     const [answer] = await req.request("question");     // a Uint8Array
 *
 *     const sub = new ZmqSocket("SUB");
 *     sub.subscribe("tick");
 *     sub.connect("ws://127.0.0.1:5556");
 *     for (;;) { const [topic, value] = await sub.receive(); ... }
 *
 * One socket has one connection, which is made again when it is lost: what a REQ was asked in
 * the meantime goes out then, a SUB tells its topics anew. A message is an array of parts, each
 * a Uint8Array or (sending) a string. Types: REQ, DEALER, SUB, PUSH, PULL, PAIR. */
"use strict";

(function () {
    const MORE = 1;                      // RFC 45, Framing
    const SENDS = new Set(["REQ", "DEALER", "PUSH", "PAIR"]);
    const RECEIVES = new Set(["REQ", "DEALER", "SUB", "PULL", "PAIR"]);
    const EMPTY = new Uint8Array(0);
    const utf8 = new TextEncoder();

    const bytes = (part) => typeof part === "string" ? utf8.encode(part) : part;

    function join(...parts) {
        const all = new Uint8Array(parts.reduce((sum, p) => sum + p.length, 0));
        let at = 0;
        for (const p of parts) {
            all.set(p, at);
            at += p.length;
        }
        return all;
    }

    class ZmqSocket {
        // options: routingId; retry, in ms; WebSocket, another class with its interface
        constructor(type, options = {}) {
            if (!SENDS.has(type) && !RECEIVES.has(type))
                throw new Error(`no socket type ${type}`);
            this.type = type;
            this.options = { retry: 100, ...options };
            this.topics = new Map();     // topic -> how often it was subscribed to
            this.unsent = [];            // messages that wait for a connection
            this.parts = [];             // of the message that is arriving
            this.messages = [];          // that nobody has received yet
            this.waiting = [];           // who wants one
            this.ready = false;          // the peer's routing id has come
        }

        connect(url) {
            const WebSocket = this.options.WebSocket || globalThis.WebSocket;
            this.url = url;
            this.ready = false;
            this.parts = [];
            this.ws = new WebSocket(url, ["ZWS2.0"]);
            this.ws.binaryType = "arraybuffer";
            this.ws.onopen = () => this.#sendFrame(0, bytes(this.options.routingId || ""));
            this.ws.onmessage = (event) => this.#onFrame(event.data);
            this.ws.onerror = () => {};  // onclose tells
            this.ws.onclose = () => this.#onClose();
        }

        close() {
            this.url = null;
            if (this.ws)
                this.ws.close();
            for (const { reject } of this.waiting.splice(0))
                reject(new Error("closed"));
        }

        // Sends one message; it waits if there is no connection.
        send(...parts) {
            if (!SENDS.has(this.type))
                throw new Error(`${this.type} does not send`);
            const message = parts.map(bytes);
            if (this.type === "REQ")
                message.unshift(EMPTY);  // RFC 28: the delimiter
            if (this.ready)
                this.#sendMessage(message);
            else
                this.unsent.push(message);
            if (this.type === "REQ")
                this.asked = message;
        }

        // The next message: a promise of its parts.
        receive() {
            if (!RECEIVES.has(this.type))
                throw new Error(`${this.type} does not receive`);
            if (this.messages.length > 0)
                return Promise.resolve(this.messages.shift());
            return new Promise((resolve, reject) => this.waiting.push({ resolve, reject }));
        }

        request(...parts) {
            this.send(...parts);
            return this.receive();
        }

        subscribe(topic) {
            const count = this.topics.get(topic) || 0;
            this.topics.set(topic, count + 1);
            if (this.ready && count === 0)
                this.#sendFrame(0, join(Uint8Array.of(1), bytes(topic)));
        }

        unsubscribe(topic) {
            const count = this.topics.get(topic) || 0;
            if (count === 0)
                return;
            if (count > 1) {
                this.topics.set(topic, count - 1);
                return;
            }
            this.topics.delete(topic);
            if (this.ready)
                this.#sendFrame(0, join(Uint8Array.of(0), bytes(topic)));
        }

        #sendFrame(flags, body) {
            this.ws.send(join(Uint8Array.of(flags), body));
        }

        #sendMessage(message) {
            message.forEach((part, i) =>
                this.#sendFrame(i < message.length - 1 ? MORE : 0, part));
        }

        #onFrame(data) {
            const frame = new Uint8Array(data);
            if (frame.length === 0)
                this.ws.close();         // not even flags
            else if (this.ready)
                this.#onPart(frame.subarray(1), frame[0] & MORE);
            else
                this.#onReady();         // that was its routing id
        }

        #onReady() {
            this.ready = true;
            for (const topic of this.topics.keys())
                this.#sendFrame(0, join(Uint8Array.of(1), bytes(topic)));
            for (const message of this.unsent.splice(0))
                this.#sendMessage(message);
        }

        #onPart(part, more) {
            this.parts.push(part);
            if (more)
                return;
            const message = this.parts;
            this.parts = [];
            if (this.type === "REQ") {
                if (!this.asked || message.length < 2 || message[0].length > 0)
                    return;              // nobody has asked for that
                message.shift();
                this.asked = null;
            }
            const next = this.waiting.shift();
            if (next)
                next.resolve(message);
            else
                this.messages.push(message);
        }

        #onClose() {
            const was = this.ready;
            this.ready = false;
            if (!this.url)
                return;
            if (was && this.asked)       // its answer will not come any more
                this.unsent.push(this.asked);
            setTimeout(() => this.url && this.connect(this.url), this.options.retry);
        }
    }

    if (typeof module === "object" && module.exports)
        module.exports = { ZmqSocket };
    else
        globalThis.ZmqSocket = ZmqSocket;
})();
