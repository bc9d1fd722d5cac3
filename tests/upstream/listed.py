"""docs/upstream.md as data: what of other libraries we touch inside, and where."""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import caption_studio

PACKAGE = Path(caption_studio.__file__).parent
ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "upstream.md"


@dataclass(frozen=True)
class Row:
    """`name` is upstream's, `places` are files of ours; `cells` are all columns."""

    name: str
    places: tuple[str, ...]
    cells: tuple[str, ...]


@dataclass(frozen=True)
class Library:
    """One line of the first table."""

    version: str
    count: int


@cache
def rows(library: str) -> tuple[Row, ...]:
    """Return the rows of one library's table."""
    sections = re.split(r"^## (.+)$", PAGE.read_text(), flags=re.MULTILINE)
    section = dict(zip(sections[1::2], sections[2::2], strict=True))[library]
    lines = [line for line in section.splitlines() if line.startswith("|")][2:]
    return tuple(_row(line) for line in lines)


def names(library: str) -> list[str]:
    """Return the first column."""
    return [row.name for row in rows(library)]


@cache
def libraries() -> dict[str, Library]:
    """Return the first table of the page."""
    found = re.findall(r"^\| (\w+) \| ([\d.]+) \| (\d+) \|$", PAGE.read_text(), re.MULTILINE)
    return {name: Library(version, int(count)) for name, version, count in found}


def file(place: str) -> Path:
    """Return the file that a row names: one of our package, else one of the repository."""
    inside = PACKAGE / place
    return inside if inside.exists() else ROOT / place


def _row(line: str) -> Row:
    cells = tuple(cell.strip() for cell in line.strip("|").split(" | "))
    name = "/".join(re.findall(r"`([^`]+)`", cells[0]))
    return Row(name, tuple(re.findall(r"`([^`]+)`", cells[1])), cells)
