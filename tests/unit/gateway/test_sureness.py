"""What an answer, the log and the metrics say of how sure the describer is."""

import logging
from collections.abc import Iterator
from typing import Any

import pytest

from caption_studio.records import Described, Description, Pixels, RequestClass
from tests.fakes import FakeDescriber
from tests.unit.gateway.test_gateway import CHAT, CHAT_PATH, PICTURE, events, gateway

pytestmark = pytest.mark.anyio

SURE = Description("a red boat", 0.98765, True)
STRANGE = Description("a brown dog", 0.41234, False)
UNKNOWN = Description("a kite", 0.5)
SEVERAL = {"messages": [{"role": "user", "content": [PICTURE, PICTURE]}]}
SURENESS = ("confidence", "familiar")


class Saying(FakeDescriber):
    """Says these, one after another."""

    def __init__(self, *descriptions: Description) -> None:
        super().__init__()
        self.descriptions: Iterator[Description] = iter(descriptions)

    async def describe(
        self,
        pixels: Pixels,
        *,
        request_id: str,
        traceparent: str | None,
        request_class: RequestClass,
    ) -> Described:
        return Described(next(self.descriptions), queue_s=0.0, describe_s=0.0)


async def about(body: dict[str, Any], *descriptions: Description) -> dict[str, Any]:
    async with gateway(describer=Saying(*descriptions)) as client:
        answer = (await client.post(CHAT_PATH, json=body)).json()
    return {name: answer["caption_studio"].get(name) for name in SURENESS}


@pytest.mark.parametrize(
    ("description", "confidence", "familiar"),
    [(SURE, 0.988, True), (STRANGE, 0.412, False), (UNKNOWN, 0.5, None)],
)
async def test_a_whole_answer_says_both(
    description: Description, confidence: float, familiar: bool | None
) -> None:
    assert await about(CHAT, description) == {"confidence": confidence, "familiar": familiar}


async def test_several_pictures_are_as_sure_as_the_least_sure() -> None:
    assert await about(SEVERAL, SURE, STRANGE) == {"confidence": 0.412, "familiar": False}
    assert await about(SEVERAL, SURE, SURE) == {"confidence": 0.988, "familiar": True}


async def test_a_stream_says_both_with_the_description() -> None:
    async with gateway(describer=Saying(STRANGE)) as client:
        response = await client.post(CHAT_PATH, json={**CHAT, "stream": True})
    first, *others, _ = events(response.text)
    assert first["caption_studio"] == {
        "description": "a brown dog",
        "confidence": 0.412,
        "familiar": False,
    }
    assert not any(name in chunk.get("caption_studio", {}) for chunk in others for name in SURENESS)


async def test_the_other_endpoints_say_both_too() -> None:
    image = PICTURE["image_url"]["url"]  # type: ignore[index]
    part = {"type": "input_image", "image_url": image}
    bodies = {
        "/v1/completions": {"prompt": "", "image": image},
        "/v1/responses": {"input": [{"role": "user", "content": [part]}]},
    }
    for path, body in bodies.items():
        async with gateway(describer=Saying(STRANGE)) as client:
            answer = (await client.post(path, json=body)).json()
        said = answer["caption_studio"]
        assert (said["confidence"], said["familiar"]) == (0.412, False), path


async def test_text_without_a_picture_says_neither() -> None:
    async with gateway() as client:
        answer = (await client.post("/v1/completions", json={"prompt": "a"})).json()
    assert "caption_studio" not in answer


@pytest.mark.parametrize("streamed", [False, True])
async def test_the_log_line_says_both(streamed: bool, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "caption_studio.access")
    async with gateway(describer=Saying(STRANGE)) as client:
        await client.post(CHAT_PATH, json={**CHAT, "stream": streamed})
    (line,) = [vars(r) for r in caplog.records if vars(r).get("route") == CHAT_PATH]
    assert (line["confidence"], line["familiar"]) == (0.412, False)


async def test_metrics_count_each_picture() -> None:
    async with gateway(describer=Saying(SURE, STRANGE, UNKNOWN)) as client:
        await client.post(CHAT_PATH, json=SEVERAL)
        await client.post(CHAT_PATH, json=CHAT)
        text = (await client.get("/metrics")).text
    assert "caption_studio_unfamiliar_pictures_total 1.0" in text
    assert "caption_studio_description_confidence_ratio_count 3.0" in text
    assert 'caption_studio_description_confidence_ratio_bucket{le="0.5"} 2.0' in text
