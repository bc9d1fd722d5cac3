"""The OpenAI dialect as pydantic models: what may be sent and what is answered.

Source: https://platform.openai.com/docs/api-reference/chat and …/completions. Fields of
ours that the official API has not: `image` in completions, `caption_studio` in answers.
Tags of unions begin with `@`, so that wire.parse can tell them from field names.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, StrictBool, Tag, model_serializer

MAX_SEED = 2**63 - 1
MAX_STOP = 4


class _In(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class ImageURL(_In):
    """A picture: data URL or http(s) URL. `detail` is accepted; one size fits the model."""

    url: str
    detail: Literal["auto", "low", "high"] = "auto"


class TextPart(_In):
    """Words that steer the caption."""

    type: Literal["text"]
    text: str


class ImagePart(_In):
    """A picture to caption."""

    type: Literal["image_url"]
    image_url: ImageURL


def _content_tag(value: Any) -> str:
    return "@text" if isinstance(value, str) else "@parts"


def _part_tag(value: Any) -> str | None:
    kind = value.get("type") if isinstance(value, dict) else getattr(value, "type", None)
    return f"@{kind}" if isinstance(kind, str) else None


Part = Annotated[
    Annotated[TextPart, Tag("@text")] | Annotated[ImagePart, Tag("@image_url")],
    Discriminator(
        _part_tag,
        custom_error_type="part_type",
        custom_error_message="Must be an object whose type is 'text' or 'image_url'.",
    ),
]
UserContent = Annotated[
    Annotated[str, Tag("@text")] | Annotated[list[Part], Tag("@parts"), Field(min_length=1)],
    Discriminator(_content_tag),
]
TextContent = Annotated[
    Annotated[str, Tag("@text")] | Annotated[list[TextPart], Tag("@parts"), Field(min_length=1)],
    Discriminator(_content_tag),
]


class SystemMessage(_In):
    """Standing wishes for every caption of the conversation."""

    role: Literal["system", "developer"]
    content: TextContent
    name: str | None = None


class UserMessage(_In):
    """Pictures and words."""

    role: Literal["user"]
    content: UserContent
    name: str | None = None


class AssistantMessage(_In):
    """An earlier answer."""

    role: Literal["assistant"]
    content: TextContent
    name: str | None = None


def _role_tag(value: Any) -> str | None:
    role = value.get("role") if isinstance(value, dict) else getattr(value, "role", None)
    if not isinstance(role, str):
        return None
    return "@system" if role == "developer" else f"@{role}"


Message = Annotated[
    Annotated[SystemMessage, Tag("@system")]
    | Annotated[UserMessage, Tag("@user")]
    | Annotated[AssistantMessage, Tag("@assistant")],
    Discriminator(
        _role_tag,
        custom_error_type="message_role",
        custom_error_message=(
            "Must be an object whose role is 'system', 'developer', 'user' or 'assistant'."
        ),
    ),
]


def _stop_tag(value: Any) -> str:
    return "@text" if isinstance(value, str) else "@list"


StopWord = Annotated[str, Field(min_length=1, max_length=256)]
Stop = Annotated[
    Annotated[StopWord, Tag("@text")]
    | Annotated[list[StopWord], Tag("@list"), Field(max_length=MAX_STOP)],
    Discriminator(_stop_tag),
]


class StreamOptions(_In):
    """`include_usage` adds one last chunk with the usage and no choices."""

    include_usage: StrictBool = False


class _Generation(_In):
    model: str | None = None
    max_tokens: Annotated[int, Field(ge=1)] | None = None
    temperature: Annotated[float, Field(ge=0, le=2, allow_inf_nan=False)] | None = None
    top_p: Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)] | None = None
    n: Annotated[int, Field(ge=1)] | None = None
    stop: Stop | None = None
    seed: Annotated[int, Field(ge=-MAX_SEED, le=MAX_SEED)] | None = None
    stream: StrictBool | None = None
    stream_options: StreamOptions | None = None
    user: str | None = None


class ChatRequest(_Generation):
    """Body of `POST /v1/chat/completions`."""

    messages: Annotated[list[Message], Field(min_length=1)]
    max_completion_tokens: Annotated[int, Field(ge=1)] | None = None


class CompletionRequest(_Generation):
    """Body of `POST /v1/completions`.

    With `image` (data URL or http(s) URL) the answer is a caption and `prompt` steers it.
    """

    prompt: str = ""
    image: str | None = None


class Usage(BaseModel):
    """Tokens of the language model; a picture costs none."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class CaptionStudio(BaseModel):
    """What the describer saw; several pictures' descriptions are joined by `; `."""

    description: str


class AnswerMessage(BaseModel):
    """The caption, or the text of a conversation without pictures."""

    role: Literal["assistant"] = "assistant"
    content: str
    refusal: None = None


class ChatChoice(BaseModel):
    """One of `n` answers."""

    index: int
    message: AnswerMessage
    logprobs: None = None
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
    """The next piece; `role` on a choice's first chunk only; what is not there is left out."""

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
    logprobs: None = None
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
    logprobs: None = None
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
    """A base model or an adapter that `model` may name."""

    id: str
    object: Literal["model"] = "model"
    created: int
    owned_by: Literal["caption-studio"] = "caption-studio"
    root: str
    parent: str | None = None


class ModelList(BaseModel):
    """Answer of `GET /v1/models`: the base model first."""

    object: Literal["list"] = "list"
    data: list[Model]


class ErrorDetail(BaseModel):
    """All four keys, always."""

    message: str
    type: str
    param: str | None
    code: str | None


class ErrorBody(BaseModel):
    """What every refusal and failure is answered with."""

    error: ErrorDetail
