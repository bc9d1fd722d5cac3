"""Which prompts vLLM gets, and with which numbers."""

import asyncio
from contextlib import AsyncExitStack

import pytest

from caption_studio.errors import Overloaded
from caption_studio.language.turns import Turns
from caption_studio.records import NO_BATCHES, BatchShare, Prompt, RequestClass
from tests.fakes import sampling

pytestmark = pytest.mark.anyio

SHARE = BatchShare(places=2, patience_s=6.0)


def turns(share: BatchShare = SHARE, *, max_waiting: int = 4, now_s: float = 100.0) -> Turns:
    return Turns(share, max_waiting=max_waiting, clock=lambda: now_s)


class Sent:
    """Prompts of batches that are given to the turns, by name, and those that vLLM has got."""

    def __init__(self, of: Turns) -> None:
        self.of = of
        self.begun: list[str] = []
        self.tasks: dict[str, asyncio.Task[None]] = {}

    async def send(self, name: str, n: int = 1) -> None:
        self.tasks[name] = asyncio.create_task(self._run(name, n))
        await asyncio.sleep(0)

    async def _run(self, name: str, n: int) -> None:
        async with self.of.taken("batch", n):
            self.begun.append(name)
            await asyncio.Event().wait()

    async def end(self, *names: str) -> None:
        for name in names:
            self.tasks[name].cancel()
        await asyncio.gather(*(self.tasks[name] for name in names), return_exceptions=True)
        await asyncio.sleep(0)


async def test_a_prompt_of_a_batch_counts_as_one_that_came_later() -> None:
    async with turns().taken("online", 1) as online, turns().taken("batch", 1) as batch:
        assert (online, batch) == (100_000, 106_000)


async def test_callers_wait_for_no_place() -> None:
    of = turns()
    async with AsyncExitStack() as stack:
        for _ in range(50):
            await stack.enter_async_context(of.taken("online", 1))
        assert of.of_batches == 0


async def test_a_batch_has_no_more_places_than_its_own() -> None:
    sent = Sent(turns())
    for name in "abcd":
        await sent.send(name)
    assert (sent.begun, sent.of.of_batches, sent.of.waiting) == (["a", "b"], 2, 2)
    await sent.end("b")
    assert sent.begun == ["a", "b", "c"]
    await sent.end("a", "c", "d")
    assert sent.of.of_batches == 0


async def test_several_choices_take_several_places_in_turn() -> None:
    sent = Sent(turns())
    await sent.send("one")
    await sent.send("many", n=2)
    await sent.send("behind")
    assert sent.begun == ["one"], "the last one does not overtake"
    await sent.end("one")
    assert (sent.begun, sent.of.of_batches) == (["one", "many"], 2)
    await sent.end("many", "behind")


async def test_one_that_goes_while_it_waits_leaves_no_gap() -> None:
    sent = Sent(turns())
    for name in "abcd":
        await sent.send(name)
    sent.tasks["a"].cancel()  # c gets its place, and goes before it knows
    await asyncio.sleep(0)
    await sent.end("c")
    assert sent.begun == ["a", "b", "d"]
    await sent.end("a", "b", "d")
    assert sent.of.of_batches == 0


async def test_one_that_goes_lets_smaller_ones_through() -> None:
    sent = Sent(turns())
    await sent.send("one")
    await sent.send("many", n=2)
    await sent.send("behind")
    await sent.end("many")
    assert sent.begun == ["one", "behind"]
    await sent.end("one", "behind")


async def test_too_many_are_refused() -> None:
    sent = Sent(turns(max_waiting=1))
    for name in "abc":
        await sent.send(name)
    with pytest.raises(Overloaded):
        async with sent.of.taken("batch", 1):
            pass
    await sent.end("a", "b", "c")


async def test_an_engine_without_places_of_batches_knows_no_classes() -> None:
    async with turns(NO_BATCHES).taken("batch", 1) as number:
        assert number == 100_000


def test_choices_of_a_batch_come_together_if_they_have_places() -> None:
    request_class: RequestClass
    for request_class, share, together in (
        ("batch", SHARE, 2),
        ("batch", NO_BATCHES, 9),
        ("online", SHARE, 9),
    ):
        asked = Prompt("r", "m", "text", sampling(n=9), "verbatim", request_class=request_class)
        assert turns(share).together(asked) == together
