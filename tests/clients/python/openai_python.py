"""openai: https://github.com/openai/openai-python, with `base_url`."""

from checks import DATA_URL, KEY, MODEL, URL, feature, is_about_the_picture, is_text
from openai import OpenAI
from pydantic import BaseModel, Field

client = OpenAI(base_url=URL, api_key=KEY)
PICTURE = {"type": "image_url", "image_url": {"url": DATA_URL}}
ASKED = [{"role": "user", "content": [{"type": "text", "text": "A caption, please."}, PICTURE]}]
INPUT = [
    {
        "role": "user",
        "content": [
            {"type": "input_text", "text": "A caption, please."},
            {"type": "input_image", "image_url": DATA_URL, "detail": "auto"},
        ],
    }
]
TOOL = {
    "type": "function",
    "function": {
        "name": "post",
        "parameters": {"type": "object", "properties": {"text": {"type": "string"}}},
    },
}


class Post(BaseModel):
    caption: str = Field(max_length=120)
    likes: int = Field(ge=0, le=1000)


def caption() -> None:
    answer = client.chat.completions.create(model=MODEL, messages=ASKED)
    is_about_the_picture(answer.choices[0].message.content)


def stream() -> None:
    pieces = client.chat.completions.create(
        model=MODEL, messages=ASKED, stream=True, stream_options={"include_usage": True}
    )
    chunks = list(pieces)
    text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    is_about_the_picture(text)
    assert chunks[-1].usage.completion_tokens


def stream_helper() -> None:
    with client.chat.completions.stream(model=MODEL, messages=ASKED) as stream:
        for _ in stream:
            pass
        is_about_the_picture(stream.get_final_completion().choices[0].message.content)


def second_turn() -> None:
    first = client.chat.completions.create(model=MODEL, messages=ASKED).choices[0].message
    for said in (first, first.model_dump(), first.to_dict()):
        messages = [*ASKED, said, {"role": "user", "content": "Another one, without hashtags."}]
        answer = client.chat.completions.create(model=MODEL, messages=messages)
        is_about_the_picture(answer.choices[0].message.content)


def tools() -> None:
    answer = client.chat.completions.create(
        model=MODEL, messages=ASKED, tools=[TOOL], tool_choice="auto", parallel_tool_calls=True
    )
    is_about_the_picture(answer.choices[0].message.content)


def structured() -> None:
    answer = client.chat.completions.parse(model=MODEL, messages=ASKED, response_format=Post)
    assert isinstance(answer.choices[0].message.parsed, Post)


def completions() -> None:
    answer = client.completions.create(model=MODEL, prompt="", extra_body={"image": DATA_URL})
    is_about_the_picture(answer.choices[0].text)


def text() -> None:
    messages = [{"role": "user", "content": "Hello"}]
    answer = client.chat.completions.create(model=MODEL, messages=messages, max_tokens=8)
    is_text(answer.choices[0].message.content)


def responses() -> None:
    is_about_the_picture(client.responses.create(model=MODEL, input=INPUT).output_text)


def responses_stream() -> None:
    with client.responses.stream(model=MODEL, input=INPUT) as stream:
        for _ in stream:
            pass
        is_about_the_picture(stream.get_final_response().output_text)


def responses_parse() -> None:
    answer = client.responses.parse(model=MODEL, input=INPUT, text_format=Post)
    assert isinstance(answer.output_parsed, Post)


def responses_second_turn() -> None:
    first = client.responses.create(model=MODEL, input=INPUT)
    again = {"role": "user", "content": "Another one, please."}
    answer = client.responses.create(model=MODEL, input=[*INPUT, *first.output, again])
    is_about_the_picture(answer.output_text)


def models() -> None:
    for model in client.models.list():
        assert client.models.retrieve(model.id).id == model.id


feature("caption", caption)
feature("stream", stream)
feature("stream helper", stream_helper)
feature("second turn", second_turn)
feature("tools offered", tools)
feature("structured", structured)
feature("completions with image", completions)
feature("text", text)
feature("responses", responses)
feature("responses, streamed", responses_stream)
feature("responses, structured", responses_parse)
feature("responses, second turn", responses_second_turn)
feature("models", models)
