"""Ctrl-C, SIGTERM and SIGHUP end a run in order: Ray is shut down, and what is done is kept."""

import signal
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stopped(KeyboardInterrupt):
    """A signal has come; `str` of it is the signal's name."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.status = 128 + number


@contextmanager
def stoppable() -> Generator[None]:
    """Raise `Stopped` at the first signal, and ignore the next ones, which would leave Ray running.

    A signal that is ignored when it begins, as SIGHUP under nohup, stays so.
    """
    before = {number: signal.getsignal(number) for number in STOP_SIGNALS}
    listen()
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def listen() -> None:
    """Set the handlers; again after `ray.init`, which sets one for SIGTERM that aborts."""
    for number in STOP_SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _stop)


def _stop(number: int, _: FrameType | None) -> None:
    for one in STOP_SIGNALS:
        signal.signal(one, signal.SIG_IGN)
    raise Stopped(number)
