"""Callers that never stop asking while something is broken: who lost what?"""

import itertools
import json
import random
import threading
import time
from collections import Counter
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import httpx
from PIL import Image

from tests.contract.hostile import chat, data_url
from tests.faults.keys import HEADERS
from tests.unit.images.test_decode import encode

End = Literal["whole", "told", "lost", "refused", "wrong"]
"""How a request ended: answered; a stream that said it failed; cut off or failed without need;
sent away with a time to come back; answered with what is no answer."""

CAPTION, CAPTION_STREAM, TEXT, TEXT_STREAM = "caption", "caption stream", "text", "text stream"
KINDS = (CAPTION, CAPTION_STREAM, TEXT, TEXT_STREAM)
HEAD = ("fault", "asked", "answered", "told in the stream", "lost", "refused", "healed in")
TIMEOUT_S = 100
CALLERS = 6
PAUSE_S = 0.2
"""Between an answer and the next request: the processor is left something to heal with."""

EOS_BIAS = {"0": -100}
"""Keeps the demo model from ending early."""


@dataclass(frozen=True)
class Asked:
    """One request: its kind, how it ended, when it was sent (of the monotonic clock), in how
    many seconds, and what was seen of it."""

    kind: str
    end: End
    sent_s: float
    seconds: float
    detail: str = ""


class Load:
    """What the callers have seen so far."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []

    def ends(self, *kinds: str) -> Counter[End]:
        """Count how requests of these kinds ended; of all kinds if none is named."""
        return Counter(one.end for one in list(self.asked) if not kinds or one.kind in kinds)

    def failures(self) -> list[Asked]:
        """Return what ended as it should not."""
        return [one for one in list(self.asked) if one.end not in ("whole", "told")]

    def row(self, fault: str, healed: str) -> tuple[str, ...]:
        """Return a row of the table: see `HEAD`."""
        ends = self.ends()
        counts = [str(ends[end]) for end in ("whole", "told", "lost", "refused")]
        return (fault, str(len(self.asked)), *counts, healed)

    def slowest_s(self) -> float:
        """Return the longest time of an answer."""
        return max((one.seconds for one in list(self.asked)), default=0.0)

    def wait_for(self, count: int, timeout_s: float = 180) -> None:
        """Wait until so many more have been answered."""
        until, deadline_s = len(self.asked) + count, time.monotonic() + timeout_s
        while len(self.asked) < until:
            assert time.monotonic() < deadline_s, f"{len(self.asked)} of {until} answers"
            time.sleep(0.05)


@contextmanager
def load(
    url: str, *, callers: int = CALLERS, kinds: Sequence[str] = KINDS, max_tokens: int = 60
) -> Generator[Load]:
    """Keep `callers` asking, each for another kind than the one before; wait for all at the end."""
    seen = Load()
    stop = threading.Event()

    def ask_on(caller: int) -> None:
        colours = random.Random(caller)
        with httpx.Client(base_url=url, headers=HEADERS, timeout=TIMEOUT_S) as client:
            for kind in itertools.islice(itertools.cycle(kinds), caller, None):
                if stop.is_set():
                    return
                colour = tuple(colours.randrange(256) for _ in range(3))
                sent_s = time.monotonic()
                end, detail = _ask(client, kind, body(kind, colour, max_tokens))
                seconds = time.monotonic() - sent_s
                seen.asked.append(Asked(kind, end, sent_s, seconds, detail))
                time.sleep(PAUSE_S)

    threads = [threading.Thread(target=ask_on, args=(i,)) for i in range(callers)]
    for thread in threads:
        thread.start()
    try:
        yield seen
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def body(kind: str, colour: Sequence[int], max_tokens: int) -> dict[str, Any]:
    """Return a request of this kind; `max_tokens` is what texts are long."""
    stream = {"stream": True, "stream_options": {"include_usage": True}}
    extra = stream if kind.endswith("stream") else {}
    if kind.startswith("caption"):
        picture = encode(Image.new("RGB", (32, 32), tuple(colour)))
        return {"model": "caption-demo", **chat(data_url(picture), max_tokens=64), **extra}
    text = {"prompt": f"A {tuple(colour)}", "max_tokens": max_tokens, "logit_bias": EOS_BIAS}
    return {"model": "falcon-demo", **text, **extra}


def _ask(client: httpx.Client, kind: str, body: dict[str, Any]) -> tuple[End, str]:
    path = "/v1/chat/completions" if "messages" in body else "/v1/completions"
    try:
        with client.stream("POST", path, json=body) as answer:
            text = answer.read().decode()
    except httpx.HTTPError as error:
        return "lost", repr(error)
    if answer.status_code != 200:
        refused = answer.status_code in (429, 503) and answer.headers.get("retry-after")
        return ("refused" if refused else "lost"), f"{answer.status_code} {text[:200]}"
    if body.get("stream"):
        return _stream_end(text, body)
    return _whole_end(json.loads(text), body)


def _whole_end(value: dict[str, Any], body: dict[str, Any]) -> tuple[End, str]:
    asked = _exactly(body)
    if asked is not None and value["usage"]["completion_tokens"] != asked:
        return "wrong", f"{value['usage']} of {asked}"
    return "whole", ""


def _stream_end(text: str, body: dict[str, Any]) -> tuple[End, str]:
    events = [line.removeprefix("data: ") for line in text.split("\n\n") if line]
    done = events[-1:] == ["[DONE]"]
    chunks = [json.loads(event) for event in events if event != "[DONE]"]
    failed = [chunk for chunk in chunks if "error" in chunk]
    finished = [c for chunk in chunks for c in chunk.get("choices", ()) if c.get("finish_reason")]
    if failed:
        ok = not done and not finished and chunks[-1] is failed[0]
        return ("told" if ok else "wrong"), text[-200:]
    if not done:
        return "lost", text[-200:]
    usage = next(chunk["usage"] for chunk in chunks if chunk.get("usage"))
    asked = _exactly(body)
    if not finished or (asked is not None and usage["completion_tokens"] != asked):
        return "wrong", text[-200:]
    return "whole", ""


def _exactly(body: dict[str, Any]) -> int | None:
    """Return how many tokens the answer must have; None where the model says when it ends."""
    return int(body["max_tokens"]) if "logit_bias" in body else None
