"""A small HTTP server on a real port, whose answers a test's function gives."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = tuple[int, dict[str, str], Any]
"""Status, headers, body: bytes as they are, all else as JSON."""

Respond = Callable[[str, str, dict[str, str], Any], Answer]
"""Method, path, headers in small letters, the body's JSON (None without a body) → the answer."""


@contextmanager
def answering(respond: Respond) -> Iterator[str]:
    """Serve for the length of the context; yield the address."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._respond(None)

        def do_DELETE(self) -> None:
            self._respond(None)

        def do_POST(self) -> None:
            self._respond(json.loads(self.rfile.read(int(self.headers["content-length"]))))

        def _respond(self, asked: Any) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            status, extra, value = respond(self.command, self.path, headers, asked)
            body = value if isinstance(value, bytes) else json.dumps(value).encode()
            self.send_response(status)
            for name, text in {**extra, "content-length": str(len(body))}.items():
                self.send_header(name, text)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 64  # the default of 5 has a connection wait for a second

        def handle_error(self, *_: Any) -> None:
            pass  # the client has gone

    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
