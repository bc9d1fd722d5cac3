"""A client process: callers who use the unmodified official client, one round at a time."""

import asyncio
import base64
import os
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

import openai

from benchmarks.load.loop_lag import probe
from benchmarks.rush.figures import Ending
from benchmarks.scenario import PictureKind
from benchmarks.workload.pictures import paint

NICENESS = 15
"""Ray's default for its workers. Else the client takes CPU time from a service beside it."""

KIND = PictureKind(width_px=320, height_px=240)


@dataclass(frozen=True)
class Round:
    """Each of `callers` asks once, or repeatedly for `closed_s`; all pictures differ.

    `start_at_s` is a time of the system's monotonic clock, `first_picture` a picture's number.
    """

    callers: int
    max_retries: int
    start_at_s: float
    first_picture: int
    closed_s: float | None = None


@dataclass(frozen=True)
class Played:
    """Results of a round's requests; `late_s` is the longest delay of the event loop.

    A delayed client reads its answers late, and that time is the client's, not the service's.
    """

    endings: list[Ending]
    late_s: float


def work(pipe: Connection, url: str, api_key: str, model: str) -> None:
    """Run the rounds that arrive through the pipe, and send their results back.

    Sends None first, when it is ready.
    """
    os.nice(NICENESS)
    pipe.send(None)
    while (round_ := pipe.recv()) is not None:
        pipe.send(asyncio.run(_round(round_, url, api_key, model)))


async def _round(round_: Round, url: str, api_key: str, model: str) -> Played:
    endings: list[Ending] = []
    painted = (round_.first_picture + number for number in range(10**9))
    ready = {} if round_.closed_s else {n: _picture(next(painted)) for n in range(round_.callers)}

    async def call(client: openai.AsyncOpenAI, number: int) -> None:
        while True:
            picture = ready.get(number) or _picture(next(painted))
            retries, outcome = await _ask(client, model, picture)
            ended_s = time.monotonic() - round_.start_at_s
            endings.append(Ending(ended_s, retries, outcome))
            if round_.closed_s is None or ended_s > round_.closed_s:
                return

    async with openai.AsyncOpenAI(
        base_url=f"{url.rstrip('/')}/v1", api_key=api_key, max_retries=round_.max_retries
    ) as client:
        await asyncio.sleep(max(0.0, round_.start_at_s - time.monotonic()))
        lags_s = [0.0]
        watch = asyncio.create_task(probe(lags_s))
        async with asyncio.TaskGroup() as group:
            for number in range(round_.callers):
                group.create_task(call(client, number))
        watch.cancel()
    return Played(endings, max(lags_s))


async def _ask(client: openai.AsyncOpenAI, model: str, picture: str) -> tuple[int, str]:
    content: Any = [{"type": "image_url", "image_url": {"url": picture}}]
    try:
        answer = await client.chat.completions.with_raw_response.create(
            model=model,
            messages=[{"role": "user", "content": content}],
            max_tokens=32,
            temperature=0,
        )
        return answer.retries_taken, "ok"
    except openai.APIStatusError as error:
        return client.max_retries, f"http_{error.status_code}"
    except openai.OpenAIError as error:
        return client.max_retries, type(error).__name__


def _picture(number: int) -> str:
    data = base64.b64encode(paint(KIND, seed=number >> 20, number=number)).decode()
    return f"data:image/jpeg;base64,{data}"
