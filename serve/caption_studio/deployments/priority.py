"""Whose turn it is where all processors are busy: the model's, not that of who feeds it.

A gateway wakes for every piece of a request, and the kernel lets who wakes interrupt who runs:
on two cores the engine lost a tenth of its time and its caches to that (`chrt` on a running
service: 8 % more texts, 4 to 11 % more captions a second).
"""

import logging
import os
from contextlib import suppress
from pathlib import Path

logger = logging.getLogger(__name__)


def interrupt_nobody() -> None:
    """Have this process's threads wait for a free processor, or their turn, when they wake.

    That is Linux's `SCHED_BATCH` (sched(7)): the same share of time, and no privilege is needed.
    Threads and processes that are started later inherit it, those started before go on as they
    are; so a captioner starts its engine first. With a processor free nothing changes.
    """
    try:
        for thread in Path("/proc/self/task").iterdir():
            with suppress(ProcessLookupError):  # it has ended meanwhile
                os.sched_setscheduler(int(thread.name), os.SCHED_BATCH, os.sched_param(0))
    except PermissionError:
        logger.info("this container does not allow SCHED_BATCH; it works without")
