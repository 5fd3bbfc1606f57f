"""A page in headless Chromium: visit it, get what a script in it posts to /report."""

import json
import os
import shutil
import subprocess
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")

SCRIPT = """
<script>
const errors = [];
window.addEventListener("error", e => errors.push(e.message));
window.addEventListener("load", async () => {
  let report;
  try { report = await (async () => { BODY })(); } catch (e) { report = {failed: String(e)}; }
  await fetch("/report", {method: "POST", body: JSON.stringify({...report, errors})});
});
</script>
"""


class _Server(SimpleHTTPRequestHandler):
    """Any static server, and an ear for the report."""

    def __init__(self, *args, answers, **kwargs):
        self.answers = answers
        super().__init__(*args, **kwargs)

    def do_POST(self):
        self.answers["report"] = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(204)
        self.end_headers()
        self.answers["done"].set()

    def log_message(self, *args):
        pass


def visit(folder, page, profile, width=1200):
    """What `page` of `folder` reports."""
    answers = {"done": threading.Event()}
    handler = partial(_Server, directory=str(folder), answers=answers)
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
    flags += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
    flags += [f"--user-data-dir={profile}", "--remote-debugging-port=0"]
    flags += [f"--window-size={width},900"]
    browser = subprocess.Popen(
        [CHROMIUM, *flags, f"http://127.0.0.1:{server.server_port}/{page}"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=os.environ | {"HOME": str(profile)},
    )
    try:
        assert answers["done"].wait(90), "the page did not report"
    finally:
        browser.kill()
        browser.wait()
        server.shutdown()
    return answers["report"]


def ask(path, body, folder, width=1200):
    """What the JavaScript `body` returns in the page of `path`; fails on any error in the page."""
    folder.mkdir()
    page = path.read_text().replace("</body>", SCRIPT.replace("BODY", body) + "</body>")
    (folder / "page.html").write_text(page)
    report = visit(folder, "page.html", folder / "profile", width)
    assert not report.pop("errors")
    assert "failed" not in report, report
    return report
