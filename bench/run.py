#!/usr/bin/env python3
"""Run the benchmarks with zinc and with the system's libzmq, in turn.

    bench/run.py [--quick] [--rounds N] [--only WORD] [--out DIR] [--build DIR]
    bench/run.py --instructions        count instructions instead: see instructions.py

The same programs are run with either library (LD_LIBRARY_PATH), one round after the
other, the first of a round being now this one and now that one. Of each figure the
median is kept, and the median of the ratios round by round, which says how much better
zinc is: above 1 it is faster, or needs less. Writes README.md, results.tsv and the plots
to docs/benchmarks (--quick: to build/benchmarks), unless --out says where.
Leave the machine idle.
"""
import argparse
import collections
import datetime
import os
import pathlib
import platform
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time

import instructions
import plot

ROOT = pathlib.Path(__file__).resolve().parent.parent
TRANSPORTS = ["tcp", "ipc", "inproc"]
SIZES = [16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576]
QUICK_SIZES = [32, 1024, 32768]
TIMEOUT = 60                            # seconds a program may take

Figure = collections.namedtuple("Figure", "zinc libzmq ratio low high")

# Figures of which less is better.
LESS = re.compile("CPU|memory|latency")


def libraries(build):
    """For each name: the directory to put first, the file, what it says it is."""
    found = {}
    for name, folder in (("zinc", build), ("libzmq", None)):
        out = subprocess.run(["ldd", build / "bench" / "path"], check=True, text=True,
                             env=environment(folder), capture_output=True).stdout
        path = re.search(r"libzmq\.so\.5 => (\S+)", out)
        if path is None:
            sys.exit(f"no libzmq.so.5 for {name}")
        ours = pathlib.Path(path[1]).resolve().is_relative_to(ROOT)
        if ours != (name == "zinc"):
            sys.exit(f"{name} would be {path[1]}")
        found[name] = (folder, version(path[1]))
    return found


def version(path):
    code = ("import ctypes, sys\n"
            "v = [ctypes.c_int() for _ in range(3)]\n"
            "ctypes.CDLL(sys.argv[1]).zmq_version(*map(ctypes.byref, v))\n"
            "print(*(x.value for x in v), sep='.')")
    return subprocess.run([sys.executable, "-c", code, path], check=True, text=True,
                          capture_output=True).stdout.strip()


def environment(folder):
    env = {k: v for k, v in os.environ.items() if k != "LD_LIBRARY_PATH"}
    if folder is not None:
        env["LD_LIBRARY_PATH"] = str(folder)
    return env


# ---- Programs.

def start(build, folder, program, *args):
    return subprocess.Popen([build / "bench" / program, *map(str, args)], text=True,
                            env=environment(folder), stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE)


def finish(process):
    """Its figures: {"name [unit]": value}."""
    try:
        out, err = process.communicate(timeout=TIMEOUT)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise RuntimeError(f"took longer than {TIMEOUT} s") from None
    if process.returncode != 0:
        raise RuntimeError(err.strip() or f"exit status {process.returncode}")
    rows = re.findall(r"^(.+): ([\d.e+-]+) (\[.+\])$", out, re.M)
    return {f"{name} {unit}": float(value) for name, value, unit in rows
            if name != "message size"}


def address(transport, scratch):
    if transport == "ipc":
        return f"ipc://{scratch}/ipc"
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return f"tcp://127.0.0.1:{s.getsockname()[1]}"


def await_listener(where):
    """libzmq's sender can hang if it connects before the other one has bound."""
    if where.startswith("ipc"):
        table, pattern = "unix", rf" 00010000 .* {re.escape(where[6:])}$"
    else:
        table, pattern = "tcp", rf": 0100007F:{int(where.rsplit(':')[-1]):04X} \S+ 0A "
    end = time.monotonic() + TIMEOUT
    while not re.search(pattern, pathlib.Path("/proc/net", table).read_text(), re.M):
        if time.monotonic() > end:
            raise RuntimeError("never listened")
        time.sleep(0.005)


def run_both_sides(build, folder, kind, transport, size, count, scratch):
    """local_X and remote_X; CPU per message is that of both."""
    where = address(transport, scratch)
    local = start(build, folder, f"local_{kind}", where, size, count)
    try:
        await_listener(where)
        theirs = finish(start(build, folder, f"remote_{kind}", where, size, count))
        ours = finish(local)
    finally:
        local.kill()
        local.communicate()
    cpu = "CPU per message [us]"
    both = {**theirs, **ours, cpu: theirs[cpu] + ours[cpu]}
    return dict(sorted(both.items(), key=lambda f: f[0] == cpu))


