"""LiteLLM: https://docs.litellm.ai/docs/providers/openai_compatible, the library."""

import litellm
from checks import DATA_URL, KEY, MODEL, URL, feature, is_about_the_picture, is_text
from pydantic import BaseModel, Field

ASKED = [
    {
        "role": "user",
        "content": [
            {"type": "text", "text": "A caption, please."},
            {"type": "image_url", "image_url": {"url": DATA_URL}},
        ],
    }
]
SERVICE = {"model": f"openai/{MODEL}", "api_base": URL, "api_key": KEY}


class Post(BaseModel):
    """A post."""

    caption: str = Field(max_length=120)
    likes: int = Field(ge=0, le=1000)


def caption() -> None:
    is_about_the_picture(litellm.completion(messages=ASKED, **SERVICE).choices[0].message.content)


def stream() -> None:
    pieces = litellm.completion(messages=ASKED, stream=True, **SERVICE)
    is_about_the_picture("".join(p.choices[0].delta.content or "" for p in pieces if p.choices))


def second_turn() -> None:
    first = litellm.completion(messages=ASKED, **SERVICE).choices[0].message
    messages = [*ASKED, first.model_dump(), {"role": "user", "content": "Another one."}]
    answer = litellm.completion(messages=messages, **SERVICE)
    is_about_the_picture(answer.choices[0].message.content)


def structured() -> None:
    answer = litellm.completion(messages=ASKED, response_format=Post, **SERVICE)
    Post.model_validate_json(answer.choices[0].message.content)


def text() -> None:
    service = {**SERVICE, "model": f"text-completion-openai/{MODEL}"}
    is_text(litellm.text_completion(prompt="Hello", max_tokens=8, **service).choices[0].text)


def responses() -> None:
    picture = {"type": "input_image", "image_url": DATA_URL}
    asked = [{"role": "user", "content": [picture]}]
    answer = litellm.responses(input=asked, **SERVICE)
    is_about_the_picture(answer.output_text)


feature("caption", caption)
feature("stream", stream)
feature("second turn", second_turn)
feature("structured", structured)
feature("text by completions", text)
feature("responses", responses)
