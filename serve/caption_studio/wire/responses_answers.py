"""Responses as pydantic models: the answers of `POST /v1/responses`.

Source: https://platform.openai.com/docs/api-reference/responses/object and …/responses-streaming.
The only field that the official API lacks is `caption_studio`.
"""

from typing import Any, Literal

from pydantic import BaseModel

from caption_studio.wire.answers import CaptionStudio, ChatLogprob


class OutputTextPart(BaseModel):
    """The text of an answer."""

    type: Literal["output_text"] = "output_text"
    text: str
    annotations: list[Any] = []
    logprobs: list[ChatLogprob] = []


class OutputMessage(BaseModel):
    """The one item of an answer."""

    id: str
    type: Literal["message"] = "message"
    role: Literal["assistant"] = "assistant"
    status: Literal["in_progress", "completed", "incomplete"]
    content: list[OutputTextPart]


class InputTokensDetails(BaseModel):
    """Always zero: nothing is kept between requests."""

    cached_tokens: int = 0
    cache_write_tokens: int = 0


class OutputTokensDetails(BaseModel):
    """Always zero: there is no reasoning."""

    reasoning_tokens: int = 0


class ResponseUsage(BaseModel):
    """Tokens of the language model; a picture costs none."""

    input_tokens: int
    input_tokens_details: InputTokensDetails = InputTokensDetails()
    output_tokens: int
    output_tokens_details: OutputTokensDetails = OutputTokensDetails()
    total_tokens: int


class ResponseFailure(BaseModel):
    """The error that ended an answer after it had begun."""

    code: str
    message: str


class IncompleteDetails(BaseModel):
    """The reason why an answer was cut."""

    reason: Literal["max_output_tokens"] = "max_output_tokens"


class ResponseText(BaseModel):
    """The form of the answer, as it was asked for."""

    format: dict[str, Any]
    verbosity: str = "medium"


class Response(BaseModel):
    """Answer of `POST /v1/responses`. `store` is always false: nothing is kept."""

    id: str
    object: Literal["response"] = "response"
    created_at: int
    completed_at: int | None = None
    status: Literal["in_progress", "completed", "incomplete", "failed"]
    background: Literal[False] = False
    error: ResponseFailure | None = None
    incomplete_details: IncompleteDetails | None = None
    instructions: str | None
    max_output_tokens: int | None
    max_tool_calls: int | None
    metadata: dict[str, str]
    model: str
    output: list[OutputMessage]
    parallel_tool_calls: bool
    previous_response_id: None = None
    prompt_cache_key: str | None
    reasoning: dict[str, Any]
    safety_identifier: str | None
    service_tier: Literal["default"] = "default"
    store: Literal[False] = False
    temperature: float
    text: ResponseText
    tool_choice: str | dict[str, Any]
    tools: list[dict[str, Any]]
    top_logprobs: int
    top_p: float
    truncation: Literal["auto", "disabled"]
    usage: ResponseUsage | None = None
    user: str | None
    caption_studio: CaptionStudio | None = None
