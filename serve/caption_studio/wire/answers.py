"""The OpenAI dialect as pydantic models: the answers.

Source: https://platform.openai.com/docs/api-reference/chat and …/completions. The only field
that the official API lacks is `caption_studio`. Requests: wire.schema.
"""

from typing import Any, Literal

from pydantic import BaseModel, SerializerFunctionWrapHandler, model_serializer


class Usage(BaseModel):
    """Tokens of the language model; a picture costs none."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class StageTimesBody(BaseModel):
    """Seconds in each stage; the stages follow one another in this order: `records.StageTimes`."""

    fetch_s: float
    decode_queue_s: float
    decode_s: float
    describe_queue_s: float
    describe_s: float
    describe_hop_s: float
    first_delta_s: float
    generate_s: float


class MarksBody(BaseModel):
    """What was checked of a caption.

    `controls` says for each control of the request whether it holds; `faithful` is false where the
    caption contradicts the description; `flagged` are a guard's reasons.
    """

    controls: dict[str, bool] | None = None
    faithful: bool | None = None
    flagged: list[str] | None = None

    @model_serializer(mode="wrap")
    def _without_none(self, standard: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {name: value for name, value in standard(self).items() if value is not None}


class CaptionBody(MarksBody):
    """One of several captions in its parts."""

    index: int
    caption: str
    hashtags: list[str]


class CaptionStudio(MarksBody):
    """The description, the caption in its parts, and, if asked for, the stages' times.

    Several pictures' descriptions are joined by `; `; `alt_text` is the description as one
    sentence. `confidence` (0 to 1) is that of the least sure description, and `familiar` is false
    if a picture is unlike those that the describer was trained on. `caption` has no hashtags, and
    `hashtags` have no `#`. Both are those of the first choice; if there are several choices,
    `captions` has those of each. `adapter` wrote the caption. Unknown fields are left out.
    """

    description: str | None = None
    confidence: float | None = None
    familiar: bool | None = None
    caption: str | None = None
    hashtags: list[str] | None = None
    alt_text: str | None = None
    adapter: str | None = None
    captions: list[CaptionBody] | None = None
    stage_times: StageTimesBody | None = None


class TopLogprob(BaseModel):
    """A candidate token; `bytes` are its UTF-8 bytes."""

    token: str
    logprob: float
    bytes: list[int]


class ChatLogprob(TopLogprob):
    """A token of the answer and the likeliest tokens in its place."""

    top_logprobs: list[TopLogprob]


class ChatLogprobs(BaseModel):
    """Log probabilities of the answer's tokens."""

    content: list[ChatLogprob]
    refusal: None = None


class TextLogprobs(BaseModel):
    """The same in the older form; offsets are characters of the text."""

    tokens: list[str]
    token_logprobs: list[float]
    top_logprobs: list[dict[str, float]]
    text_offset: list[int]


class AnswerMessage(BaseModel):
    """The caption, or the text of a conversation without pictures."""

    role: Literal["assistant"] = "assistant"
    content: str
    refusal: None = None


class ChatChoice(BaseModel):
    """One of `n` answers."""

    index: int
    message: AnswerMessage
    logprobs: ChatLogprobs | None = None
    finish_reason: Literal["stop", "length"]


class ChatCompletion(BaseModel):
    """Answer of `POST /v1/chat/completions`, whole."""

    id: str
    object: Literal["chat.completion"] = "chat.completion"
    created: int
    model: str
    choices: list[ChatChoice]
    usage: Usage
    caption_studio: CaptionStudio | None = None


class Delta(BaseModel):
    """The next piece; `role` only in a choice's first chunk. Absent fields are left out."""

    role: Literal["assistant"] | None = None
    content: str | None = None

    @model_serializer
    def _only_what_is_there(self) -> dict[str, str]:
        fields = {"role": self.role, "content": self.content}
        return {name: value for name, value in fields.items() if value is not None}


class ChunkChoice(BaseModel):
    """The next piece of one of `n` answers."""

    index: int
    delta: Delta
    logprobs: ChatLogprobs | None = None
    finish_reason: Literal["stop", "length"] | None = None


class ChatCompletionChunk(BaseModel):
    """One event of a streamed chat answer."""

    id: str
    object: Literal["chat.completion.chunk"] = "chat.completion.chunk"
    created: int
    model: str
    choices: list[ChunkChoice]
    usage: Usage | None = None
    caption_studio: CaptionStudio | None = None


class TextChoice(BaseModel):
    """One of `n` texts, or its next piece; `finish_reason` is null until its last."""

    index: int
    text: str
    logprobs: TextLogprobs | None = None
    finish_reason: Literal["stop", "length"] | None


class Completion(BaseModel):
    """Answer of `POST /v1/completions`, whole or one event of a stream."""

    id: str
    object: Literal["text_completion"] = "text_completion"
    created: int
    model: str
    choices: list[TextChoice]
    usage: Usage | None = None
    caption_studio: CaptionStudio | None = None


class Model(BaseModel):
    """A base model, an adapter, a voice or an alias that `model` may name.

    `description` is for people. The parent of an alias is the first model that it names.
    """

    id: str
    object: Literal["model"] = "model"
    created: int
    owned_by: Literal["caption-studio"] = "caption-studio"
    root: str
    parent: str | None = None
    description: str = ""


class ModelList(BaseModel):
    """Answer of `GET /v1/models`: the base model first."""

    object: Literal["list"] = "list"
    data: list[Model]


class ErrorDetail(BaseModel):
    """An error. All four keys are always present."""

    message: str
    type: str
    param: str | None
    code: str | None


class ErrorBody(BaseModel):
    """The body of every refusal and failure."""

    error: ErrorDetail
