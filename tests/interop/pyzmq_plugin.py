"""What pyzmq.py has pytest load: runs the tests listed in a file, notes each start and
outcome in another as it happens, and says which libzmq.so.5 is in memory."""
import os
import re

def node(item_id):
    return re.sub(r".*(test_\w+\.py)", r"\1", item_id, count=1)


def note(*words):
    with open(os.environ["PYZMQ_RESULTS"], "a") as f:
        print(*words, file=f)


def libraries():
    with open("/proc/self/maps") as f:
        return {os.path.realpath(m) for m in re.findall(r"/\S*libzmq[-.\w]*\.so[.\d]*", f.read())}


def pytest_collection_modifyitems(config, items):
    for path in libraries():
        note("library", path)
    if "PYZMQ_TESTS" not in os.environ:
        for item in items:
            note("found", node(item.nodeid))
        items[:] = []
        return
    with open(os.environ["PYZMQ_TESTS"]) as f:
        wanted = set(f.read().splitlines())
    items[:] = [i for i in items if node(i.nodeid) in wanted]


def pytest_runtest_logstart(nodeid, location):
    note("started", node(nodeid))


def pytest_runtest_logreport(report):
    if report.failed or report.skipped or report.when == "call":
        note(report.outcome, node(report.nodeid))
