"""What a build begins with, and what becomes of it; nothing here computes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Reason = Literal[
    "unreadable",
    "near-duplicate picture",
    "repeated row",
    "no description",
    "unanswered",
    "refusal",
    "empty",
    "cut off",
    "prompt echoed",
    "several captions",
    "repeated caption",
    "rejected",
]
"""Why something is not in the data set."""

TO_BE_ASKED_AGAIN: frozenset[Reason] = frozenset({"no description", "unanswered"})
"""Nothing was answered, so nothing is in the journal: the same command asks once more."""


@dataclass(frozen=True, slots=True)
class Item:
    """One picture, or one row of a table; what is known of it is not made anew.

    `picture` is a path or URL. `request` and `facts` are those of `training.rows.Row`. `problem`
    says why it cannot be used.
    """

    picture: str = ""
    description: str = ""
    caption: str = ""
    request: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Look:
    """A picture in short: `id` names its exact pixels.

    `edges` is its difference hash of 64 bits, `colours` its mean colours: uint8 [4, 4, 3], RGB.
    """

    id: str
    edges: int
    colours: bytes


CUT_OFF = frozenset({"length", "max_tokens"})
"""The finish reasons of an answer whose tokens were used up."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A teacher's answer to one call, of `max_tokens` at most; `unanswered`: why there is none."""

    text: str = ""
    finish_reason: str = ""
    max_tokens: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    unanswered: str = ""


@dataclass(frozen=True, slots=True)
class Apart:
    """Something that is not in the data set, and why; `detail` is for people."""

    reason: Reason
    detail: str = ""
    picture: str = ""
    description: str = ""
    caption: str = ""


@dataclass(slots=True)
class Piece:
    """One item on its way: filled in from left to right, or taken out by `apart`.

    `answers` are the teacher's, in the order of their calls.
    """

    item: Item
    look: Look | None = None
    picture_id: str = ""
    description: str = ""
    answers: list[Answer] = field(default_factory=list)
    apart: Apart | None = None

    def take_out(self, reason: Reason, detail: str) -> None:
        """Note that nothing comes of this item."""
        self.apart = Apart(
            reason, detail, self.item.picture, self.description or self.item.description
        )
