"""Controls and a kept caption → what only the model can do: refusals, and whether to ask again.

Pure.
"""

from collections.abc import Container

from caption_studio.hashtags import end_without_hashtags, find_hashtags
from caption_studio.records import Controls, Kept
from caption_studio.voices.platforms import PLATFORMS
from caption_studio.voices.words import NAMES

_MAX_LOST = 1 / 3


def refused(controls: Controls, trained: Container[str]) -> str | None:
    """Return the first control that neither the voice was trained for nor cutting can keep."""
    given = {
        "tone": controls.tone is not None,
        "emoji": controls.emoji is True,
        "language": controls.language is not None,
    }
    return next((name for name in NAMES if given.get(name) and name not in trained), None)


def wants_again(kept: Kept, controls: Controls, text: str) -> bool:
    """Tell whether another answer of the model may be better than what was kept of `text`.

    So it is if a control does not hold that could, or if cutting took the sentence or more than a
    third of its letters.
    """
    most = PLATFORMS[controls.platform].most_hashtags if controls.platform else None
    cannot = "hashtags" if most is not None and (controls.hashtags or 0) > most else None
    if not all(held for name, held in kept.held.items() if name != cannot):
        return True
    said, left = _letters(text), _letters(kept.text)
    if not left:
        return True
    return said - left > _MAX_LOST * said


def _letters(text: str) -> int:
    """Count the letters and digits of a caption without the hashtags at its end."""
    end = end_without_hashtags(text, find_hashtags(text))
    return sum(c.isalnum() for c in text[: end.start])
