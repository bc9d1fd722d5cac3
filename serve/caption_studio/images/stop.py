"""A decode and those who wait for it: whether it shall stop, and its processor time so far.

Not here: who tells it to stop, and when (`workers.py`).
"""

import threading
import time

_CPUCLOCK_SCHED = 2
"""With a process's number it makes the id of its clock, as `clock_getcpuclockid(3)` would; Python
has that function for threads only. Source: Linux, include/linux/posix-timers_types.h."""


class Stopped(Exception):
    """The job was told to stop: nobody waits for its answer any more."""


class Stop:
    """Tells a job whether to stop, and how much processor time the job has had.

    The time is that of a thread, by default the caller's, and of a process that works for it.
    """

    def __init__(self, thread: int | None = None) -> None:
        self._told = threading.Event()
        self._clock = time.pthread_getcpuclockid(thread or threading.get_ident())
        self._began_s = _time_s(self._clock)
        self._process_clock: int | None = None
        self._process_s = 0.0

    def __call__(self) -> bool:
        """Return whether the job shall stop."""
        self._look_at_process()
        return self._told.is_set()

    def tell(self) -> None:
        """Make the job stop."""
        self._told.set()

    def follow(self, pid: int) -> None:
        """Count a process's time, too. After its end counts what it had at the last look."""
        self._process_clock = (~pid << 3) | _CPUCLOCK_SCHED

    def cpu_s(self) -> float:
        """Return how many seconds the job has had on a processor."""
        self._look_at_process()
        return max(0.0, _time_s(self._clock) - self._began_s) + self._process_s

    def _look_at_process(self) -> None:
        if self._process_clock is not None:
            self._process_s = max(self._process_s, _time_s(self._process_clock))


def _time_s(clock: int) -> float:
    """Return the time of a thread's or a process's clock, 0 if that is gone."""
    try:
        return time.clock_gettime(clock)
    except OSError:
        return 0.0
