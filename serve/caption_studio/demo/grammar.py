"""A file of phrases with named places → random texts.

Each key of the YAML file is a symbol; its text holds one phrase a line, or several between bars.
`{symbol}` in a phrase stands for a value of that name if one is given, else for one of that
symbol's phrases.
"""

import random
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import yaml

_PLACE = re.compile(r"\{(\w+)\}")
_NOTHING: Mapping[str, str] = {}


class Grammar:
    """The phrases of one file by their symbols."""

    def __init__(self, phrases: Mapping[str, tuple[str, ...]]) -> None:
        self.phrases = phrases

    def say(self, symbol: str, rng: random.Random, values: Mapping[str, str] = _NOTHING) -> str:
        """Return a random phrase of the symbol, its places filled."""

        def fill(place: re.Match[str]) -> str:
            name = place.group(1)
            return values[name] if name in values else self.say(name, rng, values)

        return _PLACE.sub(fill, rng.choice(self.phrases[symbol]))


@cache
def grammar(name: str) -> Grammar:
    """Return the grammar of the file `NAME.yaml` beside this module."""
    text = Path(__file__).with_name(f"{name}.yaml").read_text(encoding="utf-8")
    read = yaml.safe_load(text)
    return Grammar({symbol: _split(lines) for symbol, lines in read.items()})


def _split(text: str) -> tuple[str, ...]:
    parts = (part.strip() for line in text.splitlines() for part in line.split("|"))
    return tuple(part for part in parts if part)
