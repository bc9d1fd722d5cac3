"""The process that the command's caller sees; it forwards signals to the one that serves.

A signal to the whole process group, which a terminal or `kill -- -PGID` sends, would end Ray's
processes and HAProxy in the middle of an answer. So all of them live in a session of their own, and
only this process is in the caller's group. If it is killed, the kernel sends SIGTERM to the process
that serves.

It imports little, because it lives as long as the service.
"""

import ctypes
import os
import signal
import sys
from collections.abc import Callable
from types import FrameType

FORWARDED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1)
KILLED_BASE = 128
"""A shell's exit status for a command ended by a signal is this plus the signal's number."""


def supervised(serve: Callable[[], str | None]) -> int:
    """Run `serve` in a process and a session of its own; return the exit status.

    `serve` returns the reason why it could not serve, which this process prints, or None.
    """
    supervisor = os.getpid()
    reader, writer = os.pipe()
    waiting = signal.pthread_sigmask(signal.SIG_BLOCK, FORWARDED)  # until both are prepared
    child = os.fork()
    if child == 0:
        os.close(reader)
        os._exit(_serve(serve, supervisor, writer, waiting))
    os.close(writer)
    previous = {number: signal.signal(number, _forward_to(child)) for number in FORWARDED}
    signal.pthread_sigmask(signal.SIG_SETMASK, waiting)
    try:
        with os.fdopen(reader) as reason:
            print(reason.read(), end="", file=sys.stderr)
        _, status = os.waitpid(child, 0)
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
    code = os.waitstatus_to_exitcode(status)
    if code < 0:
        print(f"The service was ended by {signal.Signals(-code).name}.", file=sys.stderr)
        return KILLED_BASE - code
    return code


def _serve(
    serve: Callable[[], str | None], supervisor: int, writer: int, mask: set[int | signal.Signals]
) -> int:
    os.setsid()
    end_with_parent(signal.SIGTERM)
    signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    if os.getppid() != supervisor:  # the supervisor died before the call above
        return 1
    try:
        reason = serve()
        if reason is not None:
            os.write(writer, f"{reason}\n".encode())
        return int(reason is not None)
    except BaseException:  # the edge of the process
        sys.excepthook(*sys.exc_info())
        return 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()


def _forward_to(child: int) -> Callable[[int, FrameType | None], None]:
    def forward(number: int, _: FrameType | None) -> None:
        os.kill(child, number)

    return forward


def end_with_parent(number: signal.Signals) -> None:
    """Have the kernel send this process a signal when its parent ends; on Linux only.

    The setting survives `execve`. Source: https://man7.org/linux/man-pages/man2/prctl.2.html
    """
    if sys.platform == "linux":
        set_parent_death_signal = 1
        ctypes.CDLL(None).prctl(set_parent_death_signal, int(number))
