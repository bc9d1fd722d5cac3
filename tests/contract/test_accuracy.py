"""The demo's figures, measured through the endpoint on scenes that training never used."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from caption_studio.demo.captions import has_emoji, names_scene
from tests.pictures import Picture, held_out, image_part

pytestmark = pytest.mark.service

PICTURES = 200
IN_FLIGHT = 16
SIZES_PX = (64, 128, 256, 512)
FORMATS = ("PNG", "JPEG", "WEBP")


def pictures() -> list[Picture]:
    """Scenes of every size."""
    each = PICTURES // len(SIZES_PX)
    return [
        picture
        for number, size_px in enumerate(SIZES_PX)
        for picture in held_out(each, size_px=size_px, skip=1000 + number * each)
    ]


def captioned(http: httpx.Client, model: str) -> list[tuple[Picture, str, str]]:
    """Return each picture with its description and its caption."""

    def one(numbered: tuple[int, Picture]) -> tuple[Picture, str, str]:
        number, picture = numbered
        url = picture.data_url(FORMATS[number % len(FORMATS)])
        body: dict[str, Any] = {
            "model": model,
            "messages": [{"role": "user", "content": [image_part(url)]}],
        }
        answer = http.post("/v1/chat/completions", json=body)
        assert answer.status_code == 200, answer.text
        value = answer.json()
        caption = value["choices"][0]["message"]["content"]
        return picture, value["caption_studio"]["description"], caption

    with ThreadPoolExecutor(IN_FLIGHT) as pool:
        return list(pool.map(one, enumerate(pictures())))


@pytest.fixture(scope="module", params=["caption-demo", "caption-demo-plain"])
def results(request: pytest.FixtureRequest, http: httpx.Client) -> Any:
    return request.param, captioned(http, request.param)


def test_descriptions_are_exactly_right(results: Any) -> None:
    _, captions = results
    right = sum(description == p.scene.description for p, description, _ in captions)
    assert right >= 0.95 * PICTURES


def test_captions_name_what_is_in_the_picture(results: Any) -> None:
    _, captions = results
    naming = sum(names_scene(caption, p.scene) for p, _, caption in captions)
    assert naming >= 0.95 * PICTURES


def test_each_adapter_has_its_voice(results: Any) -> None:
    model, captions = results
    lively = sum("#" in caption and has_emoji(caption) for _, _, caption in captions)
    if model == "caption-demo":
        assert lively >= 0.8 * PICTURES
    else:
        assert lively == 0
    assert len({caption for _, _, caption in captions}) >= 0.8 * PICTURES
