"""Messages of a chat → turns, and the pictures that are to be captioned."""

import json
from collections.abc import Sequence
from typing import Any

from caption_studio.records import FileReference, ImageReference, Picture, Turn
from caption_studio.wire.messages import (
    AssistantMessage,
    FilePart,
    FunctionCall,
    ImagePart,
    Message,
    SystemMessage,
    ToolMessage,
    UserMessage,
)


def turns_of(messages: Sequence[Message]) -> list[Turn]:
    """Return one turn for each message; tool calls and their results become text."""
    return [_turn(message) for message in messages]


def pictures_of(messages: Sequence[Message]) -> list[Picture]:
    """Return the pictures of the last user message that has any.

    Earlier ones were captioned by earlier answers.
    """
    for index in range(len(messages) - 1, -1, -1):
        message = messages[index]
        if isinstance(message, UserMessage) and not isinstance(message.content, str):
            found = _image_references(message.content, f"messages[{index}].content")
            if found:
                return found
    return []


def _turn(message: Message) -> Turn:
    if isinstance(message, SystemMessage):
        return Turn("system", _text(message.content))
    if isinstance(message, ToolMessage):
        return Turn("tool", _text(message.content))
    if isinstance(message, AssistantMessage):
        calls = [call.function or call.custom for call in message.tool_calls or ()]
        said = [_text(message.content), message.refusal or ""]
        said += map(_called, [*calls, message.function_call])
        return Turn("assistant", " ".join(filter(None, said)))
    return Turn("user", _text(message.content))


def _called(function: FunctionCall | None) -> str:
    if function is None:
        return ""
    given = function.input if function.arguments is None else function.arguments
    if not isinstance(given, str):
        given = "" if given is None else json.dumps(given, ensure_ascii=False)
    return f"{function.name or ''}({given})"


def _text(content: str | Sequence[Any] | None) -> str:
    if content is None:
        return ""
    if isinstance(content, str):
        return content
    texts = [part for part in content if not isinstance(part, str | ImagePart | FilePart)]
    return " ".join(part.text for part in texts)


def _image_references(parts: Sequence[Any], param: str) -> list[Picture]:
    found: list[Picture] = []
    for index, part in enumerate(parts):
        if isinstance(part, ImagePart):
            found.append(ImageReference(part.url, f"{param}[{index}].{part.path}"))
        elif isinstance(part, FilePart):
            found.append(FileReference(part.file.file_id, f"{param}[{index}].file.file_id"))
    return found
