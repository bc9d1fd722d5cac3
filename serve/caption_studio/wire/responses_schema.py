"""Body of `POST /v1/responses` as a pydantic model.

Source: https://platform.openai.com/docs/api-reference/responses/create; the sampling fields that
the official API lacks are vLLM's (0.32, entrypoints/openai/responses/protocol.py).
wire.passed_over removes fields that change nothing and are not echoed. The service keeps nothing
between two requests: wire.responses_parse refuses fields that need this, by name.
"""

from typing import Annotated, Any, Literal

from pydantic import Field, StrictBool

from caption_studio.wire.messages import In
from caption_studio.wire.response_format import ResponsesTextFormat
from caption_studio.wire.responses_items import Input
from caption_studio.wire.schema import Choice, Drawing, Tools


class TextConfig(In):
    """The form of the answer. `verbosity` is accepted."""

    format: ResponsesTextFormat | None = None
    verbosity: str | None = None


class ResponsesStreamOptions(In):
    """Accepted without effect: nothing is padded here."""

    include_obfuscation: StrictBool | None = None


class ResponsesRequest(Drawing):
    """Body of `POST /v1/responses`. Fields without an effect are accepted, and most are echoed."""

    model: str | None = None
    input: Input
    instructions: str | None = None
    max_output_tokens: Annotated[int, Field(ge=1)] | None = None
    top_logprobs: Annotated[int, Field(ge=0, le=20)] | None = None
    text: TextConfig | None = None
    stream: StrictBool | None = None
    stream_options: ResponsesStreamOptions | None = None
    include: Annotated[list[str], Field(fail_fast=True)] | None = None
    tools: Tools | None = None
    tool_choice: Choice | None = None
    parallel_tool_calls: StrictBool | None = None
    max_tool_calls: int | None = None
    metadata: dict[str, str] | None = None
    reasoning: dict[str, Any] | None = None
    truncation: Literal["auto", "disabled"] | None = None
    store: StrictBool | None = None
    service_tier: str | None = None
    safety_identifier: str | None = None
    prompt_cache_key: str | None = None
    prompt_cache_retention: str | None = None
    user: str | None = None
    background: StrictBool | None = None
    previous_response_id: Any = None
    conversation: Any = None
    prompt: Any = None
