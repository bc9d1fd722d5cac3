"""A writer without a model, and a judge on a real port."""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from caption_studio.training.evaluation.measures.perplexity import Loss
from caption_studio.training.evaluation.writing.writer import Drawing, Writers, nothing
from tests.answering import Answer, answering


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

    def respond(_: str, __: str, headers: dict[str, str], body: Any) -> Answer:
        with lock:
            now[0] += 1
            judge.most_at_once = max(judge.most_at_once, now[0])
            judge.asked.append((headers, body))
        answer = judge.answer(body["messages"][-1]["content"])
        with lock:
            now[0] -= 1
        return answer

    with answering(respond) as address:
        judge.url = f"{address}/v1"
        yield judge
