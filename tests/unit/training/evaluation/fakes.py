"""A writer without a model, and a judge on a real port."""

import json
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from caption_studio.training.evaluation.measures.perplexity import Loss
from caption_studio.training.evaluation.writing.writer import Drawing, Writers, nothing

Answer = tuple[int, dict[str, str], Any]


class FakeWriter:
    """Writes by a function of the prompt."""

    def __init__(self, caption: Callable[[str], str], digest: str = "", nats: float = 2.0) -> None:
        self.digest = digest
        self._caption = caption
        self._nats = nats

    def write(
        self,
        prompts: Sequence[str],
        drawing: Drawing,
        *,
        seed: int,
        wrote: Callable[[int], None] = nothing,
    ) -> list[str]:
        wrote(len(prompts))
        return [self._caption(prompt) for prompt in prompts]

    def losses(self, prompts: Sequence[str], captions: Sequence[str]) -> list[Loss]:
        return [Loss(self._nats, len(caption.split())) for caption in captions]


def description_of(prompt: str) -> str:
    return prompt.split("Description: ")[1].split("\n")[0]


def fake_load(adapters: Mapping[str, str], base: str | None, folder: Path) -> Writers:
    """Adapters repeat the description; the base says the same of all."""
    writers: dict[str | None, FakeWriter] = {
        name: FakeWriter(lambda prompt: f"Look: {description_of(prompt)}!", "ab12")
        for name in adapters
    }
    writers[None] = FakeWriter(lambda prompt: "A picture.", nats=4.0)
    return Writers(base or "falcon-fake", "cpu", writers)


def said(text: object) -> Answer:
    return 200, {}, {"choices": [{"message": {"role": "assistant", "content": text}}]}


def refused(status: int, message: str, **headers: str) -> Answer:
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    return status, fields, {"error": {"message": message}}


class JudgeServer:
    """Answers by `answer`, which gets the question's text; keeps all bodies and headers."""

    def __init__(self, answer: Callable[[str], Answer]) -> None:
        self.answer = answer
        self.asked: list[tuple[dict[str, str], Any]] = []
        self.url = ""
        self.most_at_once = 0


@contextmanager
def judging(answer: Callable[[str], Answer]) -> Iterator[JudgeServer]:
    judge = JudgeServer(answer)
    lock, now = threading.Lock(), [0]

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            with lock:
                now[0] += 1
                judge.most_at_once = max(judge.most_at_once, now[0])
                judge.asked.append(({k.lower(): v for k, v in self.headers.items()}, body))
            status, headers, value = judge.answer(body["messages"][-1]["content"])
            with lock:
                now[0] -= 1
            content = value.encode() if isinstance(value, str) else json.dumps(value).encode()
            self.send_response(status)
            for name, text in {**headers, "content-length": str(len(content))}.items():
                self.send_header(name, text)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        request_queue_size = 64  # the default of 5 has a connection wait for a second

    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    judge.url = f"http://127.0.0.1:{server.server_port}/v1"
    try:
        yield judge
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
