"""Prompts whose lengths are given, in place of pictures and text."""

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from benchmarks.scenario.part import Part, Positive


class TokenRange(Part):
    """A uniformly distributed number of tokens, from `min` to `max`."""

    min: int = Field(ge=1, le=1_000_000)
    max: int = Field(ge=1, le=1_000_000)

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.min > self.max:
            raise ValueError("min is above max")
        return self


class TokenIds(Part):
    """The range of ids in prompts: from `first` on, below `end`.

    The model must have all of them, and none of them should be a special token.
    """

    first: int = Field(100, ge=0)
    end: int = Field(500, ge=1)

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.first >= self.end:
            raise ValueError("first is not below end")
        return self


class ExactTokens(Part):
    """Prompts as token ids, answers of a given length."""

    ids: TokenIds = TokenIds()

    @property
    def has_output_tokens(self) -> bool:
        """Say that each answer's length is given."""
        return True


class RandomTokens(ExactTokens):
    """Prompts of random token ids, and answers, each of an exact number of tokens."""

    kind: Literal["random"] = "random"
    input_tokens: TokenRange
    output_tokens: TokenRange


class TraceTokens(ExactTokens):
    """The lengths and the shared prefixes of a recorded trace: see `workload.traces`.

    With `load: {kind: replay}` of the same file, each request has its recorded length at its
    recorded time. Lengths are multiplied by `scale`, and are at least one token.
    """

    kind: Literal["trace"] = "trace"
    trace: Path
    scale: Positive = 1.0


class ShareGPT(Part):
    """First turns of conversations in a JSON file of ShareGPT's form.

    With a `tokenizer` (a `tokenizer.json`) each answer has as many tokens as the recorded one, and
    conversations beyond the limits are left out. Without one, the model decides when to end.
    """

    kind: Literal["sharegpt"] = "sharegpt"
    file: Path
    tokenizer: Path | None = None
    max_input_tokens: int = Field(1024, ge=1)
    max_output_tokens: int = Field(1024, ge=1)

    @property
    def has_output_tokens(self) -> bool:
        """Say whether each answer's length is given."""
        return self.tokenizer is not None

    def fits(self, input_tokens: int, output_tokens: int) -> bool:
        """Return whether neither turn of a conversation is empty or beyond the limits."""
        return 1 <= input_tokens <= self.max_input_tokens and (
            1 <= output_tokens <= self.max_output_tokens
        )


PromptKind = RandomTokens | TraceTokens | ShareGPT
