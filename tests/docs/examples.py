#!/usr/bin/env python3
"""The manual keeps its word.

    tests/docs/examples.py BUILD-DIR

Every program in docs/man and README.md (a ```c block with an `int main`) is compiled with
warnings as errors, linked with BUILD-DIR/libzmq.so.5, run, and must return 0 within 10 s.
Every other ```c block must be what zmq.h declares. Every function that the library exports
has a page and stands in the index, every socket option in zmq_socket_options.md; links
lead somewhere; docs/options.md is what tools/gen_options.c prints; and each test that
docs/differences.md names is there."""
import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
MAN = ROOT / "docs/man"
CC = os.environ.get("CC", "cc").split()
WARNINGS = ["-Wall", "-Wextra", "-Werror"]


def blocks(page):
    """The ```c blocks of a page, with the lines on which they begin."""
    block, start = None, 0
    for number, line in enumerate(page.read_text().splitlines(), 1):
        if block is None and line.strip() == "```c":
            block, start = [], number + 1
        elif block is not None and line.strip() == "```":
            yield start, "\n".join(block) + "\n"
            block = None
        elif block is not None:
            block.append(line)


def run(command, timeout=60, **more):
    """What went wrong, or None."""
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              stdin=subprocess.DEVNULL, timeout=timeout, text=True, **more)
    except subprocess.TimeoutExpired:
        return f"not done after {timeout} s"
    return None if done.returncode == 0 else f"returned {done.returncode}\n{done.stdout}"


def check_program(name, text, build, folder):
    source, program = folder / f"{name}.c", folder / name
    source.write_text(text)
    wrong = run([*CC, *WARNINGS, f"-I{ROOT}/include", source, "-o", program,
                 f"-L{build}", f"-Wl,-rpath,{build}", "-l:libzmq.so.5"])
    return wrong or run([program], timeout=10, cwd=folder)


def check_synopsis(name, text, folder):
    """Declarations that differ from those of zmq.h do not compile beside them."""
    source = folder / f"{name}.c"
    source.write_text("#include <zmq.h>\n" + text)
    return run([*CC, *WARNINGS, "-std=c11", f"-I{ROOT}/include", "-fsyntax-only", source])


def code_checks(build, folder):
    for page in [*sorted(MAN.glob("*.md")), ROOT / "README.md"]:
        for line, text in blocks(page):
            where, name = f"{page.relative_to(ROOT)}:{line}", f"{page.stem}-{line}"
            if "int main" in text:
                yield where, lambda n=name, t=text: check_program(n, t, build, folder)
            else:
                yield where, lambda n=name, t=text: check_synopsis(n, t, folder)


def exported(build):
    lines = subprocess.run(["nm", "-D", "--defined-only", build / "libzmq.so.5"], check=True,
                           capture_output=True, text=True).stdout.splitlines()
    return {line.split()[2] for line in lines}


def missing(wanted, found, what):
    gone = sorted(set(wanted) - set(found))
    return f"{what}: {', '.join(gone)}" if gone else None


def check_pages(build):
    headings = " ".join(p.read_text().splitlines()[0] for p in MAN.glob("zmq*.md"))
    return missing(exported(build), re.findall(r"\bzmq_\w+", headings), "without a page")


def check_index(build):
    index = re.findall(r"^\| \[(zmq_\w+)\]", (MAN / "README.md").read_text(), re.M)
    functions = exported(build)
    return (missing(functions, index, "not in the index") or
            missing(index, functions, "in the index, but not exported"))


def check_options():
    header = (ROOT / "include/zmq.h").read_text()
    listed = header.split("/* Socket options.")[1].split("/* ZMQ_MECHANISM */")[0]
    page = (MAN / "zmq_socket_options.md").read_text()
    return missing(re.findall(r"^#define (ZMQ_\w+)", listed, re.M),
                   re.findall(r"\bZMQ_\w+", page), "not in zmq_socket_options.md")


def check_links():
    wrong = []
    for page in [*MAN.glob("*.md"), *ROOT.glob("docs/*.md"), ROOT / "README.md"]:
        text = re.sub(r"```.*?```", "", page.read_text(), flags=re.S)
        for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text):
            if "://" not in target and not (page.parent / target).exists():
                wrong.append(f"{page.relative_to(ROOT)}: {target}")
    return "\n".join(wrong) or None


def check_generated(build, folder):
    program = folder / "gen_options"
    wrong = run([*CC, "-std=c11", "-D_GNU_SOURCE", f"-I{ROOT}/src", f"-I{ROOT}/include",
                 ROOT / "tools/gen_options.c", build / "libzmq.a", "-lpthread", "-o", program])
    if wrong:
        return wrong
    made = subprocess.run([program], check=True, capture_output=True, text=True).stdout
    if made != (ROOT / "docs/options.md").read_text():
        return f"docs/options.md is old: cmake --build {os.path.relpath(build, ROOT)} -t docs"
    return None


def check_differences():
    """Its rows end in `folder/file_test.c: test_name`, perhaps several."""
    text, wrong = (ROOT / "docs/differences.md").read_text(), []
    named = re.findall(r"`([\w/]+_test\.c): (\w+)`", text)
    for file, test in named:
        path = ROOT / "tests" / file
        if not path.exists() or not re.search(rf"\b(TEST|TEST_TIMEOUT|\w+_TESTS)\({test}\b",
                                              path.read_text()):
            wrong.append(f"no {test} in tests/{file}")
    return "\n".join(wrong) or (None if named else "names no test")


def main():
    build = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "build/release").resolve()
    passed = failed = 0
    with tempfile.TemporaryDirectory() as name, \
            concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        folder = pathlib.Path(name)
        checks = [*code_checks(build, folder),
                  ("a page for every function", lambda: check_pages(build)),
                  ("the index", lambda: check_index(build)),
                  ("a row for every option", check_options),
                  ("links", check_links),
                  ("docs/options.md", lambda: check_generated(build, folder)),
                  ("tests in docs/differences.md", check_differences)]
        for (what, _), wrong in zip(checks, pool.map(lambda c: c[1](), checks)):
            passed, failed = passed + (wrong is None), failed + (wrong is not None)
            if wrong is not None:
                print(f"{what}: {wrong}")
    print(f"{passed} passed, {failed} failed")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
