"""`held_out_instructions.jsonl` → the instructions that measure whether the adapters listen.

Two hundred texts as people write them beside a picture, by hand, of 5 to 80 words. No training text
shares six words in a row with them. Tune on `validation`; `test` is for the figures that are
reported. Not here: how a caption is judged (`obedience`).
"""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

Split = Literal["validation", "test"]

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
