"""A recorded trace's file → requests' times, and lengths of prompts and answers; pure.

Three forms, told apart by the file's ending:

- `.jsonl`: Mooncake's (FAST 2025), one request a line: `timestamp` in milliseconds,
  `input_length` and `output_length` in tokens, and `hash_ids`, the names of the prompt's blocks of
  512 tokens. Prompts whose first names are equal share that prefix.
- `.csv`: BurstGPT's (KDD 2025): columns `Timestamp` in seconds, `Request tokens` and
  `Response tokens`. Failed requests, which have no response tokens there, are left out.
- anything else: one number of seconds a line, no lengths.
"""

import csv
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

BLOCK_TOKENS = 512
"""Mooncake's tokens in each block except a prompt's last."""

_MILLISECONDS = 1000.0
Blocks = tuple[int, ...]


@dataclass(frozen=True)
class Trace:
    """Requests in the order of their times; the arrays are [requests].

    `input_tokens` and `output_tokens` are None if the file has no lengths, `blocks` if it does not
    say which prompts share a prefix.
    """

    times_s: NDArray[np.float64]
    input_tokens: NDArray[np.int64] | None = None
    output_tokens: NDArray[np.int64] | None = None
    blocks: tuple[Blocks, ...] | None = None


@dataclass(frozen=True)
class _Row:
    time_s: float
    input_tokens: int
    output_tokens: int
    blocks: Blocks = ()


def read_trace(path: Path) -> Trace:
    """Read a trace of one of the three forms.

    Raises:
        OSError: The file cannot be read.
        ValueError: It has another form; the message names the file and the line.
    """
    if path.suffix == ".jsonl":
        return _with_lengths(path, _mooncake(path))
    if path.suffix == ".csv":
        return _with_lengths(path, _burstgpt(path))
    times_s = np.loadtxt(path, dtype=np.float64, ndmin=1)
    return Trace(np.sort(times_s))


def _with_lengths(path: Path, read: Iterable[_Row]) -> Trace:
    rows = sorted(read, key=lambda row: row.time_s)
    if not rows:
        raise ValueError(f"{path} has no requests")
    has_blocks = any(row.blocks for row in rows)
    return Trace(
        np.array([row.time_s for row in rows]),
        np.array([row.input_tokens for row in rows]),
        np.array([row.output_tokens for row in rows]),
        tuple(row.blocks for row in rows) if has_blocks else None,
    )


def _mooncake(path: Path) -> Iterable[_Row]:
    with path.open() as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            try:
                value = json.loads(line)
                yield _row(
                    float(value["timestamp"]) / _MILLISECONDS,
                    int(value["input_length"]),
                    int(value["output_length"]),
                    tuple(int(name) for name in value.get("hash_ids") or ()),
                )
            except (ValueError, KeyError, TypeError) as error:
                raise ValueError(f"{path}, line {number}: no request of Mooncake's form") from error


def _burstgpt(path: Path) -> Iterable[_Row]:
    with path.open(newline="") as file:
        for number, value in enumerate(csv.DictReader(file), 2):
            try:
                output_tokens = int(value["Response tokens"])
                if output_tokens:
                    time_s, input_tokens = float(value["Timestamp"]), int(value["Request tokens"])
                    yield _row(time_s, input_tokens, output_tokens)
            except (ValueError, KeyError, TypeError) as error:
                raise ValueError(f"{path}, line {number}: no request of BurstGPT's form") from error


def _row(time_s: float, input_tokens: int, output_tokens: int, blocks: Blocks = ()) -> _Row:
    if input_tokens < 1 or output_tokens < 1 or not np.isfinite(time_s):
        raise ValueError("a length is below 1, or the time is no number")
    return _Row(time_s, input_tokens, output_tokens, blocks)
