"""Multipart uploads: pictures without base64."""

from typing import Any

import pytest

from caption_studio.records import ImageBytes
from tests.fakes import FakeCaptioner, FakeLoader
from tests.unit.gateway.test_gateway import gateway

pytestmark = pytest.mark.anyio

PATH = "/v1/completions"
FILE = ("image", ("a.png", b"bytes", "image/png"))


async def test_an_uploaded_picture_is_captioned() -> None:
    loader, captioner = FakeLoader(), FakeCaptioner()
    fields = {"prompt": "Be brief", "n": "2", "temperature": "0.5", "stop": "x"}
    async with gateway(captioner, loader=loader) as client:
        answer = await client.post(PATH, data=fields, files=[FILE])
    assert answer.status_code == 200, answer.text
    assert answer.json()["caption_studio"]["description"] == "a red boat"
    assert loader.loaded == [ImageBytes(b"bytes", "image[0]")]
    (prompt,) = captioner.prompts
    assert "Request: Be brief\n" in prompt.text
    sampling = prompt.sampling
    assert (sampling.n, sampling.temperature, sampling.stop) == (2, 0.5, ("x",))


async def test_several_pictures_and_a_stream() -> None:
    loader = FakeLoader()
    async with gateway(loader=loader) as client:
        answer = await client.post(PATH, data={"stream": "true"}, files=[FILE, FILE])
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert [picture.param for picture in loader.loaded] == ["image[0]", "image[1]"]


@pytest.mark.parametrize(
    ("data", "files", "param", "code"),
    [
        ({"n": "two"}, [FILE], "n", "invalid_type"),
        ({"nope": "1"}, [FILE], "nope", "unknown_parameter"),
        ({"prompt": "x"}, [("other", ("a.png", b"x"))], "other", "unknown_parameter"),
        ({"prompt": "x"}, [FILE] * 9, "image", "array_above_max_length"),
        ({"image": "https://example.com"}, [FILE], "image", "invalid_type"),
    ],
)
async def test_a_bad_field_is_named(data: Any, files: Any, param: str, code: str) -> None:
    async with gateway() as client:
        answer = await client.post(PATH, data=data, files=files)
    error = answer.json()["error"]
    assert (answer.status_code, error["param"], error["code"]) == (400, param, code)


@pytest.mark.parametrize("body", [b"", b"no parts", b"--b\r\nbroken"])
@pytest.mark.parametrize("boundary", ["; boundary=b", ""])
async def test_what_cannot_be_taken_apart_is_refused(body: bytes, boundary: str) -> None:
    headers = {"content-type": f"multipart/form-data{boundary}"}
    async with gateway() as client:
        answer = await client.post(PATH, content=body, headers=headers)
    assert answer.status_code == 400
    assert answer.json()["error"]["type"] == "invalid_request_error"


async def test_an_upload_over_the_cap_is_refused() -> None:
    async with gateway(max_body_bytes=200) as client:
        answer = await client.post(PATH, files=[("image", ("a.png", b"x" * 300))])
    assert answer.status_code == 413


async def test_of_a_picture_over_its_limit_no_more_is_kept_than_shows_it() -> None:
    loader = FakeLoader()
    large = ("image", ("a.png", bytes(20 * 1024**2 + 100), "image/png"))
    async with gateway(loader=loader) as client:
        await client.post(PATH, files=[large])
    (picture,) = loader.loaded
    assert isinstance(picture, ImageBytes)
    assert len(picture.data) == 20 * 1024**2 + 1
