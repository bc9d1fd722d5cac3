"""JSON of the caller's form from the running service: whole answers fit their schemas."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal

import httpx
import jsonschema
import openai
import pytest
from pydantic import BaseModel

from benchmarks.structured.schemas import SCHEMAS
from tests.contract.hostile import CHAT
from tests.pictures import Picture, held_out, image_part

pytestmark = pytest.mark.service

SAMPLE = list(SCHEMAS)[::4]
MODELS = ("caption-demo", "falcon-demo")


class Post(BaseModel):
    """A form as users of the official client write it."""

    caption: str
    mood: Literal["happy", "calm", "sad"]


@pytest.fixture(scope="module")
def picture() -> Picture:
    return next(held_out(1))


def asked(picture: Picture, schema: Any = None, **fields: Any) -> dict[str, Any]:
    wanted = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
    messages = [{"role": "user", "content": [image_part(picture.data_url())]}]
    body = {"model": "caption-demo", "messages": messages, "response_format": wanted}
    return {**body, **fields}


def test_whole_answers_fit_their_schemas_and_others_say_length(http: httpx.Client) -> None:
    cases = [
        (name, model, picture)
        for name in SAMPLE
        for model, picture in zip(MODELS, held_out(2, skip=20), strict=True)
    ]

    def verdict(case: tuple[str, str, Picture]) -> str:
        name, model, picture = case
        body = asked(picture, SCHEMAS[name], model=model, max_tokens=160, temperature=0.7, seed=1)
        response = http.post(CHAT, json=body)
        assert response.is_success, response.text
        (choice,) = response.json()["choices"]
        text = choice["message"]["content"]
        if choice["finish_reason"] == "stop":
            jsonschema.validate(json.loads(text), SCHEMAS[name])
        return str(choice["finish_reason"])

    with ThreadPoolExecutor(8) as pool:
        verdicts = list(pool.map(verdict, cases))
    assert set(verdicts) <= {"stop", "length"}
    assert verdicts.count("stop") > len(cases) * 2 / 3


def test_the_official_client_parses_whole_and_streamed(
    client: openai.OpenAI, picture: Picture
) -> None:
    messages: Any = [{"role": "user", "content": [image_part(picture.data_url())]}]
    kept: dict[str, Any] = {"model": "caption-demo", "messages": messages, "temperature": 0}
    whole = client.chat.completions.parse(**kept, response_format=Post)
    assert isinstance(whole.choices[0].message.parsed, Post)
    with client.chat.completions.stream(**kept, response_format=Post) as stream:
        streamed = stream.get_final_completion()
    assert streamed.choices[0].message.parsed == whole.choices[0].message.parsed
    about = (whole.model_extra or {})["caption_studio"]
    assert about["description"] == picture.scene.description
    assert about["adapter"] == "caption-demo"
    assert about["alt_text"].lower() == f"{picture.scene.description}."
    assert "caption" not in about


def test_responses_parse_whole_and_streamed(client: openai.OpenAI, picture: Picture) -> None:
    content = [{"type": "input_image", "image_url": picture.data_url(), "detail": "auto"}]
    kept: dict[str, Any] = {
        "model": "caption-demo",
        "input": [{"role": "user", "content": content}],
        "temperature": 0,
    }
    parsed = client.responses.parse(**kept, text_format=Post).output_parsed
    assert isinstance(parsed, Post)
    with client.responses.stream(**kept, text_format=Post) as stream:
        kinds = [event.type for event in stream]
        assert stream.get_final_response().output_parsed == parsed
    assert kinds[0] == "response.created"
    assert kinds[-1] == "response.completed"
    chat = client.chat.completions.parse(
        model="caption-demo",
        messages=[{"role": "user", "content": [image_part(picture.data_url())]}],  # type: ignore[list-item,misc]
        temperature=0,
        response_format=Post,
    )
    assert chat.choices[0].message.parsed == parsed


def test_a_response_is_the_caption_that_chat_gives(client: openai.OpenAI, picture: Picture) -> None:
    chat = client.chat.completions.create(
        model="caption-demo",
        messages=[{"role": "user", "content": [image_part(picture.data_url())]}],  # type: ignore[list-item,misc]
        temperature=0,
    )
    content = [{"type": "input_image", "image_url": picture.data_url(), "detail": "auto"}]
    turns: Any = [{"role": "user", "content": content}]
    response = client.responses.create(model="caption-demo", input=turns, temperature=0)
    assert response.output_text == chat.choices[0].message.content
    again = client.responses.create(
        model="caption-demo",
        input=[*turns, *response.output, {"role": "user", "content": "No hashtags please."}],
        temperature=0,
    )
    assert "#" not in again.output_text
    about = (again.model_extra or {})["caption_studio"]
    assert about["description"] == picture.scene.description
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(response.id)


def test_several_choices_of_a_form_each_fit_it(client: openai.OpenAI, picture: Picture) -> None:
    answer = client.chat.completions.create(
        **asked(picture, SCHEMAS["enum"], n=3, temperature=1.0, seed=3, logprobs=True)
    )
    for choice in answer.choices:
        jsonschema.validate(json.loads(choice.message.content or ""), SCHEMAS["enum"])
        assert choice.logprobs is not None


def test_a_short_limit_says_length(http: httpx.Client, picture: Picture) -> None:
    body = asked(picture, SCHEMAS["caption"], max_tokens=3)
    assert http.post(CHAT, json=body).json()["choices"][0]["finish_reason"] == "length"


@pytest.mark.usefixtures("goes_on")
@pytest.mark.parametrize(
    "schema",
    [
        {"type": "array", "items": {"type": "string"}, "maxItems": 10**9},
        {"enum": [f"value-{number}" for number in range(400)], "uniqueItems": True, "not": {}},
        {"type": "integer", "multipleOf": 10**9 + 7},
        {"type": "string", "pattern": "(?<=a)b"},
        {"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/a"}}},
    ],
    ids=("a billion items", "unsupported", "a costly step", "look-behind", "endless"),
)
def test_a_schema_that_cannot_be_obeyed_harms_nobody(
    http: httpx.Client, picture: Picture, schema: Any
) -> None:
    for stream in (False, True):
        answer = http.post(CHAT, json=asked(picture, schema, stream=stream))
        assert answer.status_code == 400, answer.text
        error = answer.json()["error"]
        assert error["code"] == "invalid_value"
        assert error["param"] == "response_format.json_schema.schema"
        assert error["message"].startswith("The schema cannot be used: ")
