"""pydantic-ai: https://ai.pydantic.dev/models/openai/#openai-compatible-models."""

import asyncio

from checks import KEY, MODEL, PICTURE_BYTES, URL, feature, is_about_the_picture
from pydantic import BaseModel, Field
from pydantic_ai import Agent, BinaryContent, NativeOutput
from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel
from pydantic_ai.providers.openai import OpenAIProvider

provider = OpenAIProvider(base_url=URL, api_key=KEY)
chat = OpenAIChatModel(MODEL, provider=provider)
ASKED = ["A caption, please.", BinaryContent(PICTURE_BYTES, media_type="image/jpeg")]


class Post(BaseModel):
    """A post."""

    caption: str = Field(max_length=120)
    likes: int = Field(ge=0, le=1000)


def stream() -> None:
    async def text() -> str:
        async with Agent(chat).run_stream(ASKED) as result:
            return [piece async for piece in result.stream_text()][-1]

    is_about_the_picture(asyncio.run(text()))


def second_turn() -> None:
    agent = Agent(chat)
    first = agent.run_sync(ASKED)
    again = agent.run_sync("Another one, please.", message_history=first.all_messages())
    is_about_the_picture(again.output)


def structured() -> None:
    answer = Agent(chat, output_type=NativeOutput(Post)).run_sync(ASKED)
    assert isinstance(answer.output, Post)


def tools() -> None:
    agent = Agent(chat)

    @agent.tool_plain
    def post(text: str) -> str:
        """Post it."""
        return text

    is_about_the_picture(agent.run_sync(ASKED).output)


def responses() -> None:
    agent = Agent(OpenAIResponsesModel(MODEL, provider=provider))
    first = agent.run_sync(ASKED)
    is_about_the_picture(first.output)
    again = agent.run_sync("Another one, please.", message_history=first.all_messages())
    is_about_the_picture(again.output)


feature("caption", lambda: is_about_the_picture(Agent(chat).run_sync(ASKED).output))
feature("stream", stream)
feature("second turn", second_turn)
feature("tools offered", tools)
feature("structured", structured)
feature("responses", responses)
