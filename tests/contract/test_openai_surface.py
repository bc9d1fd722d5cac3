"""The rest of the official surface: what existing clients send without thinking of us."""

from typing import Any

import httpx
import openai
import pytest

from tests.pictures import Picture, held_out, image_part

pytestmark = pytest.mark.service


@pytest.fixture(scope="module")
def picture() -> Picture:
    return next(held_out(1, skip=20))


@pytest.fixture(scope="module")
def asked(picture: Picture) -> dict[str, Any]:
    messages = [{"role": "user", "content": [image_part(picture.data_url())]}]
    return {"model": "caption-demo", "messages": messages, "temperature": 0}


def test_log_probabilities_spell_the_caption(client: openai.OpenAI, asked: dict[str, Any]) -> None:
    (choice,) = client.chat.completions.create(**asked, logprobs=True, top_logprobs=3).choices
    assert choice.logprobs is not None
    tokens = choice.logprobs.content
    assert tokens
    spelt = b"".join(bytes(token.bytes or []) for token in tokens).decode()
    assert choice.message.content in spelt
    assert len(spelt) <= len(choice.message.content or "") + 2, "no more than a quote on each side"
    for token in tokens:
        assert token.logprob <= 0
        assert len(token.top_logprobs) == 3
        ranked = [other.logprob for other in token.top_logprobs]
        assert ranked == sorted(ranked, reverse=True)
        assert token.logprob == pytest.approx(ranked[0]), "greedy takes the likeliest"


def test_streamed_log_probabilities_are_those_of_the_whole(
    client: openai.OpenAI, asked: dict[str, Any]
) -> None:
    (whole,) = client.chat.completions.create(**asked, logprobs=True).choices
    with client.chat.completions.create(**asked, logprobs=True, stream=True) as stream:
        choices = [chunk.choices[0] for chunk in stream]
    streamed = [t.token for c in choices if c.logprobs for t in c.logprobs.content or []]
    assert whole.logprobs is not None
    assert streamed == [t.token for t in whole.logprobs.content or []]


def test_without_being_asked_for_there_are_none(
    client: openai.OpenAI, asked: dict[str, Any]
) -> None:
    assert client.chat.completions.create(**asked).choices[0].logprobs is None


def test_completions_have_the_older_form(client: openai.OpenAI) -> None:
    answer = client.completions.create(
        model="falcon-demo", prompt="A red", max_tokens=6, logprobs=2, temperature=0
    )
    (choice,) = answer.choices
    logprobs = choice.logprobs
    assert logprobs is not None
    assert "".join(logprobs.tokens or []) == choice.text
    assert len(logprobs.token_logprobs or []) == 6
    assert [len(top) for top in logprobs.top_logprobs or []] == [2] * 6
    offsets = logprobs.text_offset or []
    assert offsets[0] == 0
    for offset, token in zip(offsets, logprobs.tokens or [], strict=True):
        assert choice.text[offset : offset + len(token)] == token


def test_logit_bias_forbids_a_token(client: openai.OpenAI) -> None:
    prompt: dict[str, Any] = {
        "model": "falcon-demo",
        "prompt": "A red",
        "max_tokens": 1,
        "temperature": 0,
    }
    free = client.completions.create(**prompt).choices[0].text
    biased = {
        client.completions.create(**prompt, logit_bias={str(token): 100}).choices[0].text
        for token in (300, 301)
    }
    assert len(biased) == 2, "a strong bias decides the token"
    assert biased != {free}


def test_penalties_change_what_is_repeated(client: openai.OpenAI) -> None:
    prompt: dict[str, Any] = {
        "model": "falcon-demo",
        "prompt": "red red red red red red",
        "max_tokens": 30,
        "temperature": 0,
    }
    free = client.completions.create(**prompt).choices[0].text
    penalised = client.completions.create(
        **prompt, presence_penalty=2, frequency_penalty=2
    ).choices[0]
    assert penalised.text != free


def test_what_clients_send_by_habit_is_accepted(client: openai.OpenAI, picture: Picture) -> None:
    answer = client.chat.completions.create(
        model="caption-demo",
        messages=[
            {"role": "system", "content": "You write captions."},
            {"role": "user", "content": "Hello"},
            {"role": "assistant", "content": "Hi! Show me a picture."},
            {
                "role": "user",
                "content": [
                    {
                        "type": "image_url",
                        "image_url": {"url": picture.data_url(), "detail": "high"},
                    },
                    {"type": "text", "text": "Write a caption for this picture."},
                ],
            },
        ],
        user="somebody",
        response_format={"type": "text"},
        presence_penalty=0,
        frequency_penalty=0,
        logit_bias={},
        n=1,
    )
    assert answer.choices[0].message.content


def test_one_model_is_found_by_its_id(client: openai.OpenAI) -> None:
    assert client.models.retrieve("caption-demo").id == "caption-demo"
    with pytest.raises(openai.NotFoundError) as unknown:
        client.models.retrieve("nope")
    assert unknown.value.code == "model_not_found"


def test_pictures_are_uploaded_without_base64(http: httpx.Client, picture: Picture) -> None:
    files = [("image", ("a.webp", picture.encoded("WEBP"), "image/webp"))]
    data = {"model": "caption-demo", "prompt": "No hashtags please.", "temperature": "0"}
    answer = http.post("/v1/completions", data=data, files=files)
    assert answer.status_code == 200, answer.text
    value = answer.json()
    assert value["caption_studio"]["description"] == picture.scene.description
    assert "#" not in value["choices"][0]["text"]


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/completions"])
def test_an_answer_carries_the_id_of_its_request(http: httpx.Client, path: str) -> None:
    body: dict[str, Any] = {"max_tokens": 1}
    if "chat" in path:
        body["messages"] = [{"role": "user", "content": "hi"}]
    else:
        body["prompt"] = "hi"
    answer = http.post(path, json=body, headers={"x-request-id": "mine-1"})
    assert answer.headers.get_list("x-request-id") == ["mine-1"]
    assert answer.json()["id"].endswith("-mine-1")
