"""The pieces of a caption as they are generated."""

from dataclasses import dataclass
from typing import Literal

import msgspec

from caption_studio.records.voices import Marks

FinishReason = Literal["stop", "length"]


class TokenLogprob(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """The natural logarithm of a token's probability.

    The garbage collector leaves these out, because an answer may hold hundreds of thousands.

    `data` are the token's own bytes: one character may be spread over several tokens.
    `text_offset` is how many characters of the answer come before it. A special token
    (`is_special`) has its name as `data`, but is not part of the answer's text.
    """

    data: bytes
    logprob: float
    alternatives: tuple["TokenLogprob", ...] = ()
    text_offset: int = 0
    is_special: bool = False

    @property
    def text(self) -> str:
        """The bytes as text, with replacement characters for incomplete ones."""
        return self.data.decode("utf-8", errors="replace")


@dataclass(frozen=True, slots=True)
class CaptionDelta:
    """The next piece of choice `index`.

    `completion_tokens` counts the tokens generated for this piece, `prompt_tokens` those
    of the whole prompt (the same on every delta). `finish_reason` stands on a choice's
    last delta, which may carry no text. `logprobs` are those of the tokens that this
    piece's text comes from, where they were asked for. `queued` says that the engine had no
    free place in its batch when the prompt came (the same on every delta). `marks` stand on a
    caption's last delta once the gateway has checked it.
    """

    index: int
    text: str
    completion_tokens: int
    prompt_tokens: int
    finish_reason: FinishReason | None = None
    logprobs: tuple[TokenLogprob, ...] = ()
    queued: bool = False
    marks: Marks | None = None


DeltaGroup = tuple[CaptionDelta, ...]
"""Deltas that are sent together."""
