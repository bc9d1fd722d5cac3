import json
import random

import pytest

from caption_studio.demo.captions import lively_caption, names_scene, plain_caption
from caption_studio.demo.instructions import sample_wish
from caption_studio.demo.json_answers import FIELDS, begun_answer, closed
from caption_studio.demo.scenes import sample_scene
from caption_studio.demo.wishes import Wish


def drawn(seed, voice=lively_caption):
    rng = random.Random(seed)
    scene, wish = sample_scene(seed), sample_wish(rng)
    return scene, begun_answer(scene, rng, wish, voice)


def last_field(value):
    """Return the last field's name and value of the innermost object."""
    while True:
        value = value[0] if isinstance(value, list) else value
        name, inner = list(value.items())[-1]
        if not isinstance(inner, dict) and not (
            isinstance(inner, list) and isinstance(inner[0], dict)
        ):
            return name, inner
        value = inner


@pytest.mark.parametrize("voice", [lively_caption, plain_caption])
def test_begin_and_text_are_json_as_the_service_writes_it(voice):
    for seed in range(500):
        _, (begun, text, _) = drawn(seed, voice)
        whole = closed(begun + text)
        assert json.dumps(json.loads(whole), ensure_ascii=False) == whole


def test_texts_named_for_a_caption_or_description_name_the_scene():
    seen = set()
    for seed in range(1_500):
        scene, (begun, text, _) = drawn(seed)
        name, value = last_field(json.loads(closed(begun + text)))
        kind = next(kind for kind, names in FIELDS.items() if name in names)
        seen.add(kind)
        if kind in ("caption", "description", "title", "alt"):
            assert names_scene(value, scene), (name, value)
        elif kind == "tags":
            assert value
    assert {"caption", "description", "title", "alt", "subject", "colour", "tags"} <= seen


def test_the_begin_ends_before_the_blank_and_the_quote_of_a_text():
    """A blank and a quote are one token, with which captions begin (structure.schema.LAYOUT)."""
    for seed in range(300):
        _, (begun, text, _) = drawn(seed)
        assert (begun.endswith(":") and text.startswith(' "')) or begun.endswith('["')


def test_only_the_text_of_a_caption_obeys_the_wish():
    rng = random.Random(3)
    for _ in range(100):
        begun, _, obeyed = begun_answer(sample_scene(1), rng, Wish(question=True), lively_caption)
        name = begun.removesuffix(' ["').rstrip(":").rsplit('"', 2)[-2]
        assert obeyed.question is (name in FIELDS["caption"])
