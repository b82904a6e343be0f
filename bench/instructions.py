"""Instructions that a message costs, counted by valgrind; renews the table in
docs/PERFORMANCE.md. Run by `./dev bench --instructions`.

bench/path.c sends a hundred messages and receives them, again and again, in one thread.
Each cost is the difference of two runs of different length, so that beginning and end cost
nothing. `zmq_msg_send` and `zmq_msg_recv` count with all that they call; `all` is the
whole process, the I/O thread as well, but not the kernel.
"""
import pathlib
import re
import statistics
import subprocess
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs/PERFORMANCE.md"
BEGIN, END = "<!-- instructions: ./dev bench --instructions -->", "<!-- end -->"
SIZE = 32
SHORT, LONG = 2000, 6000                 # messages
RUNS = 3
ADDRESSES = {"inproc": "inproc://path", "tcp": "tcp://127.0.0.1:*"}
WHAT = ["zmq_msg_send", "zmq_msg_recv", "all"]


def instructions(build, env, address, count, function):
    """Of one run; of one function and what it calls, or of all."""
    with tempfile.TemporaryDirectory() as scratch:
        out = pathlib.Path(scratch, "callgrind.out")
        command = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}",
                   "--fair-sched=yes"]
        if function != "all":
            command.append(f"--toggle-collect={function}")
        command += [build / "bench/path", address, str(SIZE), str(count)]
        subprocess.run(command, env=env, check=True, capture_output=True)
        return int(re.search(r"^(?:totals|summary): (\d+)", out.read_text(), re.M)[1])


def cost(build, env, address, function):
    tries = []
    for _ in range(RUNS):
        a, b = (instructions(build, env, address, n, function) for n in (SHORT, LONG))
        tries.append((b - a) / (LONG - SHORT))
    return statistics.median(tries)


def renew(build, envs):
    lines = [f"| {SIZE} bytes, one thread | `zmq_msg_send` | `zmq_msg_recv` | all |",
             "|---|---:|---:|---:|"]
    for transport, address in ADDRESSES.items():
        for library, env in envs.items():
            costs = [f"{cost(build, env, address, f):.0f}" for f in WHAT]
            lines.append(f"| {transport}, {library} | " + " | ".join(costs) + " |")
            print(lines[-1], flush=True)
    text = PAGE.read_text()
    head, rest = text.split(BEGIN, 1)
    tail = rest.split(END, 1)[1]
    PAGE.write_text(head + BEGIN + "\n\n" + "\n".join(lines) + "\n\n" + END + tail)
    return 0
