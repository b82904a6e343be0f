#!/usr/bin/env python3
"""epgm, pgm and norm on a network: a publisher and subscribers of zinc and of the system's
libzmq, each in a network namespace of its own, joined by pairs of veth and a bridge; one of
them late; and with packets lost on the way.

    multicast.py CAST ZINC_DIR [--only TEXT] [-v]

CAST is tests/interop/cast.c built; the other arguments and the last line are interop.py's.
Needs ip(8) and the permission to make namespaces, else all of it is skipped. Losses are made
by netem, or by nft where the kernel has no netem; where it has neither, they are skipped.
The namespaces, and so the links in them, are gone when it ends, however it ends.
"""
import atexit
import contextlib
import itertools
import os
import selectors
import shutil
import signal
import subprocess
import sys
import time

import interop
from interop import Failure

PATIENCE = 40
HOSTS = ["pub", "sub1", "sub2", "late"]
HUB = "hub"
LOSS = 5                                 # of 100 packets, each way
RATE = 8000                              # kbit/s
BURST = 11                               # messages; one of each size
PREFIX = f"zinc{os.getpid()}"


def ip(*args, check=True):
    done = subprocess.run(["ip", *args], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, timeout=PATIENCE)
    if check and done.returncode != 0:
        raise Failure(f"ip {' '.join(args)}: {done.stdout.strip()}")
    return done.returncode == 0


def space(host):
    return f"{PREFIX}-{host}"


def address(host):
    return f"10.77.7.{HOSTS.index(host) + 1}"


def inside(host, *command):
    return ["ip", "netns", "exec", space(host), *command]


class Network:
    """Hosts on one bridge, which has a namespace too: nothing is left in ours."""

    def __enter__(self):
        for host in [HUB, *HOSTS]:
            ip("netns", "add", space(host))
            atexit.register(ip, "netns", "del", space(host), check=False)
        hub = ["-n", space(HUB)]
        ip(*hub, "link", "add", "hub0", "type", "bridge", "mcast_snooping", "0")
        ip(*hub, "link", "set", "hub0", "up")
        for host in HOSTS:
            here = ["-n", space(host)]
            ip("link", "add", host, "netns", space(HUB), "type", "veth", "peer", "name",
               "cast0", "netns", space(host))
            ip(*hub, "link", "set", host, "master", "hub0", "up")
            ip(*here, "addr", "add", f"{address(host)}/24", "dev", "cast0")
            ip(*here, "link", "set", "lo", "up")
            ip(*here, "link", "set", "cast0", "up")
            ip(*here, "route", "add", "224.0.0.0/4", "dev", "cast0")
        return self

    def __exit__(self, *ignored):
        for host in [HUB, *HOSTS]:
            ip("netns", "del", space(host), check=False)

    def lose(self, host):
        """Packets that come to host and that leave it; False: there is no means."""
        def try_all(*commands):
            return all(subprocess.run(c, stdout=subprocess.DEVNULL, timeout=PATIENCE,
                                      stderr=subprocess.DEVNULL).returncode == 0
                       for c in commands)
        netem = ["root", "netem", "loss", f"{LOSS}%"]
        if shutil.which("tc") and try_all(
                inside(host, "tc", "qdisc", "add", "dev", "cast0", *netem),
                inside(HUB, "tc", "qdisc", "add", "dev", host, *netem)):
            return "netem"
        rules = "table ip loss {\n" + "".join(
            f"chain {hook} {{\ntype filter hook {hook} priority 0\n"
            f"ip protocol != igmp numgen random mod 100 < {LOSS} drop\n}}\n"
            for hook in ("input", "output")) + "}\n"
        if shutil.which("nft") and try_all(inside(host, "nft", rules)):
            return "nft"
        return None


class Cast:
    """One process: a socket in a namespace, of one of the two libraries."""

    def __init__(self, bench, host, side, role, endpoint, small):
        env = {k: v for k, v in os.environ.items() if k != "LD_LIBRARY_PATH"}
        env["PGM_MIN_LOG_LEVEL"] = "FATAL"
        if side == "zinc":
            env["LD_LIBRARY_PATH"] = bench.zinc
        self.what = f"{side} at {host}"
        self.process = subprocess.Popen(
            inside(host, bench.peer, role, endpoint, str(RATE), "small" if small else "all"),
            env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.process.stdout, selectors.EVENT_READ)
        self.rest = b""
        library = self.line().removeprefix("library ")
        if (os.path.dirname(os.path.realpath(library)) == bench.zinc) != (side == "zinc"):
            raise Failure(f"{self.what} has loaded {library}")
        self.line()

    def line(self, patience=PATIENCE):
        end = time.monotonic() + patience
        while b"\n" not in self.rest:
            if not self.selector.select(max(0, end - time.monotonic())):
                raise Failure(f"{self.what} is silent")
            got = os.read(self.process.stdout.fileno(), 65536)
            if not got:
                said = self.process.stderr.read().decode(errors="replace").strip()
                raise Failure(f"{self.what} ended, status {self.process.wait()}: {said}")
            self.rest += got
        line, self.rest = self.rest.split(b"\n", 1)
        return line.decode(errors="replace")

    def is_heard(self):
        """Whether a line has come, without much waiting."""
        return b"\n" in self.rest or bool(self.selector.select(0.05))

    def say(self, text):
        self.process.stdin.write(text.encode() + b"\n")
        self.process.stdin.flush()
        if self.line() != "sent":
            raise Failure(f"{self.what} has not sent")

    def numbers(self, upto):
        """The numbers that come, up to that one; they must follow each other."""
        got = []
        while not got or got[-1] != upto:
            line = self.line()
            if line == "warm":
                continue
            if not line.isdigit():
                raise Failure(f"{self.what}: {line}")
            got.append(int(line))
            if len(got) > 1 and got[-1] != got[-2] + 1:
                raise Failure(f"{self.what}: {got[-1]} after {got[-2]}")
        return got

    def kill(self):
        with contextlib.suppress(OSError):
            self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            with contextlib.suppress(OSError):
                stream.close()


