"""A describing service, a teacher and an image store on one real port, for tests of `dataset`."""

import base64
import hashlib
import io
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from tests.answering import Answer, answering

TEACHER = "teacher"
USAGE = {"prompt_tokens": 100, "completion_tokens": 20}


def picture(
    seed: int, *, side_px: int = 64, tint: tuple[float, float, float] = (1, 1, 1)
) -> Image.Image:
    """A picture unlike those of other seeds; with another tint its edges are the same."""
    cells = np.random.default_rng(seed).integers(0, 200, (8, 8, 1)) * np.array(tint)
    small = Image.fromarray(cells.astype(np.uint8))
    return small.resize((side_px, side_px), Image.Resampling.BICUBIC)


def encoded(image: Any, kind: str = "PNG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def paint(folder: Path, count: int) -> Path:
    """Fill a folder with different pictures."""
    folder.mkdir(exist_ok=True)
    for seed in range(count):
        (folder / f"{seed:03}.png").write_bytes(encoded(picture(seed)))
    return folder


def described(data: bytes) -> str:
    """What the world sees in a picture."""
    return f"a thing called {hashlib.sha1(data).hexdigest()[:8]} on a table"


def completion(text: str | None, finish_reason: str = "stop", **message: Any) -> Answer:
    choice = {"message": {"content": text, **message}, "finish_reason": finish_reason}
    return 200, {}, {"model": TEACHER, "choices": [choice], "usage": USAGE}


def failed(status: int, message: str = "no", code: str | None = None, **headers: str) -> Answer:
    error = {"message": message, "type": "x", "param": None, "code": code}
    return (
        status,
        {name.replace("_", "-"): text for name, text in headers.items()},
        {"error": error},
    )


def prompt_of(body: Any) -> str:
    """The text that the teacher got."""
    content = body["messages"][0]["content"]
    if isinstance(content, str):
        return content
    return "".join(part.get("text", "") for part in content)


def captioned(body: Any, times: int) -> Answer:
    """A caption that differs with the prompt, and with how often that was asked before."""
    name = hashlib.sha1(prompt_of(body).encode()).hexdigest()[:8]
    return completion(f"See {name}, version {times} {'so ' * times}!")


class World:
    """Answers both; `teach` gets a request's body and how often its prompt was asked before."""

    def __init__(self) -> None:
        self.url = ""
        self.teach: Callable[[Any, int], Answer] = captioned
        self.describe: Callable[[bytes], str | None] = described
        self.asked: list[Any] = []
        self.described: list[Any] = []
        self.headers: list[dict[str, str]] = []
        self.files: dict[str, bytes] = {}
        self.fetched: list[str] = []
        self._times: Counter[str] = Counter()
        self._lock = threading.Lock()

    def post(self, headers: dict[str, str], body: Any) -> Answer:
        with self._lock:
            if body.get("model") != TEACHER:
                self.described.append(body)
                url = body["messages"][0]["content"][0]["image_url"]["url"]
                text = self.describe(base64.b64decode(url.partition(",")[2]))
                status, _, value = completion("A")
                return status, {}, {**value, "caption_studio": {"description": text}}
            self.asked.append(body)
            self.headers.append(headers)
            prompt = prompt_of(body)
            times = self._times[prompt]
            self._times[prompt] += 1
        return self.teach(body, times)

    def get(self, path: str) -> Answer:
        self.fetched.append(path)
        data = self.files.get(path)
        return (200, {}, data) if data is not None else failed(404)


@contextmanager
def serving(world: World) -> Iterator[World]:
    def respond(method: str, path: str, headers: dict[str, str], body: Any) -> Answer:
        if method == "GET":
            return world.get(path)
        if not path.endswith("/v1/chat/completions"):
            return failed(404, "no such path")
        return world.post(headers, body)

    with answering(respond) as world.url:
        yield world
