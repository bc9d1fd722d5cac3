"""LlamaIndex: https://docs.llamaindex.ai, OpenAILike for endpoints that are not OpenAI's."""

from checks import KEY, MODEL, PICTURE, URL, feature, is_about_the_picture, is_text
from llama_index.core.llms import ChatMessage, ImageBlock, TextBlock
from llama_index.llms.openai_like import OpenAILike

model = OpenAILike(model=MODEL, api_base=URL, api_key=KEY, is_chat_model=True, context_window=1024)
plain = OpenAILike(model=MODEL, api_base=URL, api_key=KEY, max_tokens=8, context_window=1024)
ASKED = ChatMessage(
    role="user", blocks=[TextBlock(text="A caption, please."), ImageBlock(path=PICTURE)]
)


def stream() -> None:
    is_about_the_picture("".join(piece.delta or "" for piece in model.stream_chat([ASKED])))


def second_turn() -> None:
    first = model.chat([ASKED]).message
    again = ChatMessage(role="user", content="Another one, please.")
    is_about_the_picture(model.chat([ASKED, first, again]).message.content)


feature("caption", lambda: is_about_the_picture(model.chat([ASKED]).message.content))
feature("stream", stream)
feature("second turn", second_turn)
feature("text by completions", lambda: is_text(plain.complete("Hello").text))
