"""A client's own program, run to its end. Standard library only, as checks.py."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

TIMEOUT_S = 190
"""Four runs fit into the time that the harness gives a script."""

OFFLINE = {"HF_HUB_OFFLINE": "1"}
ERROR = re.compile(r"\b\w*(Error|ERROR)\b.*: ")


def program(name: str) -> str:
    """Return the path of a program that is installed beside this Python."""
    return str(Path(sys.executable).with_name(name))


def run(arguments: Sequence[str], environment: Mapping[str, str] = OFFLINE) -> None:
    """Run the program; raise `RuntimeError` with what went wrong unless it succeeds.

    It runs in a folder of its own, where some programs leave a log. `environment` is added to this
    process's, without its HF_HUB_OFFLINE.
    """
    inherited = {name: value for name, value in os.environ.items() if name != "HF_HUB_OFFLINE"}
    with tempfile.TemporaryDirectory() as folder:
        process = subprocess.Popen(
            arguments,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env={**inherited, **environment},
            process_group=0,
        )
        try:
            output, _ = process.communicate(timeout=TIMEOUT_S)
        except subprocess.TimeoutExpired as error:
            raise RuntimeError(f"no end after {TIMEOUT_S} s: {_cause(error.output)}") from None
        finally:
            _end_group(process.pid)
    if process.returncode:
        raise RuntimeError(_cause(output))


def _end_group(group: int) -> None:
    """End whatever the program left running."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)


def _cause(output: bytes | None) -> str:
    """Return the first line that names an error, else the last.

    Benchmarks of several processes repeat an error in others' words, and end with where the log is.
    """
    text = (output or b"").decode(errors="replace")
    sys.stderr.write(text)
    lines = text.strip().splitlines() or ["it said nothing"]
    return next((line.strip() for line in lines if ERROR.search(line)), lines[-1])
