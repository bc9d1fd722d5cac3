"""Ids of files and batches, which sort by the time of their creation, and owners."""

import hashlib
import re
import secrets
from collections.abc import Iterable

FILE_ID = re.compile(r"file-[0-9a-f]{24}")
BATCH_ID = re.compile(r"batch_[0-9a-f]{24}")
OWNER = re.compile(r"anonymous|[0-9a-f]{32}")
NOBODY = "anonymous"
"""The owner of what is created where no keys are configured."""

RESULT_KINDS = ("output", "error")
"""The result files that a batch may have."""

TIME_DIGITS = 11
"""Hexadecimal digits of the milliseconds since 1970: enough for 500 years."""


def new_file_id(now_s: float) -> str:
    """Return a new id of a file."""
    return f"file-{_new(now_s)}"


def new_batch_id(now_s: float) -> str:
    """Return a new id of a batch."""
    return f"batch_{_new(now_s)}"


def result_file_id(batch_id: str, kind: str) -> str:
    """Return the id of a batch's output or error file: the same, whoever computes it."""
    digits = batch_id.removeprefix("batch_")
    random = hashlib.sha256(f"{kind} of {batch_id}".encode()).hexdigest()
    return f"file-{digits[:TIME_DIGITS]}{random[: 24 - TIME_DIGITS]}"


def result_file_ids(batch_ids: Iterable[str]) -> set[str]:
    """Return the ids of all result files that some batches may have."""
    return {result_file_id(one, kind) for one in batch_ids for kind in RESULT_KINDS}


def created_at_s(an_id: str) -> float:
    """Return when an id was made."""
    return int(re.split("[-_]", an_id)[1][:TIME_DIGITS], 16) / 1000


def owner_of(name: str | None, digest: bytes) -> str:
    """Return the owner that an API key stands for: its name's, else its own.

    So a key that replaces another under its name has the same files. The owner does not tell the
    key or its name.
    """
    who = f"key {digest.hex()}" if name is None else f"name {name}"
    return hashlib.sha256(f"caption-studio files of {who}".encode()).hexdigest()[:32]


def _new(now_s: float) -> str:
    return f"{int(now_s * 1000):0{TIME_DIGITS}x}{secrets.token_hex(7)[: 24 - TIME_DIGITS]}"
