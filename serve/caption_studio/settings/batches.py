"""Files that callers upload, and batches of requests that are answered when there is room."""

import re
from pathlib import Path
from typing import Self

from pydantic import Field, field_validator, model_validator

from caption_studio.settings.section import Section

_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*://")


class BatchSettings(Section):
    """Files that callers upload, and batches of requests: `/v1/files` and `/v1/batches`."""

    store: str | None = Field(
        "~/.local/share/caption-studio/files",
        validate_default=True,
        description="Where files and batches are kept: an absolute folder or an fsspec URL "
        "(`s3://bucket/folder`) that all gateways reach. Null turns these routes off.",
    )
    max_in_flight: int = Field(
        14,
        gt=0,
        le=1024,
        description="Requests of class `batch` inside one gateway replica on average: fewer while "
        "more callers than usual are there, and up to twice as many while fewer are. Also the "
        "places that each engine has for them beside those of callers online; never more than an "
        "engine answers together. More means more captions of batches a second, and slower steps "
        "for callers.",
    )
    max_file_bytes: int = Field(200 * 1024**2, gt=0, description="The largest uploaded file.")
    max_files: int = Field(1000, gt=0, description="Files of one API key, results included.")
    max_key_bytes: int = Field(
        2 * 1024**3,
        gt=0,
        description="All files of one API key together; at least `max_file_bytes`.",
    )
    max_batches: int = Field(50, gt=0, description="Batches of one API key that have not ended.")
    keep_days: int = Field(
        30,
        gt=0,
        le=3650,
        description="How many days files without an expiry of their own, and ended batches, are "
        "kept.",
    )

    @field_validator("store")
    @classmethod
    def _a_store_is_found_from_everywhere(cls, store: str | None) -> str | None:
        if store is None or _SCHEME.match(store):
            return store
        try:
            path = Path(store).expanduser()
        except RuntimeError as error:
            raise ValueError(
                "this user has no home folder: set batches.store to an absolute folder, "
                "a URL or null"
            ) from error
        if not path.is_absolute():
            raise ValueError("batches.store must be an absolute folder, a URL or null")
        return str(path)

    @model_validator(mode="after")
    def _a_whole_file_finds_room(self) -> Self:
        if self.max_key_bytes < self.max_file_bytes:
            raise ValueError("max_key_bytes must be at least max_file_bytes")
        return self
