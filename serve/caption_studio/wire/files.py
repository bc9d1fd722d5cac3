"""The form and the answers of /v1/files.

Source: https://platform.openai.com/docs/api-reference/files.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, cast, get_args

from pydantic import BaseModel

from caption_studio.errors import (
    AboveMaximum,
    BelowMinimum,
    InvalidType,
    InvalidValue,
    MissingParameter,
    UnknownParameter,
)

UploadPurpose = Literal["batch", "vision", "user_data"]
Purpose = UploadPurpose | Literal["batch_output"]

MIN_KEEP_S = 3600
MAX_KEEP_S = 30 * 24 * 3600
"""OpenAI's limits of `expires_after.seconds`."""

MAX_FILENAME_CHARS = 255
MAX_FILES = 10_000
"""Files on one page of a list."""

_ANCHOR, _SECONDS = "expires_after[anchor]", "expires_after[seconds]"


class FileObject(BaseModel):
    """A file; `user_data` and `vision` are pictures, which requests name by the id."""

    id: str
    object: Literal["file"] = "file"
    bytes: int
    created_at: int
    expires_at: int
    filename: str
    purpose: Purpose
    status: Literal["processed"] = "processed"
    status_details: None = None


class FileList(BaseModel):
    """Answer of `GET /v1/files`."""

    object: Literal["list"] = "list"
    data: list[FileObject]
    first_id: str | None
    last_id: str | None
    has_more: bool


class FileDeleted(BaseModel):
    """Answer of `DELETE /v1/files/{file_id}`."""

    id: str
    object: Literal["file"] = "file"
    deleted: Literal[True] = True


@dataclass(frozen=True, slots=True)
class AskedFile:
    """The fields of an upload. `keep_s`: None for the service's own time."""

    purpose: UploadPurpose
    keep_s: int | None


@dataclass(frozen=True, slots=True)
class Page:
    """Which part of a list is asked for."""

    limit: int
    after: str | None = None
    newest_first: bool = True
    purpose: str | None = None


def parse_file_fields(fields: Mapping[str, str]) -> AskedFile:
    """Read the fields beside the file. Raises `RequestError`."""
    for name in fields:
        if name not in ("purpose", _ANCHOR, _SECONDS):
            raise UnknownParameter(f"Unrecognized request argument supplied: {name}.", param=name)
    if "purpose" not in fields:
        raise MissingParameter("Missing required parameter: purpose.", param="purpose")
    known = get_args(UploadPurpose)
    if fields["purpose"] not in known:
        raise InvalidValue(f"purpose must be one of {', '.join(known)}.", param="purpose")
    keep_s = None
    if _ANCHOR in fields or _SECONDS in fields:
        if fields.get(_ANCHOR) != "created_at":
            raise InvalidValue("The anchor must be created_at.", param="expires_after.anchor")
        text = fields.get(_SECONDS, "")
        keep_s = checked_number(text, "expires_after.seconds", MIN_KEEP_S, MAX_KEEP_S)
    return AskedFile(cast(UploadPurpose, fields["purpose"]), keep_s)


def parse_file_page(query: Mapping[str, str]) -> Page:
    """Read the query of `GET /v1/files`. Raises `RequestError`."""
    order = query.get("order", "desc")
    if order not in ("asc", "desc"):
        raise InvalidValue("order must be asc or desc.", param="order")
    return Page(
        page_limit(query, MAX_FILES, MAX_FILES),
        query.get("after"),
        order == "desc",
        query.get("purpose"),
    )


def page_limit(query: Mapping[str, str], default: int, most: int) -> int:
    """Return the query's `limit`. Raises `RequestError`."""
    text = query.get("limit")
    return default if text is None else checked_number(text, "limit", 1, most)


def checked_number(text: str, param: str, least: int, most: int) -> int:
    """Return a whole number that came as text. Raises `RequestError` out of its bounds."""
    if not (text.removeprefix("-").isascii() and text.removeprefix("-").isdigit()):
        raise InvalidType(f"{param} must be a whole number.", param=param)
    digits = len(str(most)) + 2
    number = int(text[:digits])
    if number < least:
        raise BelowMinimum(f"{param} must be at least {least}.", param=param)
    if number > most:
        raise AboveMaximum(f"{param} must be at most {most}.", param=param)
    return number


def file_list(files: Sequence[FileObject], *, has_more: bool) -> FileList:
    """Return a page."""
    return FileList(
        data=list(files),
        first_id=files[0].id if files else None,
        last_id=files[-1].id if files else None,
        has_more=has_more,
    )
