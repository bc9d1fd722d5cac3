"""A row as the service asks for its caption, and a caption as an adapter may answer; pure."""

from itertools import cycle

from caption_studio.records import Description, Turn
from caption_studio.training.rows import Row
from caption_studio.voices.prompt import plain_prompt


def prompt_of(row: Row) -> str:
    """Return the prompt that the service makes of the row's description and request."""
    return plain_prompt(Description(row.description), [Turn("user", row.request)])


def typographic(caption: str) -> str:
    """Return the caption with typographic quotes: the service would end it at any other."""
    marks = cycle("\u201c\u201d")
    first, *others = caption.split('"')
    return first + "".join(next(marks) + piece for piece in others)
