"""A start that may fail because the machine is busy → tried anew, a few times."""

from collections.abc import Callable
from typing import TypeVar

from caption_studio.deployments.one_machine.config_file import StartFailed

TRIES = 3

T = TypeVar("T")


def tried(
    name: str,
    start: Callable[[], T],
    undo: Callable[[], None],
    failures: tuple[type[Exception], ...] = (Exception,),
) -> T:
    """Return what `start` returns; after one of the failures, `undo` it and try again.

    Raises `StartFailed` after the last try.
    """
    attempt = 0
    while True:
        attempt += 1
        try:
            return start()
        except failures as error:
            undo()
            if attempt == TRIES:
                message = f"{name} could not be started in {TRIES} tries. {error}"
                raise StartFailed(message) from error
            print(f"{name} is not up; trying again. {error}", flush=True)
