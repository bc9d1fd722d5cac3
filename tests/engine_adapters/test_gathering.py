"""Answers whose tokens gather in vLLM's process are those whose tokens came one by one."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from caption_studio.demo.scenes import sample_scene
from caption_studio.records import Adapter, Description, Prompt
from caption_studio.settings import LanguageSettings
from caption_studio.voices.prompt import plain_prompt
from tests.engine_adapters.marks import ENGINE_HERE
from tests.fakes import sampling

if TYPE_CHECKING:
    from caption_studio.language.engine import FalconEngine

pytestmark = ENGINE_HERE

VOICE = Adapter("caption-demo", "embedded:caption-demo", configured=True)
NEXT_LINES = ("\nDescription:", "\nUser:")
Answer = list[tuple[str, int, str | None]]
"""Of each choice its text, its tokens and why it ended."""

KINDS: dict[str, dict[str, Any]] = {
    "a caption": {"answer": "quoted", "stop": NEXT_LINES, "adapter": VOICE},
    "a caption of the base model": {"answer": "quoted", "stop": NEXT_LINES},
    "a text": {"answer": "trimmed"},
    "a text up to a letter": {"answer": "trimmed", "words": ("e",)},
    "a text up to words": {"answer": "verbatim", "words": ("the ", "on a", "#")},
    "a text up to an emoji": {"answer": "verbatim", "adapter": VOICE, "words": ("🌊", "✨")},
    "a caption up to a word": {"answer": "quoted", "adapter": VOICE, "words": ("sea",)},
    "three captions": {"answer": "quoted", "stop": NEXT_LINES, "adapter": VOICE, "n": 3},
    "log probabilities": {"answer": "quoted", "adapter": VOICE, "top_logprobs": 2},
}


@pytest.fixture(scope="module")
async def engine() -> AsyncIterator["FalconEngine"]:
    from caption_studio.language.engine import FalconEngine  # not above: see conftest.py

    settings = LanguageSettings(
        adapters=[{"id": "caption-demo", "source": "embedded:caption-demo"}],
        kv_cache_bytes=64 * 1024**2,
        max_num_seqs=64,
        stream_interval_s=0.02,
    )
    engine = FalconEngine(settings)
    try:
        await engine.start()
        yield engine
    finally:
        engine.stop()


def prompts(kind: str) -> list[Prompt]:
    """Texts of many pictures, of which every other is drawn with a seed."""
    wanted = dict(KINDS[kind])
    answer, stop = wanted.pop("answer"), wanted.pop("stop", ())
    adapter, words = wanted.pop("adapter", None), wanted.pop("words", ())
    asked = [
        sampling(max_tokens=40, temperature=heat, seed=seed, stop=words, **wanted)
        for seed, heat in enumerate([0.0, 1.2] * 12)
    ]
    texts = [plain_prompt(Description(sample_scene(seed).description)) for seed in range(24)]
    return [
        Prompt(f"{kind} {i}", "m", text, one, answer, stop=stop, adapter=adapter)
        for i, (text, one) in enumerate(zip(texts, asked, strict=True))
    ]


async def answered(engine: "FalconEngine", prompt: Prompt, *, stream: bool) -> Answer:
    choices = [["", 0, None] for _ in range(prompt.sampling.n)]
    async for group in engine.generate(prompt, stream=stream):
        for delta in group:
            choice: list[Any] = choices[delta.index]
            choice[0] += delta.text
            choice[1] += delta.completion_tokens
            choice[2] = delta.finish_reason or choice[2]
    return [(text, tokens, reason) for text, tokens, reason in choices]  # type: ignore[misc]


async def all_answered(engine: "FalconEngine", kind: str, *, stream: bool) -> list[Answer]:
    asked = [answered(engine, prompt, stream=stream) for prompt in prompts(kind)]
    return await asyncio.gather(*asked)


@contextmanager
def counted(engine: "FalconEngine") -> Iterator[list[int]]:
    """Count the outputs of requests that come out of vLLM's process."""
    assert engine._llm is not None
    processor, sizes = engine._llm.output_processor, []
    process = processor.process_outputs

    def counting(outputs: list[Any], *args: Any, **kwargs: Any) -> Any:
        sizes.append(len(outputs))
        return process(outputs, *args, **kwargs)

    processor.process_outputs = counting
    try:
        yield sizes
    finally:
        processor.process_outputs = process


@contextmanager
def one_by_one(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let each token leave vLLM's process by itself."""
    with monkeypatch.context() as patch:
        patch.setattr("caption_studio.language.engine_wake_tokens.end_characters", lambda _: None)
        yield


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("kind", KINDS)
async def test_the_answers_are_the_same(
    engine: "FalconEngine", kind: str, stream: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    gathered = await all_answered(engine, kind, stream=stream)
    with one_by_one(monkeypatch):
        wanted = await all_answered(engine, kind, stream=stream)
    for prompt, mine, theirs in zip(prompts(kind), gathered, wanted, strict=True):
        if mine != theirs:  # in another batch sums differ in their last digits
            alone = await answered(engine, prompt, stream=stream)
            with one_by_one(monkeypatch):
                assert alone == await answered(engine, prompt, stream=stream)
    assert {reason for answer in gathered for *_, reason in answer} <= {"stop", "length"}


@pytest.mark.parametrize(("kind", "most"), [("a text", 1.0), ("a caption", 6.0)])
async def test_a_whole_answer_takes_few_messages(
    engine: "FalconEngine", kind: str, most: float
) -> None:
    with counted(engine) as sizes:
        answers = await all_answered(engine, kind, stream=False)
    tokens = sum(tokens for answer in answers for _, tokens, _ in answer)
    assert tokens > 15 * len(answers)
    assert sum(sizes) <= most * len(answers)


async def test_a_stream_is_cut_into_pieces_by_time(engine: "FalconEngine") -> None:
    (prompt, *_) = prompts("a text")
    prompt = replace(prompt, sampling=replace(prompt.sampling, max_tokens=200, ignore_eos=True))
    with counted(engine) as sizes:
        ((_, tokens, _),) = await answered(engine, prompt, stream=True)
    assert tokens == 200
    assert 3 < sum(sizes) < 150


async def test_requests_that_are_given_up_leave_nothing_behind(engine: "FalconEngine") -> None:
    assert engine._llm is not None
    many = [
        replace(prompt, sampling=replace(prompt.sampling, max_tokens=400, ignore_eos=True))
        for prompt in prompts("a text")
    ]
    tasks = [asyncio.create_task(answered(engine, prompt, stream=False)) for prompt in many]
    await asyncio.sleep(0.5)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert await all_answered(engine, "a caption", stream=False)
    assert engine._llm.output_processor.get_num_unfinished_requests() == 0


async def test_a_busy_reader_gets_the_answer_of_an_idle_one(engine: "FalconEngine") -> None:
    """A quote among the first `min_tokens` is text, however many outputs come together."""
    asked = [
        replace(prompt, sampling=replace(prompt.sampling, min_tokens=9))
        for prompt in prompts("a caption")[:12]
    ]
    alone = [await answered(engine, prompt, stream=False) for prompt in asked]

    async def keep_busy() -> None:
        while True:
            time.sleep(0.01)  # noqa: ASYNC251
            await asyncio.sleep(0)

    busy = asyncio.create_task(keep_busy())
    try:
        assert [await answered(engine, prompt, stream=False) for prompt in asked] == alone
    finally:
        busy.cancel()
