"""A caption and its controls → the caption that keeps to them, as far as cutting can; pure.

Kept by construction: no emoji, no word to avoid, the number of hashtags, the length, and the
limits of the platform, of which a platform's and the length go before the number of hashtags.
Not here: tone, language and an emoji where none is; only the model can write those.
"""

from caption_studio.hashtags import find_hashtags
from caption_studio.records import Controls, Kept
from caption_studio.voices.keeping.avoid import without_words
from caption_studio.voices.keeping.checks import holds, limits
from caption_studio.voices.keeping.counting import fits
from caption_studio.voices.keeping.emoji import without_emoji
from caption_studio.voices.keeping.layout import (
    choose,
    cut_end,
    cut_sentence,
    laid_out,
    with_more,
)
from caption_studio.voices.keeping.made_hashtags import made_hashtags
from caption_studio.voices.platforms import PLATFORMS

_ROUNDS = 8
"""What one control cuts can bring together what another forbids; two rounds are usual."""


def keep(text: str, controls: Controls, description: str) -> Kept:
    """Return the caption kept to its controls, and for each control whether it holds.

    Missing hashtags are made of the words of `description`, else of the caption's. Keeping is
    idempotent. `held` leaves out what nothing here can check: tone and language.
    """
    for _ in range(_ROUNDS):
        before, text = text, _kept_once(text, controls, description)
        if text == before:
            break
    return Kept(text, holds(text, controls))


def _kept_once(text: str, controls: Controls, description: str) -> str:
    if controls.emoji is False:
        text = without_emoji(text)
    if controls.avoid:
        text = without_words(text, controls.avoid)
    return _within(text, controls, description)


def _within(text: str, controls: Controls, description: str) -> str:
    """Return the caption with the hashtags and the length that are asked for."""
    found = find_hashtags(text)
    exact = controls.hashtags
    most = PLATFORMS[controls.platform].most_hashtags if controls.platform else None
    staying = choose(found, exact, most)
    missing = 0 if exact is None else min(exact, exact if most is None else most) - len(staying)
    allowed = limits(controls)
    if len(staying) == len(found) and not missing and fits(text, allowed):
        return text
    layout = laid_out(text, staying)
    if missing:
        words = made_hashtags(description, layout.body, controls.avoid)
        layout = with_more(layout, words, staying, missing)
    if fits(layout.text, allowed):
        return layout.text
    if not exact:
        return cut_end(layout, allowed).text
    inside = [text[t.start : t.end] for t in find_hashtags(layout.body)]
    return cut_sentence(layout, [*inside, *layout.tags], allowed).text
