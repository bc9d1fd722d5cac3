"""A voice, a description and a caller's wishes → the text that the model continues."""

from collections.abc import Sequence
from functools import lru_cache

from caption_studio.language.prompt import steering
from caption_studio.records import Controls, Description, Turn, Voice
from caption_studio.voices.template import CAPTION_TEMPLATE, Template, parse
from caption_studio.voices.words import fields, words

_PLAIN = Voice("", "")


def caption_prompt(
    voice: Voice, description: Description, turns: Sequence[Turn], controls: Controls
) -> str:
    """Return the voice's template, filled in.

    Words for the controls come after the caller's own, unless the template has a place for them.
    """
    template = template_of(voice)
    asked, wishes = steering(turns), words(controls, voice.trained)
    if "controls" not in template.fields:
        asked = ". ".join(text for text in (asked.rstrip("."), wishes) if text) if wishes else asked
    return template.fill(
        {
            "description": description.text,
            "request": asked,
            "controls": wishes,
            **fields(controls),
        }
    )


def plain_prompt(description: Description, turns: Sequence[Turn] = ()) -> str:
    """Return the prompt of 2023, which the published adapter was trained with."""
    return caption_prompt(_PLAIN, description, turns, Controls())


def caption_stop(voice: Voice) -> tuple[str, ...]:
    """Return the text with which a model would begin the template's lines anew."""
    return template_of(voice).stop


def template_of(voice: Voice) -> Template:
    """Return the voice's template."""
    return _parsed(voice.template or CAPTION_TEMPLATE)


@lru_cache(maxsize=2048)
def _parsed(text: str) -> Template:
    return parse(text)
