"""Which tokens may end an answer, and what vLLM's process is taught of them."""

from typing import Any

import pytest

from caption_studio.language.engine_gathering import Gather
from caption_studio.language.engine_wake_tokens import WakeTokens, end_characters
from caption_studio.language.tokens import TokenBytes
from caption_studio.records import Prompt
from tests.fakes import sampling

pytestmark = pytest.mark.anyio

TOKENS = ["a", '"', 'b"', "Ġc", "Ċ", "Ã", "Ã©", "\u0122", None]
"""As a byte-level tokenizer writes them. Two are a part of a character; one has no name."""


class Tokenizer:
    all_special_ids: tuple[int, ...] = ()

    def convert_ids_to_tokens(self, ids: list[int]) -> list[str | None]:
        return [TOKENS[id_] for id_ in ids]


class Lessons(list[tuple[str, list[int]]]):
    async def learn(self, character: str, token_ids: list[int]) -> None:
        self.append((character, token_ids))


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def prompt(answer: Any = "quoted", next_lines: tuple[str, ...] = (), **changes: object) -> Prompt:
    return Prompt("r", "m", "text", sampling(**changes), answer, stop=next_lines)


async def test_the_tokens_of_a_character_are_taught_once() -> None:
    lessons = Lessons()
    wake = WakeTokens(TokenBytes(Tokenizer()), len(TOKENS), lessons.learn)
    for _ in range(2):
        assert await wake.gather(prompt(), interval_s=None) == Gather('\n"')
    parts = [5, 7]
    assert lessons == [("\n", sorted([4, *parts])), ('"', sorted([1, 2, *parts]))]


async def test_a_text_that_ends_by_itself_needs_no_character() -> None:
    lessons = Lessons()
    wake = WakeTokens(TokenBytes(Tokenizer()), len(TOKENS), lessons.learn)
    assert await wake.gather(prompt("verbatim"), interval_s=0.03) == Gather("", 0.03, first=2)
    assert lessons == []


async def test_more_tokens_begin_a_stream_where_vllm_keeps_text_back() -> None:
    wake = WakeTokens(TokenBytes(Tokenizer()), len(TOKENS), Lessons().learn)
    asked = prompt("trimmed", ("\nAssistant:",))
    assert await wake.gather(asked, interval_s=0.03) == Gather(":", 0.03, first=5)


@pytest.mark.parametrize(
    ("asked", "characters"),
    [
        (prompt(next_lines=("\nUser:",)), '\n":'),
        (prompt("trimmed", ("\nUser:",), stop=("cat", "dog")), ":gt"),
        (prompt("verbatim", stop_token_ids=(3,)), ""),
    ],
)
def test_a_word_ends_with_its_last_character(asked: Prompt, characters: str) -> None:
    assert end_characters(asked) == characters


@pytest.mark.parametrize(
    "asked",
    [
        prompt(top_logprobs=2),
        prompt(min_tokens=3),
        prompt("verbatim", min_tokens=3, stop=("x",)),
        prompt(stop=("x",)),
        prompt("verbatim", stop=("🌊",)),
    ],
)
def test_some_answers_come_token_by_token(asked: Prompt) -> None:
    assert end_characters(asked) is None
