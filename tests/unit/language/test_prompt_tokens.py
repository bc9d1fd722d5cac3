"""Prompts as tokens: long ones in a thread, impossible ones not at all."""

import threading
from collections.abc import Iterator
from typing import Any, ClassVar

import pytest

from caption_studio.errors import ContextLengthExceeded
from caption_studio.language.prompt_tokens import PromptTokens

pytestmark = pytest.mark.anyio


class Words:
    """Has one token a word, of five bytes at most; notes who reads."""

    readers: ClassVar[list[str]] = []

    def get_vocab(self) -> dict[str, int]:
        return {"Ġhuge": 0, "a": 1}

    def encode(self, text: str, **_: Any) -> list[int]:
        self.readers.append(threading.current_thread().name)
        return [0] * len(text.split())


@pytest.fixture
def prompts() -> Iterator[PromptTokens]:
    Words.readers = []
    prompts = PromptTokens(max_model_len=1000)
    prompts.prepare(Words())
    yield prompts
    prompts.close()


async def test_a_short_prompt_is_read_at_once(prompts: PromptTokens) -> None:
    assert await prompts.of(Words(), "a huge sea") == [0] * 3
    assert Words.readers == [threading.current_thread().name]


async def test_a_long_prompt_is_read_in_a_thread(prompts: PromptTokens) -> None:
    assert len(await prompts.of(Words(), "huge " * 900)) == 900
    (reader,) = Words.readers
    assert reader.startswith("tokenizer")


async def test_a_prompt_that_leaves_no_room(prompts: PromptTokens) -> None:
    with pytest.raises(ContextLengthExceeded, match="the prompt has 1000"):
        await prompts.of(Words(), "huge " * 1000)


@pytest.mark.parametrize("text", ["a" * 5001, "é" * 2501, "a" * 10**7])
async def test_what_cannot_fit_is_not_read(prompts: PromptTokens, text: str) -> None:
    with pytest.raises(ContextLengthExceeded, match="far longer"):
        await prompts.of(Words(), text)
    assert Words.readers == []
