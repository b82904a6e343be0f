#!/usr/bin/env python3
"""DGRAM and RADIO to DISH over UDP, between zinc and the system's libzmq, both in this process.

    udp.py ZINC_DIR

libzmq 4.3.4 makes the draft sockets, but has no call to set a message's group or to join one:
its RADIO sends to the group "", its DISH hears nothing. The last line is "N passed, N failed".
"""
import ctypes
import pathlib
import socket
import sys
import time

RADIO, DISH, DGRAM = 14, 15, 18
LINGER, RCVMORE, LAST_ENDPOINT, RCVTIMEO = 17, 13, 32, 27
SNDMORE = 2
PATIENCE = 10000


class Failure(Exception):
    pass


class Library:
    def __init__(self, name, c):
        self.name, self.c = name, c
        for function in "zmq_ctx_new", "zmq_socket":
            getattr(self.c, function).restype = ctypes.c_void_p
        self.context = ctypes.c_void_p(self.c.zmq_ctx_new())
        self.open = []

    def socket(self, kind):
        s = Socket(self, kind)
        self.open.append(s)
        return s

    def close(self):
        for s in self.open:
            self.c.zmq_close(s.handle)
        self.c.zmq_ctx_term(self.context)


class Socket:
    def __init__(self, library, kind):
        self.c, self.name = library.c, f"{library.name}'s socket of type {kind}"
        self.handle = ctypes.c_void_p(self.c.zmq_socket(library.context, kind))
        self.set(LINGER, 0)
        self.set(RCVTIMEO, PATIENCE)

    def set(self, option, value):
        number = ctypes.c_int(value)
        self.check(self.c.zmq_setsockopt(self.handle, option, ctypes.byref(number), 4), option)

    def check(self, rc, what):
        if rc < 0:
            raise Failure(f"{self.name}: {what}: errno {self.c.zmq_errno()}")
        return rc

    def bind(self, endpoint):
        self.check(self.c.zmq_bind(self.handle, endpoint.encode()), endpoint)

    def connect(self, endpoint):
        self.check(self.c.zmq_connect(self.handle, endpoint.encode()), endpoint)

    def send(self, *frames):
        for i, frame in enumerate(frames):
            more = SNDMORE if i + 1 < len(frames) else 0
            self.check(self.c.zmq_send(self.handle, frame, len(frame), more), "send")

    def receive(self):
        buffer = ctypes.create_string_buffer(65536)
        size = self.check(self.c.zmq_recv(self.handle, buffer, len(buffer), 0), "receive")
        return buffer.raw[:size]


def expect(what, got, wanted):
    if got != wanted:
        raise Failure(f"{what}: {got[:80]!r}, not {wanted[:80]!r}")


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def until_bound(port):
    """libzmq binds some time after zmq_bind: its port is taken when it has."""
    end = time.monotonic() + PATIENCE / 1000
    while time.monotonic() < end:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            try:
                s.bind(("127.0.0.1", port))
            except OSError:
                return
    raise Failure(f"port {port} is not bound")


def dgrams(one, other, zinc):
    a, b = one.socket(DGRAM), other.socket(DGRAM)
    addresses = []
    for s in a, b:
        port = free_port()
        s.bind(f"udp://127.0.0.1:{port}")
        until_bound(port)
        addresses.append(b"127.0.0.1:%d" % port)
    for body in b"hello", b"", b"\0" * 3, b"x" * 8192:
        a.send(addresses[1], body)
        expect("sender", sender := b.receive(), addresses[0] + b"\0")
        expect("body", b.receive(), body)
        b.send(sender, body + b"!" if len(body) < 8192 else body)
        expect("answerer", a.receive(), addresses[1] + b"\0")
        expect("answer", a.receive(), body + b"!" if len(body) < 8192 else body)


def radio_to_dish(one, other, zinc, where="127.0.0.1"):
    radio, dish = one.socket(RADIO), zinc.socket(DISH)
    endpoint = f"udp://{where}:{free_port()}"
    zinc.c.zmq_join(dish.handle, b"")
    dish.bind(endpoint)
    radio.connect(endpoint)
    for body in b"news", b"", b"y" * 8000:
        radio.send(body)
        expect("body", dish.receive(), body)


def radio_to_group(one, other, zinc):
    radio_to_dish(one, other, zinc, "127.0.0.1;239.7.7.20")


CASES = [
    ("DGRAMs, zinc asks libzmq", dgrams, False),
    ("DGRAMs, libzmq asks zinc", dgrams, True),
    ("libzmq's RADIO to zinc's DISH", radio_to_dish, True),
    ("libzmq's RADIO to zinc's DISH, multicast", radio_to_group, True),
]


def main():
    # By its name first: later that would find the one that is there.
    theirs = ctypes.CDLL("libzmq.so.5", mode=ctypes.RTLD_LOCAL)
    ours = ctypes.CDLL(str(pathlib.Path(sys.argv[1]).resolve() / "libzmq.so.5"),
                       mode=ctypes.RTLD_LOCAL)
    address = [ctypes.cast(c.zmq_version, ctypes.c_void_p).value for c in (theirs, ours)]
    if address[0] == address[1]:
        sys.exit("libzmq.so.5 is zinc itself")
    passed = failed = 0
    for name, talk, libzmq_first in CASES:
        zinc, libzmq = Library("zinc", ours), Library("libzmq", theirs)
        try:
            talk(*((libzmq, zinc) if libzmq_first else (zinc, libzmq)), zinc)
            passed += 1
        except Failure as why:
            print(f"{name}: {why}")
            failed += 1
        finally:
            zinc.close()
            libzmq.close()
    print(f"{passed} passed, {failed} failed")
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())
