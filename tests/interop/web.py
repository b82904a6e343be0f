#!/usr/bin/env python3
"""A real browser and a Node client against zinc: examples/web and its server.

    web.py SERVER [-v]

SERVER is examples/web_server.c built. The checks are in web.js; a page (web.html) runs them in
a headless Chromium, `node` runs them with examples/web/websocket.js, each over ws and wss; the
page and the client of examples/web are tried, too. The last line is "N passed, N failed".
"""
import http.server
import os
import queue
import re
import subprocess
import sys
import tempfile
import threading
import urllib.parse

HERE = os.path.dirname(os.path.abspath(__file__))
EXAMPLE = os.path.join(HERE, "..", "..", "examples", "web")
PATIENCE = 60
# Behind the example's page: asks by its form, and waits for the answer and the clock.
WATCHER = b"""<script>
const tell = (line) => fetch("/tell", { method: "POST", body: line });
const text = (id) => document.getElementById(id).textContent;
const observer = new MutationObserver(async () => {
    if (text("answer") !== "Hello" || !/^[0-9]+$/.test(text("clock")))
        return;
    observer.disconnect();
    await tell("ok example_page_asks_and_shows_the_clock");
    tell("done");
});
for (const id of ["answer", "clock"])
    observer.observe(document.getElementById(id), { childList: true });
document.getElementById("form").requestSubmit();
</script>"""
FILES = {
    "/web.html": (HERE, "text/html"),
    "/web.js": (HERE, "text/javascript"),
    "/index.html": (EXAMPLE, "text/html"),
    "/zmq-ws.js": (EXAMPLE, "text/javascript"),
}


class Failure(Exception):
    pass


class Handler(http.server.BaseHTTPRequestHandler):
    """Serves the files, and hears what the page tells."""

    def do_GET(self):
        path = urllib.parse.urlparse(self.path).path
        if path not in FILES:
            self.send_error(404)
            return
        folder, kind = FILES[path]
        with open(folder + path, "rb") as f:
            body = f.read() + (WATCHER if path == "/index.html" else b"")
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        size = int(self.headers["Content-Length"])
        self.server.told.put(self.rfile.read(size).decode())
        self.send_response(204)
        self.end_headers()

    def log_message(self, *args):
        pass


class Server:
    """web_server, and where it is."""

    def __init__(self, program, scheme, files):
        self.process = subprocess.Popen(
            [program, f"{scheme}://127.0.0.1:*", f"{scheme}://127.0.0.1:*", *files],
            stdout=subprocess.PIPE, text=True)
        self.rep, self.sub = (self.process.stdout.readline().strip() for _ in range(2))
        if not self.sub:
            raise Failure(f"web_server: status {self.process.wait()}")

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


def lines_of(told):
    """What is told up to "done", which must come."""
    while True:
        try:
            line = told.get(timeout=PATIENCE)
        except queue.Empty:
            yield "FAIL silence"
            return
        if line == "done":
            return
        yield line


def chromium(folder, url, *flags):
    return subprocess.Popen(
        ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync",
         "--disable-dev-shm-usage", "--no-proxy-server", "--remote-debugging-port=0",
         f"--user-data-dir={folder}", *flags, url],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)


def end(process):
    os.killpg(process.pid, 9)
    process.wait()


def by_page(web, server, folder, page="web.html"):
    url = (f"http://127.0.0.1:{web.server_port}/{page}?"
           + urllib.parse.urlencode({"rep": server.rep, "sub": server.sub}))
    with tempfile.TemporaryDirectory(dir=folder, ignore_cleanup_errors=True) as profile:
        browser = chromium(profile, url, "--ignore-certificate-errors")
        try:
            return list(lines_of(web.told))
        finally:
            end(browser)


def by_node(server, certificate):
    env = dict(os.environ, NODE_EXTRA_CA_CERTS=certificate)
    node = subprocess.run(["node", f"{HERE}/web.js", EXAMPLE, server.rep, server.sub],
                          env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, timeout=PATIENCE)
    lines = node.stdout.splitlines()
    return lines[:-1] if lines and lines[-1] == "done" else lines + ["FAIL no end"]


def example_page(web, server, folder):
    """The example's own page, which is filled in and watched."""
    return by_page(web, server, folder, "index.html")


def example_client(server):
    node = subprocess.run(["node", f"{EXAMPLE}/client.js", server.rep, server.sub],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          timeout=PATIENCE)
    if re.fullmatch(r"answer: Hello from Node\n(tick \d+\n){5}", node.stdout):
        return ["ok example_client_asks_and_listens"]
    return [f"FAIL example_client_asks_and_listens: {node.stdout}"]


def make_certificate(folder):
    certificate, key = f"{folder}/cert.pem", f"{folder}/key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
         "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1", "-addext",
         "subjectAltName=IP:127.0.0.1", "-out", certificate, "-keyout", key],
        check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return certificate, key


def main():
    program, verbose = sys.argv[1], "-v" in sys.argv
    passed = failed = 0
    web = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    web.told = queue.Queue()
    threading.Thread(target=web.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory(prefix="zinc-", ignore_cleanup_errors=True) as folder:
        files = make_certificate(folder)
        plain, secure = Server(program, "ws", []), Server(program, "wss", files)
        runs = [
            ("page, ws", lambda: by_page(web, plain, folder)),
            ("page, wss", lambda: by_page(web, secure, folder)),
            ("node, ws", lambda: by_node(plain, files[0])),
            ("node, wss", lambda: by_node(secure, files[0])),
            ("example", lambda: example_page(web, plain, folder)),
            ("example", lambda: example_client(plain)),
        ]
        for name, run in runs:
            try:
                lines = run()
            except (OSError, subprocess.SubprocessError) as e:
                lines = [f"FAIL {e}"]
            if not lines:
                lines = ["FAIL nothing was checked"]
            for line in lines:
                good = line.startswith("ok ")
                passed += good
                failed += not good
                if verbose or not good:
                    print(f"{name}: {line}", flush=True)
        plain.stop()
        secure.stop()
    web.shutdown()
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
