"""Who goes first when all CPUs are busy: the language model.

A gateway wakes for every piece of a request, and the kernel lets a waking thread preempt a running
one. On two cores this cost the engine a tenth of its CPU time, and its caches' contents (`chrt` on
a running service: 8 % more texts, 4 to 11 % more captions a second).
HAProxy wakes as often. Once it waited for its turn, too, our load client got 11 % more streamed
texts a second (5 to 16 %; 8 rounds in turn). vLLM's load client, which itself takes more of the
CPUs, got 3 % more (-2 to 9 %; 4 rounds).

A describer on a CPU keeps one core busy as long as pictures come, and a batch's come without end. A
caption is some 24 short steps of Falcon, and each of them may have to wait for that core. Beside a
batch on two cores, the callers' median fell by a sixth once the describer had less of it, and the
batch lost 5 % (`renice` on a running service, 6 rounds in turn).
"""

import logging
import os
from contextlib import suppress
from pathlib import Path

LESS = 5
"""Niceness (sched(7)): a third of the CPU time that a process of niceness 0 gets beside it."""

logger = logging.getLogger(__name__)


def interrupt_nobody() -> None:
    """Keep this process's threads from preempting others when they wake.

    It sets Linux's `SCHED_BATCH` (sched(7)): the same share of CPU time, and no privilege is
    needed. Threads and processes started later inherit it. Child processes started before keep
    their policy, so a captioner starts its engine first. With a free CPU nothing changes.
    """
    try:
        for thread in Path("/proc/self/task").iterdir():
            with suppress(ProcessLookupError):  # it has ended meanwhile
                os.sched_setscheduler(int(thread.name), os.SCHED_BATCH, os.sched_param(0))
    except OSError:  # a container forbids it, or another kernel does not know it
        logger.info("there is no SCHED_BATCH here; it works without")


def let_others_go_first() -> None:
    """Take less of a CPU that others want, too: this thread, and those that it starts later.

    No privilege is needed, but one to take it back.
    """
    os.nice(LESS)
