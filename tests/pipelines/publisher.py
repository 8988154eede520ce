"""A publisher on this machine: a web server with the hub's list of a repository and its files, and others."""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import unquote, urlsplit

LARGE = 1000
"""From this size on the hub tells a file's SHA-256, as it does for what lies in its large storage."""

STORAGE = "/storage"


@dataclass
class Publisher:
    """What is published: repositories by name, each by commit, and plain files by path.

    Large files are sent on to a storage, as the hub does. `asked` are the requests so far, `method path
    range`, with `who` where a token was shown; `stumbles` names files whose first answer breaks off in the
    middle.
    """

    address: str = ""
    repositories: dict[str, dict[str, dict[str, bytes]]] = field(default_factory=dict)
    branches: dict[tuple[str, str], str] = field(default_factory=dict)
    plain: dict[str, bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    stumbles: set[str] = field(default_factory=set)

    def publish(self, repo: str, files: dict[str, bytes], *, revision: str = "main") -> str:
        """Puts files up as the newest commit of a branch; gives the commit."""
        commit = hashlib.sha1(repr((repo, files)).encode()).hexdigest()
        self.repositories.setdefault(repo, {})[commit] = files
        self.branches[repo, revision] = commit
        return commit

    def answer(self, path: str) -> bytes | None:
        """What lies at a path of the server."""
        if path.startswith("/api/models/"):
            repo, _, revision = path.removeprefix("/api/models/").partition("/revision/")
            commit = self.branches.get((repo, revision), revision)
            files = self.repositories.get(repo, {}).get(commit)
            return None if files is None else json.dumps(_listing(commit, files)).encode()
        repo, _, rest = path.strip("/").partition("/resolve/")
        commit, _, name = rest.partition("/")
        return self.repositories.get(repo, {}).get(commit, {}).get(name, self.plain.get(path))


@contextmanager
def publisher() -> Iterator[Publisher]:
    """A publisher that listens while the block runs."""
    it = Publisher()

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self._serve(has_body=False)

        def do_GET(self) -> None:
            self._serve(has_body=True)

        def _serve(self, *, has_body: bool) -> None:
            path = unquote(urlsplit(self.path).path)
            span = self.headers.get("Range", "")
            who = "who" if self.headers.get("Authorization") else ""
            it.asked.append(" ".join(f"{self.command} {path} {span} {who}".split()))
            data = it.answer(path.removeprefix(STORAGE))
            if "/resolve/" in path and not path.startswith(STORAGE) and len(data or b"") >= LARGE:
                self.send_response(302)
                self.send_header("Location", f"{it.address}{STORAGE}{path}")
                self.end_headers()
                return
            if data is None:
                self.send_error(404)
                return
            start = int(span.removeprefix("bytes=").rstrip("-")) if span else 0
            if start >= len(data) > 0:
                self.send_error(416)
                return
            self.send_response(206 if span else 200)
            self.send_header("Content-Length", str(len(data) - start))
            self.end_headers()
            if has_body:
                end = len(data)
                if path.rpartition("/")[2] in it.stumbles:
                    it.stumbles.discard(path.rpartition("/")[2])
                    end = start + (len(data) - start) // 2
                self.wfile.write(data[start:end])

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class's name
            """Says nothing: a test reads `asked`."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    it.address = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield it
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _listing(commit: str, files: dict[str, bytes]) -> dict[str, object]:
    siblings: list[dict[str, object]] = []
    for name, data in files.items():
        each: dict[str, object] = {"rfilename": name, "size": len(data)}
        if len(data) >= LARGE:
            each["lfs"] = {"size": len(data), "sha256": hashlib.sha256(data).hexdigest(), "pointerSize": 130}
        siblings.append(each)
    return {"sha": commit, "siblings": siblings}
