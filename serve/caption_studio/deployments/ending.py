"""The end of a replica whose engine is of no more use, at once.

Its callers then learn that it is gone and ask another one, where they would wait for three failed
checks of its health otherwise; and Serve starts a new one.
"""

import logging
import multiprocessing
import os
from collections.abc import Generator
from contextlib import contextmanager

from caption_studio.errors import EngineDied
from caption_studio.observability import logging as studio_logging

HEALTH_CHECK_PERIOD_S = 2.0
"""How often Serve asks a replica: an engine without work is found broken by this."""

logger = logging.getLogger(__name__)


@contextmanager
def ending_with_the_engine() -> Generator[None]:
    """End this process if its engine is found dead, broken or hanging."""
    try:
        yield
    except EngineDied:
        logger.critical("the engine is of no more use; its replica ends", exc_info=True)
        for process in multiprocessing.active_children():  # an engine that hangs heeds no signal
            process.kill()
        studio_logging.flush()
        os._exit(1)
