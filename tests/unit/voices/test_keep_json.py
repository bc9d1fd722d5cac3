import json
from typing import Any

import pytest

from caption_studio.records import Controls
from caption_studio.voices.keeping.keep_json import keep_json

TEXT = {"type": "string"}
NO_TAGS = Controls(hashtags=0)


def schema(**properties: Any) -> str:
    return json.dumps({"type": "object", "properties": properties})


@pytest.mark.parametrize(
    ("properties", "value", "kept"),
    [
        ({"caption": TEXT}, {"caption": "Sea #a"}, {"caption": "Sea"}),
        ({"post_text": TEXT}, {"post_text": "Sea #a"}, {"post_text": "Sea"}),
        (
            {"captions": {"type": "array", "items": TEXT}},
            {"captions": ["Sea #a", "Sky"]},
            {"captions": ["Sea", "Sky"]},
        ),
        (
            {"post": {"type": "object", "properties": {"caption": TEXT}}},
            {"post": {"caption": "Sea #a"}},
            {"post": {"caption": "Sea"}},
        ),
        ({"subject": TEXT}, {"subject": "Sea #a"}, None),
        ({"caption": {**TEXT, "pattern": "#"}}, {"caption": "Sea #a"}, None),
        ({"caption": {"enum": ["Sea #a"]}}, {"caption": "Sea #a"}, None),
    ],
)
def test_only_free_captions_are_changed(properties: Any, value: Any, kept: Any) -> None:
    found = keep_json(json.dumps(value), NO_TAGS, "a sea", schema(**properties))
    assert json.loads(found.text) == (kept or value)
    assert found.held == ({} if kept is None else {"hashtags": True})


def test_an_answer_that_was_cut_off_stays_as_it_is() -> None:
    assert keep_json('{"caption": "Sea #', NO_TAGS, "a sea", schema(caption=TEXT)).held == {}
