"""Haystack: https://docs.haystack.deepset.ai/docs/openaichatgenerator, with `api_base_url`."""

from checks import KEY, MODEL, PICTURE, URL, feature, is_about_the_picture
from haystack.components.generators.chat import OpenAIChatGenerator
from haystack.dataclasses import ChatMessage, ImageContent
from haystack.utils import Secret
from pydantic import BaseModel, Field

ASKED = ChatMessage.from_user(
    content_parts=["A caption, please.", ImageContent.from_file_path(PICTURE, detail="low")]
)


class Post(BaseModel):
    """A post."""

    caption: str = Field(max_length=120)
    likes: int = Field(ge=0, le=1000)


def generator(**options: object) -> OpenAIChatGenerator:
    return OpenAIChatGenerator(
        api_key=Secret.from_token(KEY), model=MODEL, api_base_url=URL, **options
    )


def stream() -> None:
    pieces = []
    generator(streaming_callback=lambda chunk: pieces.append(chunk.content)).run([ASKED])
    is_about_the_picture("".join(pieces))


def second_turn() -> None:
    model = generator()
    (first,) = model.run([ASKED])["replies"]
    again = model.run([ASKED, first, ChatMessage.from_user("Another one.")])["replies"][0]
    is_about_the_picture(again.text)


def structured() -> None:
    (reply,) = generator(generation_kwargs={"response_format": Post}).run([ASKED])["replies"]
    Post.model_validate_json(reply.text)


feature("caption", lambda: is_about_the_picture(generator().run([ASKED])["replies"][0].text))
feature("stream", stream)
feature("second turn", second_turn)
feature("structured", structured)
