"""A describer that can be broken from outside, while it serves.

A file in the folder that STAGE_FAULTS names, called as a fault of `FAULTS`, breaks the first
replica that comes across it: for good, as a broken device is.
"""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from caption_studio.deployments.describer import Describer, describer_deployment
from caption_studio.settings import Settings
from tests.service_app import FAULTS_VARIABLE

STEP, DROP, TEXT, HANG = "step", "drop", "text", "hang"
FAULTS = (STEP, DROP, TEXT, HANG)


class FaultyDescriber(Describer):
    """The service's own, but for what the faults replace."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        engine = self._engine
        break_when_told(engine._decoder, "step", STEP, fail)
        break_when_told(engine._decoder, "step", HANG, hang)
        break_when_told(engine._decoder, "drop", DROP, fail)
        break_when_told(type(engine._loaded), "text", TEXT, fail)


def fail() -> NoReturn:
    raise RuntimeError("CUDA error: device-side assert triggered")


def hang() -> None:
    time.sleep(3600)


def break_when_told(owner: Any, name: str, fault: str, broken: Callable[[], None]) -> None:
    """Have `owner.name` do what is broken once this replica has claimed the fault's file."""
    call = getattr(owner, name)
    told = Path(os.environ[FAULTS_VARIABLE]) / fault
    claimed = told.with_suffix(f".{os.getpid()}")

    def wrapped(*args: Any, **kwargs: Any) -> Any:
        if told.exists():
            told.rename(claimed)
        if claimed.exists():
            broken()
        return call(*args, **kwargs)

    setattr(owner, name, wrapped)


faulty_describer = describer_deployment.options(func_or_class=FaultyDescriber)
