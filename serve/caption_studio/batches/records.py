"""What is kept of files and batches, each record as one JSON value, and what callers see."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeVar

import msgspec

Purpose = Literal["batch", "batch_output", "vision", "user_data"]
BatchEnd = Literal["completed", "failed", "expired", "cancelled"]
BatchStatus = Literal["validating", "in_progress", "finalizing", "cancelling"] | BatchEnd

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFile:
    """A file of a caller. Times are seconds since 1970."""

    id: str
    bytes: int
    created_at: int
    expires_at: int
    filename: str
    purpose: Purpose


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchRequest:
    """A batch as it was asked for. `output_s`: how long its results are kept."""

    id: str
    owner: str
    endpoint: str
    input_file_id: str
    created_at: int
    expires_at: int
    output_s: int
    metadata: dict[str, str] | None = None


@dataclass(frozen=True, slots=True)
class LineError:
    """Why a line of an input file is no request; `line` is None for an error of the whole file."""

    code: str
    message: str
    line: int | None = None
    param: str | None = None


@dataclass(frozen=True, slots=True)
class Validated:
    """The input file was read: so many requests, or errors."""

    at: int
    total: int
    errors: tuple[LineError, ...] = ()


@dataclass(frozen=True, slots=True)
class Cancelled:
    """Somebody asked for the end."""

    at: int


@dataclass(frozen=True, slots=True)
class Ended:
    """A batch's end. `began_at` is when its results were begun to be written."""

    status: BatchEnd
    at: int
    began_at: int | None = None
    completed: int = 0
    failed: int = 0
    output_file_id: str | None = None
    error_file_id: str | None = None
    errors: tuple[LineError, ...] = ()


@dataclass(frozen=True, slots=True)
class Counts:
    """Requests that were answered with 200, and otherwise."""

    completed: int = 0
    failed: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(self.completed + other.completed, self.failed + other.failed)


def encoded(record: object) -> bytes:
    """Return a record as JSON."""
    return msgspec.json.encode(record)


def decoder(kind: type[T]) -> Callable[[bytes], T]:
    """Return the reader of a kind of record; fields that it does not know are left out."""
    return msgspec.json.Decoder(kind).decode
