"""A prompt template of named fields and values → a prompt; pure.

`{description}` stands for a value, `{{` and `}}` for braces; there is nothing else, so a template
cannot reach into objects. Values are data: folded to one line, and never read for fields. A line
whose fields are all empty is left out, but for the line of the description.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import regex

from caption_studio.language.prompt import one_line

FIELDS = (
    "description",
    "request",
    "platform",
    "tone",
    "length",
    "hashtags",
    "emoji",
    "language",
    "avoid",
    "controls",
)
MAX_CHARACTERS = 4096
MAX_LINES = 40

CAPTION_TEMPLATE = """\
Convert the given image description to social media worthy caption:
Description: {description}
Request: {request}
Caption:"""
"""The template that the 2023 adapter was trained with."""

_REQUIRED = "description"
_STOP_WORDS = 4
_PIECE = regex.compile(r"\{\{|\}\}|\{([^{}]*+)\}|[{}]|[^{}]++")


@dataclass(frozen=True, slots=True)
class Field:
    """A place for the value of this name."""

    name: str


@dataclass(frozen=True, slots=True)
class Template:
    """A template that was read: each line is texts and fields, in their order."""

    lines: tuple[tuple[str | Field, ...], ...]

    @property
    def fields(self) -> frozenset[str]:
        """The names of the fields that it has."""
        return frozenset(name for line in self.lines for name in _names(line))

    @property
    def stop(self) -> tuple[str, ...]:
        """Text with which a model would begin one of the lines anew: their first words."""
        leads = (line[0] for line in self.lines if line and isinstance(line[0], str))
        begun = (" ".join(lead.split()[:_STOP_WORDS]) for lead in leads)
        return tuple(dict.fromkeys(f"\n{words}" for words in begun if words))

    def fill(self, values: Mapping[str, str]) -> str:
        """Return the prompt; a value that is missing is empty, one without a field is not used."""
        folded = {name: one_line(values.get(name, "")) for name in self.fields}
        return "\n".join(
            "".join(folded[p.name] if isinstance(p, Field) else p for p in line)
            for line in self.lines
            if _stays(line, folded)
        )


def parse(text: str) -> Template:
    """Read a template; line breaks at its end do not count. Raises `ValueError`."""
    text = text.replace("\r\n", "\n").rstrip("\n")
    if len(text) > MAX_CHARACTERS:
        raise ValueError(f"The template has over {MAX_CHARACTERS} characters.")
    lines = text.split("\n")
    if len(lines) > MAX_LINES:
        raise ValueError(f"The template has over {MAX_LINES} lines.")
    template = Template(tuple(_line(line, number) for number, line in enumerate(lines, 1)))
    if _REQUIRED not in template.fields:
        raise ValueError("The template lacks the field {description}.")
    return template


def _line(text: str, number: int) -> tuple[str | Field, ...]:
    pieces: list[str | Field] = []
    for found in _PIECE.finditer(text):
        piece: str = found.group()
        if piece in ("{{", "}}"):
            pieces.append(piece[0])
        elif piece in ("{", "}"):
            raise ValueError(
                f"The template has a single {piece} in line {number}; write {piece * 2}."
            )
        elif found.group(1) is None:
            pieces.append(piece)
        else:
            pieces.append(_field(found.group(1)))
    return tuple(pieces)


def _field(name: str) -> Field:
    if name in FIELDS:
        return Field(name)
    known = ", ".join(f"{{{field}}}" for field in FIELDS)
    raise ValueError(f"The template has the unknown field {{{name}}}. It may have {known}.")


def _names(line: tuple[str | Field, ...]) -> list[str]:
    return [piece.name for piece in line if isinstance(piece, Field)]


def _stays(line: tuple[str | Field, ...], values: Mapping[str, str]) -> bool:
    names = _names(line)
    return not names or _REQUIRED in names or any(values[name] for name in names)
