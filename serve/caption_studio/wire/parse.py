"""Body of `POST /v1/chat/completions` → CaptionRequest, or the error that names the field at fault.

Not here: reading the body (gateway), the fields' types (wire.schema), completions
(wire.completions_parse), the existing models (pipeline), fetching pictures (images).
"""

from caption_studio.records import CaptionRequest
from caption_studio.settings import Settings
from caption_studio.wire.asked import Asked, caption_request
from caption_studio.wire.bounds import check_limits, check_turns
from caption_studio.wire.caller import caller_of
from caption_studio.wire.conversation import pictures_of, turns_of
from caption_studio.wire.json_body import JSONBody
from caption_studio.wire.passed_over import without_passed_over
from caption_studio.wire.response_format import structure_of
from caption_studio.wire.schema import ChatRequest
from caption_studio.wire.validate import json_object, validate


def parse_chat(body: bytes | JSONBody, *, request_id: str, settings: Settings) -> CaptionRequest:
    """Read the body of `POST /v1/chat/completions`. Raises `RequestError`."""
    value = json_object(body)
    check_turns(value.get("messages"), settings.gateway.max_turns, "messages")
    request = validate(ChatRequest, without_passed_over(value))
    turns, images = turns_of(request.messages), pictures_of(request.messages)
    check_limits(images, turns, settings, images_param="messages", text_param="messages")
    structure, turns = structure_of(request.response_format, turns, param="response_format")
    asked = Asked(
        request_id=request_id,
        endpoint="chat",
        images=images,
        turns=turns,
        max_tokens=request.max_completion_tokens or request.max_tokens,
        structure=structure,
        user=caller_of(value),
    )
    return caption_request(request, asked, settings)
