"""Body of `POST /v1/responses` → CaptionRequest, or the error that names the field at fault.

Not here: the fields' types (wire.responses_schema, wire.responses_items).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from caption_studio.errors import InvalidValue, MissingParameter, TooLong
from caption_studio.records import (
    CaptionRequest,
    FileReference,
    ImageReference,
    Picture,
    Sampling,
    Structure,
    Turn,
)
from caption_studio.settings import Settings
from caption_studio.wire.bounds import check_limits, check_turns, model_of
from caption_studio.wire.caller import caller_of
from caption_studio.wire.controls import controls_of
from caption_studio.wire.json_body import JSONBody
from caption_studio.wire.passed_over import without_meaningless
from caption_studio.wire.response_format import structure_of
from caption_studio.wire.responses_items import (
    AssistantItem,
    CallItem,
    CallOutputItem,
    InputImage,
    SystemItem,
    UserItem,
)
from caption_studio.wire.responses_schema import ResponsesRequest
from caption_studio.wire.sampling import Wanted, defaulted, sampling_of
from caption_studio.wire.validate import json_object, validate

LOGPROBS = "message.output_text.logprobs"
"""The value in `include` that asks for log probabilities."""

MAX_METADATA = 16

REMEDY = "This service keeps no responses: send the earlier turns in `input`"
_AI_SDK = "(the AI SDK does so with providerOptions.openai.store: false)"


@dataclass(frozen=True, slots=True)
class AskedResponse:
    """A request as our record, and its body without the input, for the answer to echo."""

    request: CaptionRequest
    body: ResponsesRequest


def parse_responses(
    body: bytes | JSONBody, *, request_id: str, settings: Settings
) -> AskedResponse:
    """Read the body of `POST /v1/responses`. Raises `RequestError`."""
    value = json_object(body)
    items = value.get("input")
    check_turns(items, settings.gateway.max_turns, "input")
    _refuse_references(items)
    asked = validate(ResponsesRequest, without_meaningless(value, ResponsesRequest.model_fields))
    _refuse_what_needs_memory(asked)
    turns, images = _conversation(asked)
    check_limits(images, turns, settings, images_param="input", text_param="input")
    wanted = asked.text.format if asked.text else None
    structure, turns = structure_of(wanted, turns, param="text.format")
    request = CaptionRequest(
        request_id=request_id,
        endpoint="responses",
        model=model_of(asked.model, bool(images), settings),
        images=tuple(images),
        turns=tuple(turns),
        sampling=_sampling(asked, bool(images), structure, settings),
        stream=bool(asked.stream),
        controls=controls_of(asked.caption_studio),
        defaulted=defaulted(asked, asked.max_output_tokens, structure),
        user=caller_of(value),
    )
    return AskedResponse(request, asked.model_copy(update={"input": ""}))


def _refuse_references(items: Any) -> None:
    for index, item in enumerate(items if isinstance(items, list) else ()):
        if isinstance(item, dict) and item.get("type") == "item_reference":
            message = f"item_reference is not taken. {REMEDY} {_AI_SDK}."
            raise InvalidValue(message, param=f"input[{index}].type")


def _refuse_what_needs_memory(asked: ResponsesRequest) -> None:
    for name in ("previous_response_id", "conversation"):
        if getattr(asked, name) is not None:
            raise InvalidValue(f"{name} is not taken. {REMEDY}.", param=name)
    if asked.background:
        raise InvalidValue(
            "background is not taken: this service keeps no responses. Wait for the answer, or "
            "stream it.",
            param="background",
        )
    if asked.prompt is not None:
        raise InvalidValue(
            "prompt is not taken: this service keeps no prompts. Send the text in `instructions` "
            "and `input`.",
            param="prompt",
        )
    if asked.metadata is not None and len(asked.metadata) > MAX_METADATA:
        raise TooLong(f"metadata may have at most {MAX_METADATA} fields.", param="metadata")


def _conversation(asked: ResponsesRequest) -> tuple[list[Turn], list[Picture]]:
    """Return the turns, and the pictures of the last turn that has any."""
    turns = [Turn("system", asked.instructions)] if asked.instructions else []
    if isinstance(asked.input, str):
        return [*turns, Turn("user", asked.input)], []
    images: list[Picture] = []
    for index, item in enumerate(asked.input):
        if isinstance(item, UserItem):
            turns.append(Turn("user", _text(item.content)))
            images = _images(item.content, f"input[{index}].content") or images
        elif isinstance(item, SystemItem):
            turns.append(Turn("system", _text(item.content)))
        elif isinstance(item, AssistantItem):
            turns.append(Turn("assistant", _text(item.content)))
        elif isinstance(item, CallItem):
            turns.append(Turn("assistant", f"{item.name}({item.arguments or item.input})"))
        elif isinstance(item, CallOutputItem):
            turns.append(Turn("assistant", _text(item.output)))
    return turns, images


def _text(content: str | Sequence[Any]) -> str:
    if isinstance(content, str):
        return content
    texts = (getattr(part, "text", getattr(part, "refusal", "")) for part in content)
    return " ".join(text for text in texts if text)


def _images(content: str | Sequence[Any], param: str) -> list[Picture]:
    return [
        _image(part, f"{param}[{index}]")
        for index, part in enumerate(content)
        if isinstance(part, InputImage)
    ]


def _image(part: InputImage, param: str) -> Picture:
    if part.file_id is not None and part.image_url is not None:
        raise InvalidValue("Send image_url or file_id, not both.", param=f"{param}.file_id")
    if part.file_id is not None:
        return FileReference(part.file_id, f"{param}.file_id")
    if part.image_url is None:
        raise MissingParameter(
            f"Missing required parameter: {param}.image_url.", param=f"{param}.image_url"
        )
    return ImageReference(part.image_url, f"{param}.image_url")


def _sampling(
    asked: ResponsesRequest, has_images: bool, structure: Structure | None, settings: Settings
) -> Sampling:
    wants_logprobs = bool(asked.top_logprobs) or LOGPROBS in (asked.include or ())
    wanted = Wanted(
        has_images=has_images,
        max_tokens=asked.max_output_tokens,
        structure=structure,
        top_logprobs=(asked.top_logprobs or 0) if wants_logprobs else None,
    )
    return sampling_of(asked, wanted, settings)
