"""Messages of a chat as pydantic models: roles, parts, pictures.

Source: https://platform.openai.com/docs/api-reference/chat. wire.passed_over removes bookkeeping
fields beforehand. Tags of unions begin with `@`, to distinguish them from field names.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag

MAX_NAME_CHARS = 256
MAX_TAG_CHARS = 64
MAX_TOOL_CALLS = 128
"""Limit for one message."""


class In(BaseModel):
    """A part of a caller's body: strict types, no unknown fields."""

    model_config = ConfigDict(extra="forbid", strict=True)


class ImageURL(In):
    """A picture: data URL or http(s) URL."""

    url: str


def _url_tag(value: Any) -> str:
    return "@url" if isinstance(value, str) else "@object"


class TextPart(In):
    """Words that steer the caption."""

    type: Literal["text"]
    text: str


class RefusalPart(In):
    """Words of an earlier answer that refused."""

    type: Literal["refusal"]
    refusal: str

    @property
    def text(self) -> str:
        """The words."""
        return self.refusal


class ImagePart(In):
    """A picture to caption; many clients send its URL without the object around it."""

    type: Literal["image_url"]
    image_url: Annotated[
        Annotated[str, Tag("@url")] | Annotated[ImageURL, Tag("@object")],
        Discriminator(_url_tag),
    ]

    @property
    def url(self) -> str:
        """The picture's URL."""
        return self.image_url if isinstance(self.image_url, str) else self.image_url.url

    @property
    def path(self) -> str:
        """The path of the URL in the part."""
        return "image_url" if isinstance(self.image_url, str) else "image_url.url"


class FileID(In):
    """An uploaded file."""

    file_id: Annotated[str, Field(max_length=64)]


class FilePart(In):
    """A picture to caption that was uploaded to `/v1/files`."""

    type: Literal["file"]
    file: FileID


Several = Field(min_length=1, fail_fast=True)
"""For a list that may not be empty and whose errors end at its first bad item."""


def _content_tag(value: Any) -> str:
    return "@text" if isinstance(value, str) else "@parts"


def _part_tag(value: Any) -> str | None:
    kind = value.get("type") if isinstance(value, dict) else getattr(value, "type", None)
    return f"@{kind[:MAX_TAG_CHARS]}" if isinstance(kind, str) else None


def _parts(kinds: str) -> Discriminator:
    return Discriminator(
        _part_tag,
        custom_error_type="part_type",
        custom_error_message=f"must be an object whose type is {kinds}",
    )


UserPart = Annotated[
    Annotated[TextPart, Tag("@text")]
    | Annotated[ImagePart, Tag("@image_url")]
    | Annotated[FilePart, Tag("@file")],
    _parts("'text', 'image_url' or 'file'"),
]
AnswerPart = Annotated[
    Annotated[TextPart, Tag("@text")] | Annotated[RefusalPart, Tag("@refusal")],
    _parts("'text' or 'refusal'"),
]
UserContent = Annotated[
    Annotated[str, Tag("@text")] | Annotated[list[UserPart], Tag("@parts"), Several],
    Discriminator(_content_tag),
]
TextContent = Annotated[
    Annotated[str, Tag("@text")] | Annotated[list[TextPart], Tag("@parts"), Several],
    Discriminator(_content_tag),
]
AnswerContent = Annotated[
    Annotated[str, Tag("@text")]
    | Annotated[list[AnswerPart], Tag("@parts"), Field(fail_fast=True)],
    Discriminator(_content_tag),
]
Name = Annotated[str, Field(max_length=MAX_NAME_CHARS)]


class SystemMessage(In):
    """Standing wishes for every caption of the conversation."""

    role: Literal["system", "developer"]
    content: TextContent
    name: Name | None = None


class UserMessage(In):
    """Pictures and words."""

    role: Literal["user"]
    content: UserContent
    name: Name | None = None


class _OfAnswer(BaseModel):
    """A part of an earlier answer; other servers and clients add fields of their own."""

    model_config = ConfigDict(extra="ignore", strict=True)


class FunctionCall(_OfAnswer):
    """A called function and its arguments: JSON, most often as text; for a custom tool any text."""

    name: str | None = None
    arguments: Any = None
    input: Any = None


class ToolCall(_OfAnswer):
    """A call of a tool in an earlier answer."""

    function: FunctionCall | None = None
    custom: FunctionCall | None = None


class AssistantMessage(In):
    """An earlier answer, of ours or of another model: its text and its tool calls."""

    role: Literal["assistant"]
    content: AnswerContent | None = None
    refusal: str | None = None
    tool_calls: Annotated[list[ToolCall], Field(max_length=MAX_TOOL_CALLS)] | None = None
    function_call: FunctionCall | None = None
    name: Name | None = None


class ToolMessage(In):
    """The result of a tool call."""

    role: Literal["tool", "function"]
    content: AnswerContent | None = None
    name: Name | None = None


def _role_tag(value: Any) -> str | None:
    role = value.get("role") if isinstance(value, dict) else getattr(value, "role", None)
    if not isinstance(role, str):
        return None
    same = {"developer": "system", "function": "tool"}
    return f"@{same.get(role, role)[:MAX_TAG_CHARS]}"


Message = Annotated[
    Annotated[SystemMessage, Tag("@system")]
    | Annotated[UserMessage, Tag("@user")]
    | Annotated[AssistantMessage, Tag("@assistant")]
    | Annotated[ToolMessage, Tag("@tool")],
    Discriminator(
        _role_tag,
        custom_error_type="message_role",
        custom_error_message=(
            "must be an object whose role is 'system', 'developer', 'user', 'assistant', 'tool' or "
            "'function'"
        ),
    ),
]
