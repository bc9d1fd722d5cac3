"""What chat and completions have in common → CaptionRequest.

Not here: what only one of them has (wire.parse, wire.completions_parse).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from caption_studio.errors import InvalidValue
from caption_studio.records import CaptionRequest, Picture, PromptText, Structure, Turn
from caption_studio.settings import Settings
from caption_studio.wire.bounds import model_of
from caption_studio.wire.controls import controls_of
from caption_studio.wire.sampling import Wanted, defaulted, sampling_of
from caption_studio.wire.schema import ChatRequest, CompletionRequest, StreamOptions


@dataclass(frozen=True, slots=True)
class Asked:
    """What a body asks for, read out of its fields: pictures, text, and the answer's form."""

    request_id: str
    endpoint: Literal["chat", "completion"]
    images: Sequence[Picture]
    turns: Sequence[Turn]
    max_tokens: int | None
    prompts: tuple[PromptText, ...] = ()
    structure: Structure | None = None
    user: str | None = None


def caption_request(
    request: ChatRequest | CompletionRequest, asked: Asked, settings: Settings
) -> CaptionRequest:
    """Return the request, with the fields that both endpoints have. Raises `RequestError`."""
    options = request.stream_options or StreamOptions()
    if options != StreamOptions() and not request.stream:
        raise InvalidValue(
            "stream_options may only be sent when stream is true.", param="stream_options"
        )
    model = model_of(request.model, bool(asked.images), settings)
    wanted = Wanted(
        has_images=bool(asked.images),
        max_tokens=asked.max_tokens,
        structure=asked.structure,
        n=request.n or 1,
        top_logprobs=_top_logprobs(request),
    )
    return CaptionRequest(
        request_id=asked.request_id,
        endpoint=asked.endpoint,
        model=model,
        images=tuple(asked.images),
        turns=tuple(asked.turns),
        sampling=sampling_of(request, wanted, settings),
        stream=bool(request.stream),
        include_usage=options.include_usage,
        usage_in_chunks=options.continuous_usage_stats,
        prompts=asked.prompts,
        controls=controls_of(request.caption_studio),
        defaulted=defaulted(request, asked.max_tokens, asked.structure),
        user=asked.user,
    )


def _top_logprobs(request: ChatRequest | CompletionRequest) -> int | None:
    if isinstance(request, CompletionRequest):
        return request.logprobs
    if request.top_logprobs and not request.logprobs:
        raise InvalidValue(
            "top_logprobs may only be sent when logprobs is true.", param="top_logprobs"
        )
    return (request.top_logprobs or 0) if request.logprobs else None
