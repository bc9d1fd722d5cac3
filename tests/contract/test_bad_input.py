"""What cannot be served gets the OpenAI error body, and the service goes on."""

import base64
from typing import Any

import httpx
import pytest

from tests.pictures import held_out, image_part

pytestmark = pytest.mark.service

PATH = "/v1/chat/completions"


def chat(url: str, **fields: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": [image_part(url)]}], **fields}


def data_url(data: bytes, media_type: str = "image/png") -> str:
    return f"data:{media_type};base64,{base64.b64encode(data).decode()}"


@pytest.fixture(scope="module")
def png() -> bytes:
    return next(held_out(1)).encoded("PNG")


@pytest.fixture(autouse=True)
def goes_on(http: httpx.Client, png: bytes) -> Any:
    yield
    assert http.post(PATH, json=chat(data_url(png))).status_code == 200


def refused(answer: httpx.Response, status: int, code: str | None, param: str | None) -> None:
    assert answer.status_code == status, answer.text
    error = answer.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert (error["code"], error["param"]) == (code, param)
    assert error["type"] == "invalid_request_error"
    assert error["message"]


URL_PARAM = "messages[0].content[0].image_url.url"


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"no picture at all", "invalid_image_format"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "invalid_image_format"),
        (b"", "invalid_image_format"),
    ],
)
def test_what_is_no_picture(http: httpx.Client, data: bytes, code: str) -> None:
    refused(http.post(PATH, json=chat(data_url(data))), 400, code, URL_PARAM)


def test_a_truncated_picture(http: httpx.Client, png: bytes) -> None:
    body = chat(data_url(png[: len(png) // 2]))
    refused(http.post(PATH, json=body), 400, "image_parse_error", URL_PARAM)


def test_one_bad_picture_among_good_ones_names_itself(http: httpx.Client, png: bytes) -> None:
    parts = [image_part(data_url(png)), image_part(data_url(b"x"))]
    body = {"messages": [{"role": "user", "content": parts}]}
    param = "messages[0].content[1].image_url.url"
    refused(http.post(PATH, json=body), 400, "invalid_image_format", param)


def test_bad_base64(http: httpx.Client) -> None:
    body = chat("data:image/png;base64,%%%")
    refused(http.post(PATH, json=body), 400, "invalid_value", URL_PARAM)


def test_what_is_not_json(http: httpx.Client) -> None:
    headers = {"content-type": "application/json"}
    refused(http.post(PATH, content=b"{not json", headers=headers), 400, None, None)


def test_another_content_type(http: httpx.Client) -> None:
    refused(http.post(PATH, data={"a": "b"}), 415, "unsupported_media_type", None)


def test_an_unknown_model(http: httpx.Client, png: bytes) -> None:
    body = chat(data_url(png), model="../../x")
    refused(http.post(PATH, json=body), 404, "model_not_found", "model")


def test_a_prompt_longer_than_the_context(http: httpx.Client) -> None:
    body = {"model": "falcon-demo", "prompt": "word " * 3000}
    answer = http.post("/v1/completions", json=body)
    refused(answer, 400, "context_length_exceeded", "prompt")


def test_an_unknown_route(http: httpx.Client) -> None:
    refused(http.get("/v1/nope"), 404, "not_found", None)
