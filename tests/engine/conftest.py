"""One process with vLLM for all tests of this folder: starting one takes half a minute."""

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Job:
    """Prompts for one engine, all of them in one batch; `adapter_of` is by prompt.

    Greedy, unless `sampling` (vLLM's names) says otherwise.
    """

    model: str
    prompts: Sequence[list[int]]
    adapter_of: Sequence[int | None]
    max_tokens: int
    adapters: Sequence[str] = ()
    options: dict[str, Any] = field(default_factory=dict)
    sampling: dict[str, Any] = field(default_factory=dict)


class Refused(Exception):
    """What vLLM said when it would not start."""


class Engines:
    """Engines in a process of their own, one after the other.

    A job that differs from the one before in prompts and sampling alone has the same engine.
    """

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def run(self, job: Job) -> list[list[int]]:
        """Return the tokens of each prompt, or raise `Refused`."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(asdict(job)) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        if "error" in answer:
            raise Refused(answer["error"])
        return list(answer["tokens"])


@pytest.fixture(scope="session")
def engines() -> Iterator[Engines]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.engine.worker"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        yield Engines(process)
