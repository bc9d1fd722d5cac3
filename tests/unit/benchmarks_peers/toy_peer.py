"""A server of completions for tests: `python toy_peer.py PORT NAME ASKED`.

It writes its name into the file ASKED, a line for each request. The one named `broken` answers 500.
"""

import http.server
import json
import sys
import threading
from pathlib import Path

ANSWER = json.dumps(
    {
        "id": "cmpl-1",
        "object": "text_completion",
        "created": 1,
        "model": "toy",
        "choices": [{"index": 0, "text": "a caption", "finish_reason": "length"}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 20, "total_tokens": 21},
    }
).encode()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    lock = threading.Lock()

    def do_GET(self) -> None:
        self._answer(200, b"")

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        with self.lock, Path(sys.argv[3]).open("a") as asked:
            asked.write(sys.argv[2] + "\n")
        self._answer(500 if sys.argv[2] == "broken" else 200, ANSWER)

    def log_message(self, *_: object) -> None:
        pass

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
