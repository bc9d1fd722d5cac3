"""What users of the official client see of it: which of its exceptions, with which fields."""

from typing import Any

import httpx
import openai
import pytest
from PIL import Image

from tests.conftest import ARGS
from tests.contract.hostile import URL_PARAM, chat, data_url
from tests.unit.images.test_decode import encode

pytestmark = [pytest.mark.service, pytest.mark.usefixtures("goes_on")]

PICTURE = data_url(encode(Image.new("RGB", (8, 8), "red")))
OVER_THE_CAP = data_url(bytes(ARGS["gateway"]["max_body_bytes"]))


def create(client: openai.OpenAI, url: str = PICTURE, **fields: Any) -> Any:
    return client.chat.completions.create(**{"model": "caption-demo", **chat(url), **fields})


BAD_REQUESTS = [
    ({"url": "http://169.254.169.254/"}, "invalid_image_url", URL_PARAM),
    ({"url": "data:image/png;base64,!"}, "invalid_value", URL_PARAM),
    ({"url": data_url(b"no picture")}, "invalid_image_format", URL_PARAM),
    ({"url": data_url(b"\xff\xd8\xff\xd9")}, "image_parse_error", URL_PARAM),
    ({"temperature": 3}, "decimal_above_max_value", "temperature"),
    ({"n": 10**6}, "integer_above_max_value", "n"),
    ({"n": 0}, "integer_below_min_value", "n"),
    ({"stop": ["a"] * 5}, "array_above_max_length", "stop"),
    ({"max_tokens": "many"}, "invalid_type", "max_tokens"),
    ({"messages": []}, "array_below_min_length", "messages"),
    ({"extra_body": {"chat_template": "x"}}, "unknown_parameter", "chat_template"),
    (
        {"messages": [{"role": "user", "content": "word " * 6000}]},
        "context_length_exceeded",
        "messages",
    ),
]


@pytest.mark.parametrize(
    ("fields", "code", "param"), BAD_REQUESTS, ids=[code for _, code, _ in BAD_REQUESTS]
)
@pytest.mark.parametrize("stream", [False, True])
def test_400_is_a_bad_request_error_that_names_the_field(
    client: openai.OpenAI, fields: dict[str, Any], code: str, param: str, stream: bool
) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        create(client, **fields, stream=stream)
    error = caught.value
    assert (error.code, error.param, error.type) == (code, param, "invalid_request_error")
    assert error.request_id


def test_404_is_a_not_found_error(client: openai.OpenAI) -> None:
    for model in ("nope", "../../x"):
        with pytest.raises(openai.NotFoundError) as unknown:
            create(client, model=model)
        assert (unknown.value.code, unknown.value.param) == ("model_not_found", "model")
    with pytest.raises(openai.NotFoundError) as unknown:
        client.models.retrieve("nope")
    assert unknown.value.code == "model_not_found"
    with pytest.raises(openai.NotFoundError) as unknown:
        client.embeddings.create(model="caption-demo", input="a")
    assert unknown.value.code == "not_found"


def test_other_4xx_are_status_errors(client: openai.OpenAI) -> None:
    def status_and_code(ask: Any) -> tuple[int, str | None]:
        with pytest.raises(openai.APIStatusError) as caught:
            ask()
        assert type(caught.value) is openai.APIStatusError
        return caught.value.status_code, caught.value.code

    assert status_and_code(lambda: client.get("/chat/completions", cast_to=httpx.Response)) == (
        405,
        "method_not_allowed",
    )
    assert status_and_code(lambda: create(client, OVER_THE_CAP)) == (413, "request_too_large")
    headers = {"content-type": "text/plain"}
    assert status_and_code(lambda: create(client, extra_headers=headers)) == (
        415,
        "unsupported_media_type",
    )
