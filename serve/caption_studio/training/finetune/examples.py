"""Rows → token ids with the labels on the answer alone.

The prompt is the one that the service makes, and its tokens are read as the service reads them
(`language.tokens.text_tokens`): by themselves, and with a special token's name as ordinary text.
So no merge of the tokenizer reaches over the boundary, and the model learns to go on from exactly
the tokens that vLLM will give it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from caption_studio.training.failures import Refused
from caption_studio.training.form import prompt_of, typographic
from caption_studio.training.rows import Row

IGNORED = -100
"""The label of a token that the loss leaves out (torch's `ignore_index`)."""


@dataclass(frozen=True, slots=True)
class Example:
    """A prompt, and the answer that the model is to give, without the end-of-text token."""

    prompt: str
    answer: str


@dataclass(frozen=True, slots=True)
class Encoded:
    """One example as token ids; the first `prompt_tokens` of them are the prompt's."""

    input_ids: list[int]
    prompt_tokens: int

    @property
    def labels(self) -> list[int]:
        """The answer's ids in their places, `IGNORED` in those of the prompt."""
        return [IGNORED] * self.prompt_tokens + self.input_ids[self.prompt_tokens :]

    def __len__(self) -> int:
        return len(self.input_ids)


def example_of(row: Row) -> Example:
    """Return the row as the service would ask for its caption, and as the adapter answers."""
    return Example(prompt_of(row), quoted(row.caption))


def quoted(caption: str) -> str:
    """Return the answer of 2023's adapter: a space, and the caption between double quotes.

    The caption ends at the next double quote, so those inside it become typographic ones, and
    those around all of it are left out. Raises `Refused` for an empty caption.
    """
    caption = caption.strip()
    if caption.startswith('"') and caption.endswith('"') and caption.count('"') == 2:
        caption = caption[1:-1].strip()
    if not caption.replace('"', "").strip():
        raise Refused("A caption is empty.")
    return f' "{typographic(caption)}"'


def encode(tokenizer: Any, examples: Iterable[Example]) -> list[Encoded]:
    """Return the examples' ids, each ended by the end-of-text token.

    `tokenizer` is a fast one of transformers.
    """
    examples = list(examples)
    prompts = _ids(tokenizer, [example.prompt for example in examples], special=True)
    answers = _ids(tokenizer, [example.answer for example in examples], special=False)
    end = tokenizer.eos_token_id
    return [
        Encoded([*prompt, *answer, end], len(prompt))
        for prompt, answer in zip(prompts, answers, strict=True)
    ]


def fitting(encoded: Sequence[Encoded], max_tokens: int) -> list[Encoded]:
    """Return the examples of at most so many tokens: one that is cut would teach no end."""
    return [example for example in encoded if len(example) <= max_tokens]


def _ids(tokenizer: Any, texts: list[str], *, special: bool) -> list[list[int]]:
    """`special`: with the tokens that the tokenizer puts before a text, which Falcon's do not."""
    if not texts:
        return []
    batch = tokenizer(texts, add_special_tokens=special, split_special_tokens=True)
    ids: list[list[int]] = batch["input_ids"]
    return ids
