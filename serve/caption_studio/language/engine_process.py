"""The process of vLLM's engine, started before vLLM itself is imported.

vLLM starts that process when it has been imported and has read the model's configuration; the new
process then imports the same again, which takes as long. Started here, both import side by side,
and vLLM finds the process running.

This module does not import vLLM.
"""

import atexit
import os
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager, suppress
from importlib import import_module
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from typing import Any

from caption_studio.gc_pause import no_collections

MODULES = (
    "vllm.v1.engine.core",
    "vllm.v1.worker.cpu_worker",
    "caption_studio.language.vllm_plugins.falcon_model",
)
"""What the engine imports in any case, most of it below the first."""


class EarlyProcess(SpawnProcess):
    """A process that runs already and waits for its target; `start` gives it that.

    vLLM treats it as one of those that it starts itself. If this process ends before `start`, so
    does the other.
    """

    def __init__(self, modules: tuple[str, ...] = MODULES) -> None:
        """Start the process, which imports these modules. It has the environment of now."""
        receiver, sender = Pipe(duplex=False)
        super().__init__(target=_run_what_comes, args=(receiver, modules))
        super().start()
        receiver.close()
        # Not before: the new process gets a copy of all attributes, and would hold its own pipe.
        self._sender = sender
        # multiprocessing waits for this process when the other ends, and it waits for the pipe.
        atexit.register(sender.close)
        self._call: tuple[Callable[..., object], Mapping[str, Any]] | None = None

    def give(self, target: Callable[..., object], kwargs: Mapping[str, Any]) -> None:
        """Set what `start` will have the process call."""
        self._call = target, kwargs

    def start(self) -> None:
        """Have the process take over this one's environment and call its target.

        Raises `BrokenPipeError` if the process has ended, which it does if an import fails.
        """
        if self._call is None:
            raise ValueError("the process has been given no target")
        self._sender.send((dict(os.environ), *self._call))
        self._sender.close()


def _run_what_comes(receiver: Connection, modules: tuple[str, ...]) -> None:
    with no_collections():
        for name in modules:
            import_module(name)
    with suppress(EOFError):  # the other process ended before it needed this one
        environment, target, kwargs = receiver.recv()
        receiver.close()
        os.environ.update(environment)
        target(**kwargs)


class _Context:
    """Stands for a context of multiprocessing; vLLM asks it for one process."""

    def __init__(self, process: EarlyProcess) -> None:
        self._process = process

    def Process(  # its name in multiprocessing
        self, *, target: Callable[..., object], name: str, kwargs: Mapping[str, Any]
    ) -> EarlyProcess:
        self._process.name = name
        self._process.give(target, kwargs)
        return self._process


@contextmanager
def engine_runs_in(process: EarlyProcess | None) -> Generator[None]:
    """Let vLLM use this process for the engine that it makes meanwhile; None changes nothing."""
    if process is None:
        yield
        return
    from vllm.v1.engine import utils  # the module that starts the engine's process

    original = utils.get_mp_context
    utils.get_mp_context = lambda: _Context(process)
    try:
        yield
    finally:
        utils.get_mp_context = original
