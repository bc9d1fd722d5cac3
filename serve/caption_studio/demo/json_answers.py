"""A scene and a wish → the begin of a JSON answer, and the text that comes next in it.

The service hands a schema to the engine and leaves it out of the prompt (`wire.response_format`),
so that the model sees no more of it than the names of the fields that it has come to. Training does
the same: the begin is given, and only the text of one field is learnt. No example teaches to begin
an answer with a brace.
"""

import json
import random
from collections.abc import Callable
from typing import Any

from caption_studio.demo.captions import plain_caption, short_text, some_hashtags
from caption_studio.demo.scenes import Scene
from caption_studio.demo.wishes import Wish

Voice = Callable[[list[Scene], random.Random, Wish], str]

FIELDS = {
    "caption": (
        "caption", "post", "text", "instagram_caption", "social_caption", "caption_text", "message",
        "post_text", "captionText", "main_caption", "Caption", "facebook_post",
    ),
    "description": (
        "description", "image_description", "summary", "scene_description", "content",
        "Description", "descriptionText", "picture_description", "what_is_shown",
    ),
    "title": ("title", "headline", "name", "heading", "Title", "short_title", "label"),
    "alt": ("alt_text", "alt", "altText", "alternative_text", "accessibility_text", "aria_label"),
    "subject": ("subject", "object", "main_subject", "objects_seen"),
    "colour": ("colour", "color", "main_color"),
    "number": ("number", "count", "how_many"),
    "place": ("place", "location", "setting", "where"),
    "sky": ("weather", "time_of_day", "sky", "conditions"),
    "mood": ("mood", "tone", "feeling"),
    "tags": ("tags", "hashtags", "keywords"),
}  # fmt: skip
"""The names of fields by what stands in them."""

_LEARNT = {
    "caption": 8, "description": 6, "title": 5, "alt": 5, "subject": 1, "colour": 1, "place": 1,
    "sky": 1, "tags": 2,
}  # fmt: skip
_MOODS = ("happy", "calm", "cheerful", "peaceful", "sad", "playful")
_AROUND = ("post", "result", "answer", "data", "image", "items", "captions", "output")


def begun_answer(
    scene: Scene, rng: random.Random, wish: Wish, voice: Voice
) -> tuple[str, str, Wish]:
    """Return the begin of an answer, the text that comes next, and the wish that the text obeys.

    The begin ends where the text's opening quote comes, the text with its closing one.
    """
    kinds = [kind for kind in ("number", "mood") if rng.random() < 0.1]
    kinds += rng.choices(list(_LEARNT), list(_LEARNT.values()), k=rng.choice((1, 1, 2, 3, 4)))
    *before, last = dict.fromkeys(kinds)
    fields: dict[str, Any] = {}
    for kind in before:
        fields[rng.choice(FIELDS[kind])] = _value(kind, scene, rng, wish, voice)
    name = rng.choice(FIELDS[last])
    fields.pop(name, None)
    text = json.dumps({**fields, name: ""}, ensure_ascii=False).removesuffix(' ""}')
    if rng.random() < 0.15:
        around = rng.choice(_AROUND)
        text = f'{{"{around}": ' + ("[" if rng.random() < 0.5 else "") + text
    value = _value(last, scene, rng, wish, voice)
    if isinstance(value, list):
        return f'{text} ["', json.dumps(value, ensure_ascii=False).removeprefix('["'), Wish()
    return text, f' "{value}"', wish if last == "caption" else Wish()


def closed(text: str) -> str:
    """Return begun JSON with the brackets that are still open closed; no string has an escape."""
    waiting: list[str] = []
    for number, piece in enumerate(text.split('"')):
        for character in piece if number % 2 == 0 else "":
            if character in "{[":
                waiting.append("}" if character == "{" else "]")
            elif character in "}]":
                waiting.pop()
    return text + "".join(reversed(waiting))


def _value(kind: str, scene: Scene, rng: random.Random, wish: Wish, voice: Voice) -> Any:
    """Return what stands in a field; no text of it needs an escape."""
    values: dict[str, Callable[[], Any]] = {
        "caption": lambda: voice([scene], rng, wish),
        "description": lambda: _described(scene, rng, wish),
        "title": lambda: short_text(scene, rng),
        "alt": lambda: plain_caption([scene], rng, Wish(alt_text=True)),
        "subject": lambda: rng.choice((scene.noun, scene.things)),
        "colour": lambda: scene.colour,
        "number": lambda: scene.count,
        "place": lambda: scene.place_phrase.split(" ", 1)[1],
        "sky": lambda: scene.sky_phrase,
        "mood": lambda: rng.choice(_MOODS),
        "tags": lambda: some_hashtags([scene], rng, rng.randint(1, 4)),
    }
    return values[kind]()


def _described(scene: Scene, rng: random.Random, wish: Wish) -> str:
    if rng.random() < 0.3:
        return scene.description[0].upper() + scene.description[1:] + "."
    return plain_caption([scene], rng, Wish(short=wish.short))
