"""The OpenAI dialect as pydantic models: what may be sent.

Source: https://platform.openai.com/docs/api-reference/chat and …/completions. The one field
of ours that the official API has not is `image` in completions. Answers: wire.answers.
Tags of unions begin with `@`, so that wire.parse can tell them from field names.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, StrictBool, Tag

from caption_studio.wire.response_format import ResponseFormat

MAX_SEED = 2**63 - 1
MAX_STOP = 4
MAX_LOGIT_BIAS = 300
MAX_NAME_CHARS = 256
MAX_USER_CHARS = 1024
MAX_TAG_CHARS = 64


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


Several = Field(min_length=1, fail_fast=True)
"""Of a list whose first bad item is enough of an error."""


def _content_tag(value: Any) -> str:
    return "@text" if isinstance(value, str) else "@parts"


def _part_tag(value: Any) -> str | None:
    kind = value.get("type") if isinstance(value, dict) else getattr(value, "type", None)
    return f"@{kind[:MAX_TAG_CHARS]}" if isinstance(kind, str) else None


Part = Annotated[
    Annotated[TextPart, Tag("@text")] | Annotated[ImagePart, Tag("@image_url")],
    Discriminator(
        _part_tag,
        custom_error_type="part_type",
        custom_error_message="Must be an object whose type is 'text' or 'image_url'.",
    ),
]
UserContent = Annotated[
    Annotated[str, Tag("@text")] | Annotated[list[Part], Tag("@parts"), Several],
    Discriminator(_content_tag),
]
TextContent = Annotated[
    Annotated[str, Tag("@text")] | Annotated[list[TextPart], Tag("@parts"), Several],
    Discriminator(_content_tag),
]


Name = Annotated[str, Field(max_length=MAX_NAME_CHARS)]


class SystemMessage(_In):
    """Standing wishes for every caption of the conversation."""

    role: Literal["system", "developer"]
    content: TextContent
    name: Name | None = None


class UserMessage(_In):
    """Pictures and words."""

    role: Literal["user"]
    content: UserContent
    name: Name | None = None


class AssistantMessage(_In):
    """An earlier answer."""

    role: Literal["assistant"]
    content: TextContent
    name: Name | None = None


def _role_tag(value: Any) -> str | None:
    role = value.get("role") if isinstance(value, dict) else getattr(value, "role", None)
    if not isinstance(role, str):
        return None
    return "@system" if role == "developer" else f"@{role[:MAX_TAG_CHARS]}"


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


TokenId = Annotated[str, Field(pattern=r"^[0-9]{1,9}$")]
Bias = Annotated[float, Field(ge=-100, le=100, allow_inf_nan=False)]


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
    presence_penalty: Annotated[float, Field(ge=-2, le=2, allow_inf_nan=False)] | None = None
    frequency_penalty: Annotated[float, Field(ge=-2, le=2, allow_inf_nan=False)] | None = None
    logit_bias: Annotated[dict[TokenId, Bias], Field(max_length=MAX_LOGIT_BIAS)] | None = None
    user: Annotated[str, Field(max_length=MAX_USER_CHARS)] | None = None


class ChatRequest(_Generation):
    """Body of `POST /v1/chat/completions`."""

    messages: Annotated[list[Message], Several]
    max_completion_tokens: Annotated[int, Field(ge=1)] | None = None
    logprobs: StrictBool | None = None
    top_logprobs: Annotated[int, Field(ge=0, le=20)] | None = None
    response_format: ResponseFormat | None = None


class CompletionRequest(_Generation):
    """Body of `POST /v1/completions`.

    With `image` (data URL or http(s) URL) the answer is a caption and `prompt` steers it.
    """

    prompt: str = ""
    image: str | None = None
    logprobs: Annotated[int, Field(ge=0, le=5)] | None = None
