"""A caption → whether it obeys what was asked of it, judged from its text alone."""

import re
from collections.abc import Callable

from caption_studio.demo.captions import SHORT_CHARACTERS, has_emoji
from caption_studio.language.prompt import one_line

MOST_ALT_CHARACTERS = 140

_HASHTAG = re.compile(r"(?<!\w)#\w*[^\W\d]\w*")
_EMOJI = re.compile("[\u2600-\u27bf\U0001f000-\U0001faff\ufe0f]")


def hashtags(caption: str) -> int:
    """Count the words that begin with a number sign."""
    return len(_HASHTAG.findall(caption))


def prose(caption: str) -> str:
    """Return the caption without its hashtags and emoji."""
    return one_line(_EMOJI.sub(" ", _HASHTAG.sub(" ", caption)))


def is_alt_text(caption: str) -> bool:
    """Tell whether it states soberly what is there, as a screen reader should read it."""
    sober = not has_emoji(caption) and "#" not in caption and not re.search("[!?]", caption)
    return sober and 0 < len(caption) <= MOST_ALT_CHARACTERS


CHECKS: dict[str, Callable[[str], bool]] = {
    "no hashtags": lambda caption: "#" not in caption,
    "at most two hashtags": lambda caption: hashtags(caption) <= 2,
    "no emoji": lambda caption: not has_emoji(caption),
    "short": lambda caption: 0 < len(caption) <= SHORT_CHARACTERS,
    "question": lambda caption: prose(caption).endswith("?"),
    "alt text": is_alt_text,
}
"""Each wish that can be checked, by its name."""


def copies(caption: str, name: str) -> bool:
    """Tell whether a name stands in the caption's prose, letter for letter."""
    return re.search(rf"(?<!\w){re.escape(name)}(?!\w)", prose(caption)) is not None
