#!/usr/bin/python3
"""Run pyzmq's own tests, as Debian ships them, over zinc.

    pyzmq.py ZINC_DIR [--only TEXT]     what passes with Debian's libzmq must pass
    pyzmq.py --baseline                 note in pyzmq-baseline.txt what does

The tests run in /usr/bin/python3 with ZINC_DIR's libzmq.so.5, proven from the process's
memory map. A process that a test hangs or kills is replaced, and that test has failed.
A test that fails is tried twice more, and if it passes then, the report says so. Tests
of security mechanisms are left out. The last line is "N passed, N failed".
"""
import argparse
import os
import pathlib
import re
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
BASELINE = HERE / "pyzmq-baseline.txt"
SECURITY = re.compile(r"curve|plain|auth|security|gssapi", re.IGNORECASE)
TIMEOUT = 30
TRIES = 3


def version():
    return subprocess.run(["dpkg-query", "-W", "-f", "${Version}", "python3-zmq"], check=True,
                          capture_output=True, text=True).stdout


class Runner:
    def __init__(self, library_dir, folder):
        self.library_dir, self.folder, self.log = library_dir, pathlib.Path(folder), ""

    def pytest(self, tests):
        """One process of pytest; the lines that the plugin noted."""
        results, wanted = self.folder / "results", self.folder / "wanted"
        results.write_text("")
        env = dict(os.environ, PYTHONPATH=str(HERE), PYZMQ_RESULTS=str(results),
                   PYTHONDONTWRITEBYTECODE="1")
        env.pop("LD_LIBRARY_PATH", None)
        if self.library_dir:
            env["LD_LIBRARY_PATH"] = self.library_dir
        if tests is not None:
            wanted.write_text("\n".join(tests))
            env["PYZMQ_TESTS"] = str(wanted)
        command = ["/usr/bin/python3", "-m", "pytest", "-q", "-p", "no:cacheprovider",
                   "-p", "pyzmq_plugin", f"--timeout={TIMEOUT}", "--timeout-method=thread",
                   "--tb=short", "--pyargs", "zmq.tests"]
        try:
            done = subprocess.run(command, env=env, cwd=self.folder, text=True, timeout=900,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                  errors="replace")
            self.log = done.stdout
        except subprocess.TimeoutExpired:
            self.log = "pytest itself did not end"
        notes = [line.split(" ", 1) for line in results.read_text().splitlines()]
        self.check_library([value for word, value in notes if word == "library"])
        return notes

    def check_library(self, loaded):
        ours = self.library_dir and os.path.realpath(self.library_dir)
        if len(set(loaded)) != 1 or (ours and os.path.dirname(loaded[0]) != ours):
            print(self.log[-2000:])
            sys.exit(f"not this library alone was loaded: {loaded}")
        self.loaded = loaded[0]

    def find(self):
        return [value for word, value in self.pytest(None) if word == "found"]

    def run(self, tests):
        """{test: outcome}, in as many processes as it takes."""
        outcome, left = {}, list(tests)
        while left:
            notes = self.pytest(left)
            current = None
            for word, test in notes:
                if word == "started":
                    current = test
                elif word in ("passed", "failed", "skipped"):
                    # A failure in setup or teardown outweighs what the body did.
                    if outcome.get(test) != "failed":
                        outcome[test] = word
                    current = None if word != "failed" else current
            if current is not None and current not in outcome:
                outcome[current] = "failed"
                print(f"    {current} hung or ended the process:")
                print("\n".join("        " + x for x in self.log.splitlines()[-25:]))
            before, left = len(left), [t for t in left if t not in outcome]
            if len(left) == before:
                for test in left:
                    outcome[test] = "lost"
                break
        return outcome


def make_baseline(runner):
    tests = [t for t in runner.find() if not SECURITY.search(t)]
    outcome = runner.run(tests)
    lines = sorted(t for t in tests if outcome.get(t) == "passed")
    BASELINE.write_text(f"# python3-zmq {version()}: passes with Debian's libzmq\n"
                        + "\n".join(lines) + "\n")
    print(f"{len(lines)} of {len(tests)} noted in {BASELINE.name}")


def check(runner, only):
    head, *tests = BASELINE.read_text().splitlines()
    if head.split()[2].rstrip(":") != version():
        print(f"note: the baseline is of another version than the installed {version()}")
    tests = [t for t in tests if only in t]
    outcome = runner.run(tests)
    print(f"loaded: {runner.loaded}")
    for again in range(2, TRIES + 1):
        bad = [t for t in tests if outcome[t] != "passed"]
        if not bad:
            break
        # The log is of the last process only: show it before it is replaced.
        print(f"{len(bad)} not passed at try {again - 1}; again: {' '.join(bad[:20])}")
        second = runner.run(bad)
        for test in bad:
            if second[test] == "passed":
                print(f"    {test} passed at try {again}")
            outcome[test] = second[test]
    bad = [t for t in tests if outcome[t] != "passed"]
    if bad:
        print("\n".join("    " + x for x in runner.log.splitlines()[-60:]))
    for test in bad:
        print(f"FAIL {test} ({outcome[test]})")
    print(f"{len(tests) - len(bad)} passed, {len(bad)} failed")
    return 1 if bad or not tests else 0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("zinc", nargs="?")
    parser.add_argument("--baseline", action="store_true")
    parser.add_argument("--only", default="")
    args = parser.parse_args()
    if not args.baseline and not args.zinc:
        parser.error("which library?")
    with tempfile.TemporaryDirectory(prefix="zinc-") as folder:
        if args.baseline:
            return make_baseline(Runner(None, folder))
        return check(Runner(os.path.realpath(args.zinc), folder), args.only)


sys.exit(main())
