"""End a replica at once when its engine is unusable.

Its callers then learn at once that it is gone and ask another replica; otherwise they would wait
for three failed health checks. Serve starts a new replica.
"""

import logging
import multiprocessing
import os
from collections.abc import Generator
from contextlib import contextmanager

from caption_studio.errors import EngineDied
from caption_studio.observability import logging as studio_logging

HEALTH_CHECK_PERIOD_S = 2.0
"""Interval of Serve's health checks, which detect a broken engine even when it is idle."""

logger = logging.getLogger(__name__)


@contextmanager
def ending_with_the_engine() -> Generator[None]:
    """End this process if its engine is found dead, broken or hanging."""
    try:
        yield
    except EngineDied:
        logger.critical("the engine is of no more use; its replica ends", exc_info=True)
        for process in multiprocessing.active_children():  # a hung engine handles no other signal
            process.kill()
        studio_logging.flush()
        os._exit(1)
