"""The items of a response's `input` as pydantic models.

Source: https://platform.openai.com/docs/api-reference/responses/create. An item may be one of our
own answers sent back, so fields that only describe it (`id`, `status`, `annotations` …) are
ignored. Tool calls and their outputs are read as text. Other kinds of items are refused by name.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, Tag

from caption_studio.wire.passed_over import part_without_passed_over


class _Item(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True)


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class InputText(_Item):
    """Words: a wish for the caption, or a part of a conversation."""

    type: Literal["input_text"]
    text: str


class InputImage(_Part):
    """A picture to caption: data URL, http(s) URL, or the id of an uploaded file."""

    type: Literal["input_image"]
    image_url: str | None = None
    file_id: Annotated[str, Field(max_length=64)] | None = None


class OutputText(_Item):
    """Words of an earlier answer."""

    type: Literal["output_text"]
    text: str


class Refusal(_Item):
    """An earlier answer that refused."""

    type: Literal["refusal"]
    refusal: str


def _tag(value: Any, field: str) -> str | None:
    kind = value.get(field) if isinstance(value, dict) else getattr(value, field, None)
    return f"@{kind}" if isinstance(kind, str) else None


def _part_tag(value: Any) -> str | None:
    return _tag(value, "type")


def _content_tag(value: Any) -> str:
    return "@text" if isinstance(value, str) else "@parts"


def _parts_of(union: Any) -> Any:
    return Annotated[
        Annotated[str, Tag("@text")] | Annotated[list[union], Tag("@parts"), Field(fail_fast=True)],
        Discriminator(_content_tag),
    ]


UserPart = Annotated[
    Annotated[InputText, Tag("@input_text")]
    | Annotated[InputImage, BeforeValidator(part_without_passed_over), Tag("@input_image")],
    Discriminator(
        _part_tag,
        custom_error_type="part_type",
        custom_error_message="Must be an object whose type is 'input_text' or 'input_image'",
    ),
]
AssistantPart = Annotated[
    Annotated[OutputText, Tag("@output_text")]
    | Annotated[InputText, Tag("@input_text")]
    | Annotated[Refusal, Tag("@refusal")],
    Discriminator(
        _part_tag,
        custom_error_type="part_type",
        custom_error_message="Must be an object whose type is 'output_text' or 'refusal'",
    ),
]


class UserItem(_Item):
    """Pictures and words."""

    role: Literal["user"]
    content: _parts_of(UserPart)  # type: ignore[valid-type]


class SystemItem(_Item):
    """Standing wishes."""

    role: Literal["system", "developer"]
    content: _parts_of(InputText)  # type: ignore[valid-type]


class AssistantItem(_Item):
    """An earlier answer, in its full or its short form."""

    role: Literal["assistant"]
    content: _parts_of(AssistantPart)  # type: ignore[valid-type]


class CallItem(_Item):
    """A tool call in an earlier answer of another service."""

    type: Literal["function_call", "custom_tool_call"]
    name: str
    arguments: str = ""
    input: str = ""


class ToolText(_Item):
    """Words of a tool's output; `text` is MCP's name of the type."""

    type: Literal["input_text", "output_text", "text"]
    text: str


class CallOutputItem(_Item):
    """The output of a tool."""

    type: Literal["function_call_output", "custom_tool_call_output"]
    output: _parts_of(ToolText)  # type: ignore[valid-type]


class ReasoningItem(_Item):
    """The reasoning of another model; ignored."""

    type: Literal["reasoning"]


_ROLES = {"user": "@user", "system": "@system", "developer": "@system", "assistant": "@assistant"}
_TYPES = {
    "function_call": "@call",
    "custom_tool_call": "@call",
    "function_call_output": "@output",
    "custom_tool_call_output": "@output",
    "reasoning": "@reasoning",
}


def _item_tag(value: Any) -> str | None:
    kind, role = (_tag(value, field) or "@message" for field in ("type", "role"))
    if kind == "@message":
        return _ROLES.get(role.removeprefix("@"))
    return _TYPES.get(kind.removeprefix("@"))


Item = Annotated[
    Annotated[UserItem, Tag("@user")]
    | Annotated[SystemItem, Tag("@system")]
    | Annotated[AssistantItem, Tag("@assistant")]
    | Annotated[CallItem, Tag("@call")]
    | Annotated[CallOutputItem, Tag("@output")]
    | Annotated[ReasoningItem, Tag("@reasoning")],
    Discriminator(
        _item_tag,
        custom_error_type="item_type",
        custom_error_message=(
            "Must be a message of a user, system, developer or assistant, a function call or its "
            "output"
        ),
    ),
]
Input = Annotated[
    Annotated[str, Tag("@text")]
    | Annotated[list[Item], Tag("@items"), Field(min_length=1, fail_fast=True)],
    Discriminator(lambda value: "@text" if isinstance(value, str) else "@items"),
]
