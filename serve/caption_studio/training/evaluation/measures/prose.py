"""A caption → its sentences without hashtags and emoji, and their words; pure."""

import re

from caption_studio.hashtags import find_hashtags
from caption_studio.voices.keeping.counting import split_graphemes
from caption_studio.voices.keeping.emoji import has_emoji, without_emoji
from caption_studio.voices.keeping.folding import keys

_SENTENCE_END = re.compile(r"[.!?…;:()\n\u3002\uff01\uff1f]+")


def prose(caption: str) -> str:
    """Return the caption without its hashtags and emoji."""
    for tag in reversed(find_hashtags(caption)):
        caption = f"{caption[: tag.start]} {caption[tag.end :]}"
    return without_emoji(caption).strip()


def sentences(caption: str) -> list[tuple[str, ...]]:
    """Return the folded words of each of the prose's sentences."""
    parts = (keys(part) for part in _SENTENCE_END.split(prose(caption)))
    return [words for words in parts if words]


def prose_words(caption: str) -> int:
    """Count the words of the prose."""
    return len(keys(prose(caption)))


def emoji_count(caption: str) -> int:
    """Count the emoji that a reader sees."""
    return sum(has_emoji(one) for one in split_graphemes(caption)) if has_emoji(caption) else 0


def normalised(caption: str) -> str:
    """Return the caption's folded words, its hashtags' too: what a copy has in common with it."""
    return " ".join(keys(caption))
