"""A stand-in for the service, on a real port, for tests of the command line's client."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = tuple[int, dict[str, str], Any]


def captioned(text: str = "What a view! \U0001f388", **extra: Any) -> Answer:
    """The answer to a picture."""
    message = {"role": "assistant", "content": text}
    return (
        200,
        {},
        {
            "model": "caption-demo",
            "choices": [{"index": 0, "message": message}],
            "caption_studio": {"description": "three balloons", **extra},
        },
    )


def refused(status: int, code: str, message: str, **headers: str) -> Answer:
    error = {"message": message, "type": "x", "param": None, "code": code}
    return (
        status,
        {name.replace("_", "-"): value for name, value in headers.items()},
        {"error": error},
    )


class StubService:
    """Answers POSTs by `answer`, which gets the picture's URL; keeps all that it was asked.

    `respond` answers everything; a subclass may do so by itself.
    """

    def __init__(self, answer: Callable[[str], Answer]) -> None:
        self.answer = answer
        self.requests: list[tuple[str, str, dict[str, str], Any]] = []
        self.url = ""

    def respond(self, method: str, path: str, headers: dict[str, str], body: Any) -> Answer:
        self.requests.append((method, path, headers, body))
        if method == "GET":
            return 200, {}, {"data": [{"id": "falcon-demo"}, {"id": "caption-demo"}]}
        return self.answer(body["messages"][0]["content"][0]["image_url"]["url"])


@contextmanager
def serving(
    answer: Callable[[str], Answer] = lambda _: captioned(),
    kind: type[StubService] = StubService,
) -> Iterator[StubService]:
    stub = kind(answer)

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
            status, extra, value = stub.respond(self.command, self.path, headers, asked)
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
        request_queue_size = 64

        def handle_error(self, *_: Any) -> None:
            pass  # the client has gone

    server = Server(("127.0.0.1", 0), Handler)
    stub.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield stub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
