"""A model hub on loopback: folders as repositories, and the part of the protocol in use.

The protocol is that of huggingface_hub 1.x: the repository's commit and list of files
(`/api/models/ID/revision/REV`, `/api/models/ID/tree/REV`), each file's size and ETag by HEAD, its
bytes by GET with or without a range. The hub counts requests and bytes, and can be told to fail.
"""

import hashlib
import json
import re
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Literal

HOST = "127.0.0.1"
COMMIT = "0123456789abcdef0123456789abcdef01234567"
"""The newest commit of every repository. Every other one that is asked for has the same files."""

CHUNK_BYTES = 1024**2
SLOW_S = 0.2
"""Pause between two pieces of a slow answer."""

Fault = Literal["401", "404", "429", "half", "slow"]
"""`half`: each file ends in its middle. `slow`: each file comes in small pieces, with pauses."""

_API = re.compile(
    r"/api/models/(?P<id>[\w.-]+/[\w.-]+)(?:/(?P<what>revision|tree)/(?P<rev>[^/?]+))?"
)
_FILE = re.compile(r"/(?P<id>[\w.-]+/[\w.-]+)/resolve/(?P<rev>[^/]+)/(?P<file>[^?]+)")


@dataclass
class Hub:
    """The served folder, and counts of requests. `fault` may be set while it runs."""

    root: Path
    fault: Fault | None = None
    bytes_sent: int = 0
    asked: Counter[str] = field(default_factory=Counter)
    url: str = ""

    def folder(self, repository: str) -> Path | None:
        """Return a repository's folder, or None if it does not exist."""
        folder = self.root / repository
        return folder if folder.is_dir() else None


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    hub: Hub

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore clients that disconnect in the middle of a file."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_HEAD(self) -> None:
        """Answer with the head alone."""
        self._answer(with_body=False)

    def do_GET(self) -> None:
        """Answer with the whole file, or the requested range."""
        self._answer(with_body=True)

    def _answer(self, *, with_body: bool) -> None:
        hub, path = self.server.hub, self.path.partition("?")[0]
        hub.asked[f"{self.command} {path}"] += 1
        if hub.fault in ("401", "404", "429"):
            self._refuse(int(hub.fault))
        elif match := _FILE.fullmatch(path):
            commit = _commit(match["rev"])
            self._send_file(match["id"], match["file"], commit, with_body=with_body)
        elif match := _API.fullmatch(path):
            self._send_list(match["id"], match["what"], _commit(match["rev"]))
        else:
            self._refuse(404)

    def _refuse(self, status: int, code: str = "") -> None:
        self.send_response(status)
        if code:
            self.send_header("X-Error-Code", code)
        if status == 429:
            self.send_header("Retry-After", "1")
        self._send_json_body({"error": f"status {status}"})

    def _send_list(self, repository: str, what: str | None, commit: str) -> None:
        folder = self.server.hub.folder(repository)
        if folder is None:
            self._refuse(404, "RepoNotFound")
            return
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        names = {path: path.relative_to(folder).as_posix() for path in files}
        value: Any = {
            "id": repository,
            "modelId": repository,
            "sha": commit,
            "siblings": [{"rfilename": name} for name in names.values()],
        }
        if what == "tree":
            value = [
                {"type": "file", "path": name, "size": path.stat().st_size, "oid": _etag(path)}
                for path, name in names.items()
            ]
        self.send_response(200)
        self._send_json_body(value)

    def _send_json_body(self, value: Any) -> None:
        body = json.dumps(value).encode()
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def _send_file(self, repository: str, name: str, commit: str, *, with_body: bool) -> None:
        folder = self.server.hub.folder(repository)
        if folder is None:
            self._refuse(404, "RepoNotFound")
            return
        path = (folder / name).resolve()
        if not path.is_relative_to(folder.resolve()) or not path.is_file():
            self._refuse(404, "EntryNotFound")
            return
        size = path.stat().st_size
        begin = _begin(self.headers.get("Range"), size)
        self.send_response(200 if begin is None else 206)
        self.send_header("ETag", f'"{_etag(path)}"')
        self.send_header("X-Repo-Commit", commit)
        self.send_header("Accept-Ranges", "bytes")
        if begin is not None:
            self.send_header("Content-Range", f"bytes {begin}-{size - 1}/{size}")
        self.send_header("Content-Length", str(size - (begin or 0)))
        self.end_headers()
        if with_body:
            self._send_bytes(path, begin or 0, size)

    def _send_bytes(self, path: Path, begin: int, size: int) -> None:
        hub = self.server.hub
        end = begin + (size - begin) // 2 if hub.fault == "half" else size
        with path.open("rb") as file:
            file.seek(begin)
            while (left := end - file.tell()) > 0:
                piece = file.read(min(left, CHUNK_BYTES))
                self.wfile.write(piece)
                hub.bytes_sent += len(piece)
                if hub.fault == "slow":
                    time.sleep(SLOW_S)
        if end < size:
            self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:  # the base class's argument name
        """Log nothing."""


def _commit(revision: str | None) -> str:
    """Return the commit that a revision names: itself, if it is one; a branch's is the newest."""
    return revision if revision and re.fullmatch("[0-9a-f]{40}", revision) else COMMIT


@contextmanager
def running(root: Path) -> Iterator[Hub]:
    """Serve the folders `root/OWNER/NAME` for the length of the context."""
    hub = Hub(root)
    with _Server((HOST, 0), _Handler) as server:
        server.hub = hub
        hub.url = f"http://{HOST}:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield hub
        finally:
            server.shutdown()
            thread.join()


def environment(hub: Hub, home: Path) -> dict[str, str]:
    """Return variables with which a process fetches from this hub into its own cache."""
    return {
        "HF_ENDPOINT": hub.url,
        "HF_HOME": str(home),
        "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "NO_PROXY": HOST,
    }


def _begin(header: str | None, size: int) -> int | None:
    """Return a range's first byte. Its end is ignored: resuming clients leave it open."""
    match = re.fullmatch(r"bytes=(\d+)-(\d*)", header or "")
    if match is None or int(match[1]) >= size:
        return None
    return int(match[1])


@cache
def _etag(path: Path) -> str:
    """Return a hash of the file's size and first part, which suffices for random contents."""
    with path.open("rb") as file:
        return hashlib.sha256(
            file.read(CHUNK_BYTES) + str(path.stat().st_size).encode()
        ).hexdigest()
