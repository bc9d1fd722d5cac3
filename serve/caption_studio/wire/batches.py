"""The body and the answers of /v1/batches.

Source: https://platform.openai.com/docs/api-reference/batch.
"""

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from caption_studio.errors import InvalidValue
from caption_studio.wire.files import MAX_KEEP_S, MIN_KEEP_S
from caption_studio.wire.json_body import JSONBody
from caption_studio.wire.messages import In
from caption_studio.wire.validate import json_object, validate

Endpoint = Literal["/v1/chat/completions", "/v1/completions", "/v1/responses"]
Status = Literal[
    "validating",
    "failed",
    "in_progress",
    "finalizing",
    "completed",
    "expired",
    "cancelling",
    "cancelled",
]

MAX_BATCHES = 100
"""Batches on one page of a list."""

BATCHES = 20
"""Batches on a page if the caller does not say."""

MAX_METADATA = 16


class ExpiresAfter(In):
    """How long the results are kept."""

    anchor: Literal["created_at"]
    seconds: Annotated[int, Field(ge=MIN_KEEP_S, le=MAX_KEEP_S)]


class BatchBody(In):
    """Body of `POST /v1/batches`."""

    endpoint: Endpoint
    input_file_id: Annotated[str, Field(max_length=64)]
    completion_window: Literal["24h"]
    metadata: (
        dict[Annotated[str, Field(max_length=64)], Annotated[str, Field(max_length=512)]] | None
    ) = None
    output_expires_after: ExpiresAfter | None = None


class BatchErrorObject(BaseModel):
    """Why a line of the input file is no request."""

    code: str
    line: int | None = None
    message: str
    param: str | None = None


class BatchErrors(BaseModel):
    """Why a batch failed."""

    object: Literal["list"] = "list"
    data: list[BatchErrorObject]


class RequestCounts(BaseModel):
    """Requests of a batch: all, answered with 200, answered otherwise."""

    total: int
    completed: int
    failed: int


class BatchObject(BaseModel):
    """A batch; times are seconds since 1970."""

    id: str
    object: Literal["batch"] = "batch"
    endpoint: str
    errors: BatchErrors | None = None
    input_file_id: str
    completion_window: Literal["24h"] = "24h"
    status: Status
    output_file_id: str | None = None
    error_file_id: str | None = None
    created_at: int
    in_progress_at: int | None = None
    expires_at: int
    finalizing_at: int | None = None
    completed_at: int | None = None
    failed_at: int | None = None
    expired_at: int | None = None
    cancelling_at: int | None = None
    cancelled_at: int | None = None
    request_counts: RequestCounts
    metadata: dict[str, str] | None = None


class BatchList(BaseModel):
    """Answer of `GET /v1/batches`: the newest first."""

    object: Literal["list"] = "list"
    data: list[BatchObject]
    first_id: str | None
    last_id: str | None
    has_more: bool


def parse_batch(body: bytes | JSONBody) -> BatchBody:
    """Read the body of `POST /v1/batches`. Raises `RequestError`."""
    asked = validate(BatchBody, json_object(body))
    if asked.metadata is not None and len(asked.metadata) > MAX_METADATA:
        raise InvalidValue(f"metadata may have at most {MAX_METADATA} fields.", param="metadata")
    return asked


def batch_list(batches: Sequence[BatchObject], *, has_more: bool) -> BatchList:
    """Return a page."""
    return BatchList(
        data=list(batches),
        first_id=batches[0].id if batches else None,
        last_id=batches[-1].id if batches else None,
        has_more=has_more,
    )
