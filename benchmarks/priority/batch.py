"""A batch of pictures through `/v1/batches`, which runs while callers are measured.

Its captions in a window are counted by the second in which each answer was made.
"""

import base64
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import openai

from benchmarks.scenario import PictureKind
from benchmarks.workload.pictures import paint

CHAT: Final = "/v1/chat/completions"
PICTURES = 64
"""Different pictures in a batch: the service that is measured remembers no descriptions."""

WAIT_S = 60.0


class Running:
    """A batch that has begun; after its context it has ended."""

    def __init__(self) -> None:
        self._made: list[int] = []

    def ended_with(self, made: list[int]) -> None:
        """Take the times of the answers, in whole seconds since 1970."""
        self._made = made

    def per_s(self, begin_s: float, end_s: float) -> float:
        """Return the captions a second between two times since 1970, in whole seconds between."""
        first, last = int(begin_s) + 1, int(end_s)
        return sum(first <= second < last for second in self._made) / (last - first)


def input_file(client: openai.OpenAI, lines: int, kind: PictureKind, max_tokens: int) -> str:
    """Upload a file of so many requests for captions; return its id."""
    pictures = [_url(kind, number) for number in range(PICTURES)]
    content = "\n".join(
        json.dumps(
            {
                "custom_id": str(number),
                "method": "POST",
                "url": CHAT,
                "body": {
                    "messages": [{"role": "user", "content": [pictures[number % PICTURES]]}],
                    "max_tokens": max_tokens,
                    "temperature": 0,
                },
            }
        )
        for number in range(lines)
    )
    return client.files.create(file=("lines.jsonl", content.encode()), purpose="batch").id


@contextmanager
def running(client: openai.OpenAI, file_id: str) -> Iterator[Running]:
    """Begin a batch of the file, and cancel it at the end. Raises `RuntimeError` if it ends early.

    What it measured is there once the context has ended.
    """
    batch = client.batches.create(input_file_id=file_id, endpoint=CHAT, completion_window="24h")
    while batch.status == "validating":
        time.sleep(0.2)
        batch = client.batches.retrieve(batch.id)
    found = Running()
    yield found
    batch = client.batches.retrieve(batch.id)
    if batch.status != "in_progress":
        raise RuntimeError(f"the batch is {batch.status} before the measurement has ended")
    batch = client.batches.cancel(batch.id)
    deadline_s = time.monotonic() + WAIT_S
    while batch.status != "cancelled":
        if time.monotonic() > deadline_s:
            raise RuntimeError("the batch does not end")
        time.sleep(0.2)
        batch = client.batches.retrieve(batch.id)
    if batch.output_file_id is not None:
        answers = client.files.content(batch.output_file_id).text.splitlines()
        found.ended_with([json.loads(one)["response"]["body"]["created"] for one in answers])


def _url(kind: PictureKind, number: int) -> dict[str, object]:
    data = base64.b64encode(paint(kind, seed=7, number=number)).decode()
    return {"type": "image_url", "image_url": {"url": f"data:image/jpeg;base64,{data}"}}
