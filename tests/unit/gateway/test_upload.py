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


def form(name: bytes, text: bytes, charset: str) -> dict[str, Any]:
    """Return a multipart request of a picture and one text field, for `client.post`."""
    part = b'--b\r\nContent-Disposition: form-data; name="%b"\r\n\r\n%b\r\n'
    return {
        "headers": {"content-type": f"multipart/form-data; boundary=b{charset}"},
        "content": part % (b'image"; filename="a.png', b"bytes") + part % (name, text) + b"--b--",
    }


@pytest.mark.parametrize(
    ("name", "text"),
    [(b"prompt", b"\\ud800"), (b"n", b"\\ud800"), (b"metadata", b"\\ud800"), (b"\\ud800", b"x")],
)
@pytest.mark.parametrize(
    "charset",
    ["unicode_escape", "Raw-Unicode-Escape", "punycode", '"utf-7"', "utf-16", "none", "", "\\0"],
)
async def test_other_charsets_are_refused(name: bytes, text: bytes, charset: str) -> None:
    async with gateway() as client:
        answer = await client.post(PATH, **form(name, text, f"; charset={charset}"))
    assert answer.status_code == 400
    assert "charset=utf-8" in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("charset", "text"),
    [
        ("", "é".encode()),
        ("; charset=utf-8", "é".encode()),
        ('; charset="UTF-8"', "é".encode()),
        ("; charset=US-ASCII", b"\xe9"),
        ("; charset=iso-8859-1", b"\xe9"),
        ("; charset=latin-1", b"\xe9"),
    ],
)
async def test_the_usual_charsets_are_read(charset: str, text: bytes) -> None:
    captioner = FakeCaptioner()
    async with gateway(captioner, loader=FakeLoader()) as client:
        answer = await client.post(PATH, **form(b"prompt", text, charset))
    assert answer.status_code == 200, answer.text
    assert "Request: é\n" in captioner.prompts[0].text


async def test_a_charset_among_the_fields_changes_nothing() -> None:
    body = form(b"_charset_", b"punycode", "")
    async with gateway() as client:
        answer = await client.post(PATH, **body)
    assert answer.json()["error"]["code"] == "unknown_parameter"


@pytest.mark.parametrize(("suffix", "status"), [("é" * 20, 200), ("é" * 20 + "x", 400)])
async def test_the_text_of_all_fields_counts(suffix: str, status: int) -> None:
    fields = {"prompt": "x" * 60, "user": suffix}
    async with gateway(loader=FakeLoader(), max_text_bytes=100) as client:
        answer = await client.post(PATH, data=fields, files=[FILE])
    assert answer.status_code == status, answer.text
    if status == 400:
        error = answer.json()["error"]
        assert (error["param"], error["code"]) == ("user", "string_above_max_length")