def workloads(quick):
    """(what, transport, size, the function that measures it once)."""
    scale = 20 if quick else 1
    work = []

    def exchange(kind, transport, size, count):
        count = max(count // scale, 100)
        if transport == "inproc":
            return lambda b, f, _: finish(start(b, f, f"inproc_{kind}", size, count))
        return lambda b, f, d: run_both_sides(b, f, kind, transport, size, count, d)

    for transport in TRANSPORTS:
        for size in QUICK_SIZES if quick else SIZES:
            work.append(("latency", transport, size, exchange(
                "lat", transport, size, min(20000, 400_000_000 // size))))
            work.append(("throughput", transport, size, exchange(
                "thr", transport, size, min(3_000_000, 1_500_000_000 // size))))

    def single(program, transport, size, *args):
        where = {"tcp": ["tcp://127.0.0.1:*"], "ipc": ["ipc://*"], "inproc": []}[transport]
        work.append((program, transport, size,
                     lambda b, f, _: finish(start(b, f, program, *where, *args))))

    single("proxy_thr", "inproc", 32, 32, 1_000_000 // scale)
    for subscribers, count in ((10, 200_000), (100, 20_000)):
        single("fan_out", "tcp", subscribers, subscribers, 32, count // scale)
    single("subscriptions", "tcp", 100_000 // scale, 100_000 // scale, 1_000_000 // scale)
    single("connections", "tcp", 4_000 // scale, 4_000 // scale, 4)
    return work


# ---- Figures.

def compare(name, rounds):
    """rounds: pairs of figures, zinc's and libzmq's."""
    pairs = [(z[name], q[name]) for z, q in rounds]
    less = LESS.search(name)
    ratios = sorted((q / z if less else z / q) for z, q in pairs if z > 0 and q > 0)
    if not ratios:
        ratios = [float("nan")]
    return Figure(statistics.median(p[0] for p in pairs),
                  statistics.median(p[1] for p in pairs),
                  statistics.median(ratios), ratios[0], ratios[-1])


def measure(options, libs):
    """{(what, transport, size, figure): Figure}, and what failed."""
    results, failed = {}, []
    for what, transport, size, once in workloads(options.quick):
        if options.only and options.only not in f"{what}-{transport}-{size}":
            continue
        rounds = []
        for i in range(options.rounds):
            order = ["zinc", "libzmq"] if i % 2 == 0 else ["libzmq", "zinc"]
            got = {}
            for name in order:
                with tempfile.TemporaryDirectory() as scratch:
                    try:
                        got[name] = once(options.build, libs[name][0], scratch)
                    except RuntimeError as e:
                        failed.append(f"{what} {transport} {size} with {name}: {e}")
            if len(got) == 2:
                rounds.append((got["zinc"], got["libzmq"]))
        if not rounds:
            continue
        for name in rounds[0][0]:
            results[what, transport, size, name] = compare(name, rounds)
        first = next(iter(rounds[0][0]))
        f = results[what, transport, size, first]
        print(f"{what:14} {transport:7} {size:8}  {first:34} {number(f.zinc):>12} "
              f"{number(f.libzmq):>12} {f.ratio:6.2f}x", flush=True)
    return results, failed


def write_results(path, results):
    with open(path, "w") as out:
        print("what\ttransport\tsize\tfigure\tzinc\tlibzmq\tratio\tlow\thigh", file=out)
        for key, figure in results.items():
            print(*key, *(f"{x:.6g}" for x in figure), sep="\t", file=out)


# ---- The page.

def number(x):
    if x >= 1e6:
        return f"{x / 1e6:.2f} M"
    if x >= 1000:
        return f"{x:,.0f}"
    return f"{x:.3g}" if x < 100 else f"{x:.0f}"


def size_text(size):
    for unit in ("B", "KiB", "MiB"):
        if size < 1024 or size % 1024:
            return f"{size} {unit}"
        size //= 1024
    return f"{size} GiB"


def cell(f):
    return f"{number(f.zinc)} / {number(f.libzmq)}"


def gain(f):
    return f"**{f.ratio:.2f}** ({f.low:.2f}–{f.high:.2f})"


def table(head, rows, words=1):
    """The first columns are words, the others numbers."""
    return ["| " + " | ".join(head) + " |",
            "|" + "---|" * words + "---:|" * (len(head) - words)] + \
           ["| " + " | ".join(r) + " |" for r in rows]


LATENCY = ["average latency [us]", "p50 latency [us]", "p99 latency [us]",
           "p99.9 latency [us]", "CPU per message [us]"]


def exchange_tables(results):
    for transport in TRANSPORTS:
        sizes = sorted({k[2] for k in results if k[:2] == ("latency", transport)} |
                       {k[2] for k in results if k[:2] == ("throughput", transport)})
        if not sizes:
            continue
        yield from ["", f"## {transport}", ""]
        for what in ("throughput", "latency"):
            if any(k[:2] == (what, transport) for k in results):
                yield f"![{what} over {transport}, by message size]({what}-{transport}.svg)"
        rows = []
        for size in sizes:
            got = [results.get(("latency", transport, size, name)) for name in LATENCY]
            if None not in got:
                rows.append([size_text(size), *map(cell, got), gain(got[0]), gain(got[4])])
        if rows:
            yield from ["", "One way, in microseconds, half of there and back: "
                        "zinc / libzmq.", ""]
            yield from table(["size", "mean", "p50", "p99", "p99.9", "CPU per message",
                              "mean better by", "CPU better by"], rows)
        rows = []
        for size in sizes:
            got = [results.get(("throughput", transport, size, name)) for name in
                   ("mean throughput [msg/s]", "mean throughput [Mb/s]",
                    "CPU per message [us]")]
            if None not in got:
                rows.append([size_text(size), *map(cell, got), gain(got[0]), gain(got[2])])
        if rows:
            yield from ["", "Streams: zinc / libzmq.", ""]
            yield from table(["size", "messages a second", "Mbit/s", "CPU per message, us",
                              "throughput better by", "CPU better by"], rows)


PROGRAMS = {
    "proxy_thr": "through `zmq_proxy`, {0}-byte messages",
    "fan_out": "1 publisher, {0} subscribers, 32 bytes",
    "subscriptions": "{0:,} topics",
    "connections": "{0:,} connections",
}


def program_table(results):
    rows = [[f"`{what}` {transport}: {PROGRAMS[what].format(size)}", name, cell(f), gain(f)]
            for (what, transport, size, name), f in results.items() if what in PROGRAMS]
    if rows:
        yield from ["", "## Other programs", ""]
        yield from table(["program", "figure", "zinc / libzmq", "better by"], rows, 2)


def facts(options, libs, loads):
    commit = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=ROOT, text=True,
                            capture_output=True).stdout.strip()
    debian = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", "libzmq5"], text=True,
                            capture_output=True).stdout.strip()
    yield f"- {datetime.date.today()}, {options.rounds} rounds"
    if options.quick or options.only:
        yield "- a **short** run: too short to tell differences of a few percent"
    yield (f"- {platform.system()} {platform.release()}, {platform.machine()}, "
           f"{os.cpu_count()} cores; load average {loads[0]:.2f} before and "
           f"{loads[1]:.2f} after")
    yield (f"- zinc {libs['zinc'][1]}" + (f" ({commit})" if commit else "") +
           f"; libzmq {libs['libzmq'][1]}" + (f" (Debian {debian})" if debian else ""))


INTRO = """# Benchmarks

zinc beside libzmq on one machine: the same programs ([bench/](../../bench)), linked once
and run with one library and with the other in turn. `./dev bench` writes this page.
"""

READ = """
Each figure is the median of the rounds. *Better by* is the median of the ratios round by
round, with the least and the greatest of them: above 1 zinc is faster, or needs less.
Clocks are `CLOCK_MONOTONIC` and `getrusage`; CPU is that of all threads of both sides, in
the program and in the kernel. The two sides of tcp and ipc are processes, those of inproc
threads. [PERFORMANCE.md](../PERFORMANCE.md) tells what is behind the figures.
"""


def write_page(path, options, libs, loads, results, failed):
    lines = [INTRO, *facts(options, libs, loads), READ.rstrip()]
    lines += exchange_tables(results)
    lines += program_table(results)
    if failed:
        lines += ["", "## Failed", ""] + [f"- {x}" for x in failed]
    path.write_text("\n".join(lines) + "\n")


def main():
    parser = argparse.ArgumentParser(prog="./dev bench", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="seconds instead of a quarter of an hour")
    parser.add_argument("--rounds", type=int, default=0, help="default: 5, --quick: 2")
    parser.add_argument("--only", metavar="WORD",
                        help="only what has it in its name, as in latency-tcp-64")
    parser.add_argument("--out", type=pathlib.Path)
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build/release")
    parser.add_argument("--instructions", action="store_true",
                        help="renew the table of docs/PERFORMANCE.md")
    options = parser.parse_args()
    options.build = options.build.resolve()
    options.rounds = options.rounds or (2 if options.quick else 5)
    libs = libraries(options.build)
    if options.instructions:
        return instructions.renew(options.build, {n: environment(libs[n][0]) for n in libs})

    out = options.out or ROOT / ("build/benchmarks" if options.quick else "docs/benchmarks")
    out.mkdir(parents=True, exist_ok=True)
    before = os.getloadavg()[0]
    results, failed = measure(options, libs)
    loads = (before, os.getloadavg()[0])
    write_results(out / "results.tsv", results)
    write_page(out / "README.md", options, libs, loads, results, failed)
    plot.draw_all(out / "results.tsv", out)
    print(f"\n{out}/README.md")
    for line in failed:
        print(f"failed: {line}", file=sys.stderr)
    return 1 if failed or not results else 0


if __name__ == "__main__":
    sys.exit(main())
