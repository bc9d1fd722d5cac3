"""The wishes that the held-out instructions hold → whether a caption obeys them; pure."""

import re
from collections.abc import Callable

from caption_studio.hashtags import find_hashtags
from caption_studio.training.evaluation.measures import obedience
from caption_studio.training.evaluation.measures.prose import prose

MOST_ALT_CHARACTERS = 140


def hashtags(caption: str) -> int:
    """Count the hashtags."""
    return len(find_hashtags(caption))


def is_alt_text(caption: str) -> bool:
    """Tell whether it states soberly what is there, as a screen reader should read it."""
    return obedience.is_alt_text(caption) and 0 < len(caption) <= MOST_ALT_CHARACTERS


CHECKS: dict[str, Callable[[str], bool]] = {
    "no hashtags": obedience.has_no_hashtags,
    "at most two hashtags": lambda caption: hashtags(caption) <= 2,
    "no emoji": obedience.has_no_emoji,
    "short": obedience.is_short,
    "question": obedience.is_question,
    "alt text": is_alt_text,
}
"""Each wish that can be checked, by its name."""


def copies(caption: str, name: str) -> bool:
    """Tell whether a name stands in the caption's prose, letter for letter."""
    return re.search(rf"(?<!\w){re.escape(name)}(?!\w)", prose(caption)) is not None
