"""Structure → nothing, or the error that says why the engine cannot obey it.

Each new schema is compiled first in a process of its own, which has limits and can be killed. If
vLLM compiled a hostile schema first, it would hold up all of vLLM's answers.
"""

import asyncio
import json
import signal
import subprocess
import sys
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from caption_studio.errors import (
    RETRY_AFTER_S,
    DeadlineExceeded,
    EngineFailure,
    InvalidValue,
    NotReady,
    Overloaded,
)
from caption_studio.records import Structure
from caption_studio.structure import reasons

PROGRAM = Path(__file__).with_name("compiler.py")

MAX_COMPILE_S = 0.5
"""CPU time. vLLM compiles the schema twice more, once on its caller's event loop."""

TIMEOUT_S = 30.0
"""Wall time of one process; its CPU time is less than three seconds, so the machine is at fault."""

BY_ITS_LIMITS = (signal.SIGXCPU, signal.SIGABRT, signal.SIGSEGV)
"""What ends a process at its limits of CPU time, of memory (Rust aborts) and of the stack."""

PROCESSES = 2
MAX_WAITING = 32
KNOWN = 512


class StructureCheck:
    """Checks schemas; caches the verdicts of the last `KNOWN`."""

    def __init__(self) -> None:
        self._verdicts: OrderedDict[str, str | None] = OrderedDict()
        self._running: dict[str, asyncio.Task[str | None]] = {}
        self._processes: ThreadPoolExecutor | None = None

    async def start(self) -> None:
        """Start the threads that wait for the processes."""
        self._processes = ThreadPoolExecutor(PROCESSES, thread_name_prefix="schema-check")

    async def close(self) -> None:
        """Stop checking; a running process ends by its own limits."""
        if self._processes is not None:
            self._processes.shutdown(wait=False, cancel_futures=True)
            self._processes = None

    async def check(self, structure: Structure) -> None:
        """Raise `InvalidValue` if the engine cannot obey it, `Overloaded` if too many wait."""
        schema = structure.schema
        if schema in self._verdicts:
            self._verdicts.move_to_end(schema)
            verdict = self._verdicts[schema]
        else:
            verdict = await asyncio.shield(self._run(schema))
        if verdict is not None:
            raise InvalidValue(f"The schema cannot be used: {verdict}.", param=structure.param)

    def _run(self, schema: str) -> "asyncio.Task[str | None]":
        """Return the task that checks the schema; concurrent callers with the same one share it."""
        if (running := self._running.get(schema)) is not None:
            return running
        if len(self._running) >= PROCESSES + MAX_WAITING:
            raise Overloaded("Too many schemas are being compiled.", retry_after_s=RETRY_AFTER_S)
        task = asyncio.create_task(self._compile(schema))
        self._running[schema] = task
        task.add_done_callback(lambda _: self._running.pop(schema, None))
        return task

    async def _compile(self, schema: str) -> str | None:
        if self._processes is None:
            raise NotReady("The service is starting.", retry_after_s=RETRY_AFTER_S)
        loop = asyncio.get_running_loop()
        verdict = await loop.run_in_executor(self._processes, compile_apart, schema)
        self._verdicts[schema] = verdict
        while len(self._verdicts) > KNOWN:
            self._verdicts.popitem(last=False)
        return verdict


def compile_apart(schema: str) -> str | None:
    """Compile the schema in a process of its own; return why that fails, or None. Blocking.

    Raises `DeadlineExceeded` or `EngineFailure` where the schema may not be at fault.
    """
    command = [sys.executable, "-I", str(PROGRAM)]
    try:
        ended = subprocess.run(
            command, input=schema.encode(), capture_output=True, timeout=TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise DeadlineExceeded("The schema was not checked in time.") from error
    if -ended.returncode in BY_ITS_LIMITS:
        return reasons.TOO_SLOW
    if ended.returncode:
        raise EngineFailure("The schema could not be checked.")
    verdict = json.loads(ended.stdout)
    if verdict["error"]:
        return reasons.reason_for(verdict["error"])
    return reasons.TOO_SLOW if verdict["cpu_s"] > MAX_COMPILE_S else None
