"""A text and controls → whether each control holds of it; pure.

It looks at the text alone, whatever was done to it.
"""

from caption_studio.hashtags import find_hashtags
from caption_studio.records import Controls
from caption_studio.voices.keeping.avoided import holds_avoided
from caption_studio.voices.keeping.counting import Limit, fits
from caption_studio.voices.keeping.emoji import has_emoji
from caption_studio.voices.platforms import PLATFORMS

LENGTHS = {"short": 80, "medium": 160, "long": 320}
"""The most characters of a caption, its hashtags included."""


def holds(text: str, controls: Controls) -> dict[str, bool]:
    """Tell for each control that is given, by its name, whether it holds.

    Tone and language are left out: only a caller with a means to tell them can add them.
    """
    held: dict[str, bool] = {}
    tags = len(find_hashtags(text))
    if controls.platform is not None:
        most = PLATFORMS[controls.platform].most_hashtags
        held["platform"] = fits(text, _platform_limits(controls)) and (most is None or tags <= most)
    if controls.length is not None:
        held["length"] = len(text) <= most_characters(controls.length)
    if controls.hashtags is not None:
        held["hashtags"] = tags == controls.hashtags
    if controls.emoji is not None:
        held["emoji"] = has_emoji(text) is controls.emoji
    if controls.avoid:
        held["avoid"] = not holds_avoided(text, controls.avoid)
    return held


def most_characters(length: str | int) -> int:
    """Return the most characters (code points) of a caption of this length."""
    return length if isinstance(length, int) else LENGTHS[length]


def limits(controls: Controls) -> list[Limit]:
    """Return the limits of a text's length that the controls set."""
    found = _platform_limits(controls)
    if controls.length is not None:
        found.append(Limit(len, most_characters(controls.length)))
    return found


def _platform_limits(controls: Controls) -> list[Limit]:
    if controls.platform is None:
        return []
    platform = PLATFORMS[controls.platform]
    return [Limit(platform.count, platform.most_characters)]
