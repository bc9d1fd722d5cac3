"""Which tokens may end an answer, and what vLLM's process is taught of them."""

from typing import Any

import pytest

from caption_studio.language.engine_gathering import LEARN
from caption_studio.language.engine_wake_tokens import WakeTokens, end_characters
from caption_studio.records import Prompt
from tests.fakes import sampling

pytestmark = pytest.mark.anyio

TOKENS = ["a", '"', 'b"', "Ġc", "Ċ", "Ã", "Ã©", "\u0122", None]
"""As a byte-level tokenizer writes them. Two are a part of a character; one has no name."""


class Tokenizer:
    def convert_ids_to_tokens(self, ids: range) -> list[str | None]:
        return [TOKENS[id_] for id_ in ids]


class Core:
    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []

    async def call_utility_async(self, *call: Any) -> None:
        self.calls.append(call)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def prompt(answer: Any = "quoted", stop: tuple[str, ...] = (), **changes: object) -> Prompt:
    return Prompt("r", "m", "text", sampling(**changes), answer, stop=stop)


async def test_the_tokens_of_a_character_are_taught_once() -> None:
    core, wake = Core(), WakeTokens(Tokenizer(), len(TOKENS))
    for _ in range(2):
        assert await wake.gather(core, prompt(), interval_s=None) == ('\n"', None)
    parts = [5, 7]
    assert core.calls == [
        (LEARN, "\n", sorted([4, *parts])),
        (LEARN, '"', sorted([1, 2, *parts])),
    ]


async def test_a_text_that_ends_by_itself_needs_no_character() -> None:
    core, wake = Core(), WakeTokens(Tokenizer(), len(TOKENS))
    assert await wake.gather(core, prompt("verbatim"), interval_s=0.03) == ("", 0.03)
    assert core.calls == []


@pytest.mark.parametrize(
    ("asked", "characters"),
    [
        (prompt(stop=("\nUser:",)), '\n":'),
        (prompt("trimmed", stop=("\nUser:",)), ":"),
        (prompt("verbatim", stop=(), **{"stop_token_ids": (3,)}), ""),
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
    ],
)
def test_some_answers_come_token_by_token(asked: Prompt) -> None:
    assert end_characters(asked) is None
