"""LangChain: https://docs.langchain.com/oss/python/integrations/chat/openai, with `base_url`."""

from checks import (
    DATA_URL,
    KEY,
    MODEL,
    PICTURE_BASE64,
    URL,
    feature,
    is_about_the_picture,
    is_text,
)
from langchain_core.messages import HumanMessage, SystemMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI, OpenAI
from pydantic import BaseModel, Field

model = ChatOpenAI(base_url=URL, api_key=KEY, model=MODEL)
ASKED = [
    SystemMessage("You write captions."),
    HumanMessage(
        [
            {"type": "text", "text": "A caption, please."},
            {"type": "image_url", "image_url": {"url": DATA_URL}},
        ]
    ),
]


class Post(BaseModel):
    """A post."""

    caption: str = Field(max_length=120)
    likes: int = Field(ge=0, le=1000)


@tool
def post(text: str) -> str:
    """Post it."""
    return text


def standard_block() -> None:
    block = {"type": "image", "base64": PICTURE_BASE64, "mime_type": "image/jpeg"}
    is_about_the_picture(model.invoke([HumanMessage([block])]).text)


def stream() -> None:
    is_about_the_picture("".join(chunk.text for chunk in model.stream(ASKED)))


def second_turn() -> None:
    first = model.invoke(ASKED)
    is_about_the_picture(model.invoke([*ASKED, first, HumanMessage("Another one.")]).text)


def structured() -> None:
    answer = model.with_structured_output(Post, method="json_schema").invoke(ASKED)
    assert isinstance(answer, Post)


def json_mode() -> None:
    answer = model.with_structured_output(method="json_mode").invoke(ASKED)
    assert isinstance(answer, dict)


def responses() -> None:
    speaks = ChatOpenAI(base_url=URL, api_key=KEY, model=MODEL, use_responses_api=True)
    first = speaks.invoke(ASKED)
    is_about_the_picture(first.text)
    is_about_the_picture(speaks.invoke([*ASKED, first, HumanMessage("Another one.")]).text)


def completions() -> None:
    is_text(OpenAI(base_url=URL, api_key=KEY, model=MODEL, max_tokens=8).invoke("Hello"))


feature("caption", lambda: is_about_the_picture(model.invoke(ASKED).text))
feature("caption, LangChain's own block", standard_block)
feature("stream", stream)
feature("second turn", second_turn)
feature("tools offered", lambda: is_about_the_picture(model.bind_tools([post]).invoke(ASKED).text))
feature("structured", structured)
feature("structured, json_mode", json_mode)
feature("responses", responses)
feature("text by completions", completions)