GROUPS = itertools.count(1)


class Run:
    """Two subscribers, then a publisher, then one more subscriber."""

    def __init__(self, bench):
        self.bench, self.casts = bench, []

    def start(self, host, side, role, endpoint, small):
        cast = Cast(self.bench, host, side, role, endpoint.format(address(host)), small)
        self.casts.append(cast)
        return cast

    def warm(self, publisher, *subscribers):
        """Until each of them has heard something: from then on nothing may be missing."""
        end = time.monotonic() + PATIENCE
        waiting = list(subscribers)
        while waiting:
            if time.monotonic() > end:
                raise Failure(f"{waiting[0].what} hears nothing")
            publisher.say("warm")
            waiting = [s for s in waiting if not s.is_heard()]

    def say_all(self, publisher, subscribers, numbers):
        """Some at a time: a burst would overflow the kernel's buffers, by chance."""
        for begin in range(numbers.start, numbers.stop, BURST):
            end = min(begin + BURST, numbers.stop)
            publisher.say(f"go {begin} {end}")
            for subscriber in subscribers:
                got = subscriber.numbers(end - 1)
                if got != list(range(begin, end)):
                    raise Failure(f"{subscriber.what} has heard {got}, not from {begin} on")

    def talk(self, case):
        scheme, sender, (first, second, third), small, count = case
        endpoint = f"{scheme}://{{}};239.77.7.{next(GROUPS)}:7500"
        a = self.start("sub1", first, "take", endpoint, small)
        b = self.start("sub2", second, "take", endpoint, small)
        publisher = self.start("pub", sender, "send", endpoint, small)
        self.warm(publisher, a, b)
        self.say_all(publisher, [a, b], range(count))
        if third is None:
            return
        late = self.start("late", third, "take", endpoint, small)
        self.warm(publisher, late)
        self.say_all(publisher, [a, b, late], range(count, 2 * count))

    def run(self, case):
        try:
            self.talk(case)
            return None
        except (Failure, subprocess.TimeoutExpired, OSError) as e:
            return str(e)
        finally:
            for cast in self.casts:
                cast.kill()


def cases(sides):
    """Without losses, then with them. libzmq 4.3.4 sends over norm as slowly as its first
    guess of the network makes it, so it gets little to say; over pgm it may stay behind a loss
    for ever, so it only sends where there are some."""
    for scheme, name in (("epgm", "pgm"), ("pgm", "pgm"), ("norm", "norm")):
        have = [side for side in ("zinc", "libzmq") if name in sides[side]]
        other = have[-1]
        for sender in have:
            slow = scheme == "norm" and sender == "libzmq"
            for lossy in (False,) if slow else (False, True):
                late = None if slow or lossy else "zinc"
                second = "zinc" if lossy else other
                count = BURST if slow else 2 * BURST if scheme == "norm" else 6 * BURST
                yield lossy, (scheme, sender, ("zinc", second, late), slow, count)


def describe(lossy, case):
    scheme, sender, takers, _, _ = case
    return (f"{scheme}, {sender} to {' and '.join(t for t in takers[:2])}"
            f"{', one late' if takers[2] else ''}{f', {LOSS}% lost' if lossy else ''}")


def transports(bench):
    """What each library has."""
    found = {}
    for side in ("zinc", "libzmq"):
        env = dict(os.environ)
        env.pop("LD_LIBRARY_PATH", None)
        if side == "zinc":
            env["LD_LIBRARY_PATH"] = bench.zinc
        found[side] = [name for name in ("pgm", "norm") if subprocess.run(
            [bench.peer, "has", name], env=env, stdout=subprocess.PIPE,
            timeout=PATIENCE).stdout.strip() == b"1"]
        for name in ("pgm", "norm"):
            if name not in found[side]:
                print(f"skip: {side} has no {name}")
    return found


def run_all(bench, args, lossy, chosen):
    results = []
    with Network() as network:
        if lossy:
            means = {network.lose(host) for host in ("sub1", "sub2")}
            if None in means:
                print("skip: neither netem nor nft can lose packets here")
                return results
        for case in chosen:
            begin = time.monotonic()
            error = Run(bench).run(case)
            results.append(error is None)
            if error or args.v:
                print(f"{'FAIL' if error else 'ok  '} {describe(lossy, case)}"
                      f" ({time.monotonic() - begin:.1f} s){f': {error}' if error else ''}",
                      flush=True)
    return results


def main():
    args = interop.arguments()
    bench = interop.Bench(os.path.realpath(args.peer), args.zinc, None)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    if shutil.which("ip") is None or not ip("netns", "add", space("try"), check=False):
        print("skip: no permission to make network namespaces\n0 passed, 0 failed")
        return 0
    ip("netns", "del", space("try"))
    results = []
    everything = [c for c in cases(transports(bench)) if args.only in describe(*c)]
    for lossy in (False, True):
        chosen = [case for is_lossy, case in everything if is_lossy == lossy]
        if chosen:
            results += run_all(bench, args, lossy, chosen)
    print(f"{results.count(True)} passed, {results.count(False)} failed")
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
