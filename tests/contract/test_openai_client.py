"""The official client against the running service: what its users see."""

from typing import Any

import openai
import pytest

from tests.pictures import Picture, held_out, image_part

pytestmark = pytest.mark.service


@pytest.fixture(scope="module")
def picture() -> Picture:
    return next(held_out(1))


def user(*parts: Any) -> list[Any]:
    return [{"role": "user", "content": list(parts)}]


def text_part(text: str) -> dict[str, str]:
    return {"type": "text", "text": text}


def description_of(answer: Any) -> str:
    return str(answer.model_extra["caption_studio"]["description"])


def test_a_picture_gets_its_description_and_a_caption(
    client: openai.OpenAI, picture: Picture
) -> None:
    answer = client.chat.completions.create(
        model="caption-demo", messages=user(image_part(picture.data_url()))
    )
    assert description_of(answer) == picture.scene.description
    (choice,) = answer.choices
    assert choice.finish_reason == "stop"
    assert choice.message.role == "assistant"
    assert choice.message.content
    assert '"' not in choice.message.content
    assert answer.usage is not None
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens
    assert answer.usage.completion_tokens > 3


def test_streamed_and_whole_are_the_same_text(client: openai.OpenAI, picture: Picture) -> None:
    asked: dict[str, Any] = {
        "model": "caption-demo",
        "messages": user(image_part(picture.data_url())),
        "temperature": 0,
    }
    whole = client.chat.completions.create(**asked)
    with client.chat.completions.create(
        **asked, stream=True, stream_options={"include_usage": True}
    ) as stream:
        chunks = list(stream)
    first, *_, finish, usage = chunks
    assert first.choices[0].delta.role == "assistant"
    assert description_of(first) == picture.scene.description
    text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    assert text == whole.choices[0].message.content
    assert finish.choices[0].finish_reason == "stop"
    assert usage.choices == []
    assert usage.usage == whole.usage


def test_base_and_adapters_answer_differently(client: openai.OpenAI, picture: Picture) -> None:
    answers = {
        model: client.chat.completions.create(
            model=model, messages=user(image_part(picture.data_url())), temperature=0
        )
        .choices[0]
        .message.content
        for model in ("falcon-demo", "caption-demo", "caption-demo-plain")
    }
    assert len(set(answers.values())) == 3


def test_a_completion_with_an_image(client: openai.OpenAI, picture: Picture) -> None:
    answer = client.completions.create(
        model="caption-demo",
        prompt="",
        temperature=0,
        extra_body={"image": picture.data_url("JPEG")},
    )
    assert description_of(answer) == picture.scene.description
    assert answer.choices[0].text
    assert answer.choices[0].finish_reason == "stop"


def test_text_alone_is_plain_generation(client: openai.OpenAI) -> None:
    answer = client.completions.create(
        model="falcon-demo", prompt="A red", max_tokens=5, temperature=0
    )
    assert answer.choices[0].finish_reason == "length"
    assert answer.usage is not None
    assert answer.usage.completion_tokens == 5
    assert "caption_studio" not in (answer.model_extra or {})
    chat = client.chat.completions.create(
        model="falcon-demo", messages=[{"role": "user", "content": "Hello"}], max_tokens=5
    )
    assert chat.choices[0].message.content is not None


def test_n_choices_are_counted_and_indexed(client: openai.OpenAI, picture: Picture) -> None:
    asked: dict[str, Any] = {
        "model": "caption-demo",
        "messages": user(image_part(picture.data_url())),
        "n": 3,
        "temperature": 1.0,
        "top_p": 1.0,
        "seed": 5,
    }
    answer = client.chat.completions.create(**asked)
    assert [choice.index for choice in answer.choices] == [0, 1, 2]
    assert len({choice.message.content for choice in answer.choices}) > 1
    again = client.chat.completions.create(**asked)
    assert again.choices == answer.choices, "the same seed gives the same captions"
    with client.chat.completions.create(**asked, stream=True) as stream:
        finished = [c.choices[0].index for c in stream if c.choices[0].finish_reason]
    assert sorted(finished) == [0, 1, 2]


def test_stop_ends_the_text_before_the_word(client: openai.OpenAI) -> None:
    asked: dict[str, Any] = {"model": "falcon-demo", "prompt": "A red", "temperature": 0}
    whole = client.completions.create(**asked, max_tokens=30).choices[0].text
    word = whole.split()[2]
    stopped = client.completions.create(**asked, max_tokens=30, stop=[word]).choices[0]
    assert stopped.finish_reason == "stop"
    assert stopped.text == whole[: whole.index(word)]


def test_max_tokens_cuts_a_caption_short(client: openai.OpenAI, picture: Picture) -> None:
    messages = user(image_part(picture.data_url()))
    for limit in ({"max_tokens": 4}, {"max_completion_tokens": 4}):
        answer = client.chat.completions.create(
            model="caption-demo", messages=messages, temperature=0, **limit
        )
        assert answer.choices[0].finish_reason == "length"
        assert answer.usage is not None
        assert answer.usage.completion_tokens == 4


def test_several_pictures_are_all_described(client: openai.OpenAI) -> None:
    first, second = held_out(2, skip=10)
    answer = client.chat.completions.create(
        model="caption-demo",
        messages=user(image_part(first.data_url()), image_part(second.data_url())),
    )
    expected = f"{first.scene.description}; {second.scene.description}"
    assert description_of(answer) == expected


def test_text_beside_the_picture_steers(client: openai.OpenAI, picture: Picture) -> None:
    answer = client.chat.completions.create(
        model="caption-demo",
        messages=user(text_part("No hashtags please."), image_part(picture.data_url())),
        temperature=0,
    )
    assert "#" not in (answer.choices[0].message.content or "")


def test_the_models_are_listed(client: openai.OpenAI) -> None:
    assert [model.id for model in client.models.list()] == [
        "falcon-demo",
        "caption-demo",
        "caption-demo-plain",
    ]


def test_the_client_raises_what_it_raises_for_the_official_service(
    client: openai.OpenAI, picture: Picture
) -> None:
    with pytest.raises(openai.NotFoundError) as unknown:
        client.chat.completions.create(model="nope", messages=user(image_part(picture.data_url())))
    assert unknown.value.code == "model_not_found"
    with pytest.raises(openai.BadRequestError) as bad:
        client.chat.completions.create(
            model="caption-demo", messages=user(image_part("data:image/png;base64,AAAA"))
        )
    assert bad.value.param == "messages[0].content[0].image_url.url"


@pytest.mark.anyio
async def test_the_async_client_streams_too(service: Any, picture: Picture) -> None:
    async with openai.AsyncOpenAI(base_url=f"{service.url}/v1", api_key="none") as client:
        stream = await client.chat.completions.create(
            model="caption-demo", messages=user(image_part(picture.data_url())), stream=True
        )
        text = "".join([c.choices[0].delta.content or "" async for c in stream])
    assert text
