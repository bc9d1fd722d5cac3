"""What docs/upstream.md lists of Python is still there, in the form that we need."""

import multiprocessing
from collections.abc import Callable
from functools import partial

import pytest

from tests.upstream.forms import has_attributes, says
from tests.upstream.listed import names


def names_semaphores() -> None:
    config = multiprocessing.current_process()._config  # type: ignore[attr-defined]
    assert config["semprefix"]
    says("multiprocessing.synchronize.SemLock", "_config['semprefix']")


CHECKS: dict[str, Callable[[], None]] = {
    "BaseProcess._config": names_semaphores,
    "QueueListener._thread": partial(has_attributes, "logging.handlers.QueueListener", "_thread"),
    "multiprocessing.resource_tracker": partial(
        says, "multiprocessing.resource_tracker.ResourceTracker", "multiprocessing.resource_tracker"
    ),
}


@pytest.mark.parametrize("name", names("Python"))
def test_python_still_has(name: str) -> None:
    CHECKS[name]()


def test_every_check_has_a_row() -> None:
    assert set(CHECKS) == set(names("Python"))
