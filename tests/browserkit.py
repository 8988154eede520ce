"""A real browser for the pages that toonctl writes: a script uses a page as a person would, and tells."""

import json
import shutil
import subprocess
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Queue
from threading import Thread
from typing import Any

import pytest

BROWSERS = ("chromium", "chromium-headless-shell", "chromium-browser", "google-chrome", "chrome")


def browser() -> str:
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        pytest.fail("pages are tested in a browser: `apt-get install -y chromium` (or Chrome) first")
    return found


def probe(page: Path, script: Path, folder: Path, *flags: str) -> Mapping[str, Any]:
    """What `script` finds in a copy of the page, opened from disk with no network but the way back.

    It posts its findings: a browser that only prints or takes a picture paints no frames.
    """
    mail: Queue[bytes] = Queue()

    class Mailbox(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            mail.put(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Mailbox) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        code = script.read_text(encoding="utf-8").replace("__PORT__", str(server.server_port))
        text = page.read_text(encoding="utf-8").replace("</body>", f"<script>{code}</script></body>")
        copy = folder / "index.html"
        copy.write_text(text, encoding="utf-8")
        options = ["--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0"]
        options += ["--window-size=1360,900", f"--user-data-dir={folder / 'profile'}"]
        options += ["--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"]
        command = [browser(), *options, *flags, copy.as_uri()]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as run:
            try:
                return json.loads(mail.get(timeout=60))
            finally:
                run.terminate()
                server.shutdown()
