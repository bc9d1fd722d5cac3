"""`held_out_instructions.jsonl` → the instructions that measure whether the adapters listen.

Thirteen hundred texts as people write them beside a picture, by hand, of 5 to 80 words. No training
text shares six words in a row with them. Tune on `validation`; `test` is for the figures that are
reported, once: then its texts join `validation`, and new ones are written by somebody who has not
read the training texts. Not here: how a caption is judged (`obedience`).
"""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

Split = Literal["validation", "test"]

RUN_WORDS = 6
"""So many words in a row may no training text share with a held-out instruction."""

_FILE = Path(__file__).with_name("held_out_instructions.jsonl")


@dataclass(frozen=True, slots=True)
class Instruction:
    """A text beside a picture, and what can be checked of a caption that obeys it.

    `obey` has keys of `obedience.CHECKS`. The names in `copy` shall stand in the caption. Both are
    empty where a caption need only be about the picture.
    """

    text: str
    split: Split
    obey: tuple[str, ...] = ()
    copy: tuple[str, ...] = ()

    @property
    def words(self) -> int:
        """The number of words between blanks."""
        return len(self.text.split())


@cache
def held_out_instructions(split: Split | None = None) -> tuple[Instruction, ...]:
    """Return the instructions of one split, or all, in the order of the file."""
    read = (json.loads(line) for line in _FILE.read_text(encoding="utf-8").splitlines())
    every = (
        Instruction(
            one["text"], one["split"], tuple(one.get("obey", ())), tuple(one.get("copy", ()))
        )
        for one in read
    )
    return tuple(one for one in every if split in (None, one.split))


def runs(text: str) -> Iterator[tuple[str, ...]]:
    """Yield each six words in a row, in small letters and without punctuation."""
    words = re.findall(r"[^\W_]+", text.lower())
    return zip(*(words[start:] for start in range(RUN_WORDS)), strict=False)


def shared_runs(text: str) -> set[str]:
    """Return the runs of six words that a text shares with the held-out instructions."""
    held_out = _held_out_runs()
    return {" ".join(run) for run in runs(text) if run in held_out}


def refuse_held_out(texts: Iterable[str]) -> None:
    """Raise `ValueError` if a training text shares six words in a row with one held out."""
    for text in texts:
        if shared := shared_runs(text):
            raise ValueError(f"a training text holds held-out words: {sorted(shared)[0]!r}")


@cache
def _held_out_runs() -> frozenset[tuple[str, ...]]:
    return frozenset(run for one in held_out_instructions() for run in runs(one.text))
