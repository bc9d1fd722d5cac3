"""How far a build is, when it will be done, and what it costs: on standard error."""

import sys
import time
from types import TracebackType

from tqdm import tqdm

from caption_studio.training.dataset.teaching.prices import Prices, Spent

LINE_EVERY_S = 30.0
"""Between two lines in a log; a terminal has a bar instead."""


class Progress:
    """Counts captions: those that a teacher writes (`calls`), and those that were given.

    A context manager that holds the bar. What takes no time (an answer in the journal, a picture
    that is dropped) leaves the total, so that the time left is that of the others. `spent` is
    shown as it is counted elsewhere.
    """

    def __init__(
        self,
        captions: int,
        calls: int,
        prices: Prices,
        spent: Spent,
        *,
        line_every_s: float = LINE_EVERY_S,
    ) -> None:
        self._line_every_s = line_every_s
        self._calls_left = calls
        self._prices = prices
        self._spent = spent
        self._began_s = self._told_s = time.monotonic()
        self._bar = tqdm(
            total=captions, unit="caption", disable=not sys.stderr.isatty(), dynamic_ncols=True
        )
        self._done, self._total = 0, captions

    def __enter__(self) -> "Progress":
        """Return itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None
    ) -> None:
        """Close the bar."""
        self._bar.close()

    def answered(self, *, now: bool) -> None:
        """Count an answer of the teacher, given `now` or to an earlier command."""
        self._calls_left -= 1
        self._move(done=int(now), gone=int(not now))

    def unanswered(self) -> None:
        """Count a call without an answer."""
        self._calls_left -= 1
        self._move(done=1)

    def done(self) -> None:
        """Count a caption that was given."""
        self._move(done=1)

    def dropped(self, captions: int, calls: int) -> None:
        """Expect so many captions and calls less."""
        self._calls_left -= calls
        self._move(gone=captions)

    def _move(self, *, done: int = 0, gone: int = 0) -> None:
        self._done += done
        self._total -= gone
        self._bar.total = self._total
        is_taught = self._calls_left or self._spent.answers
        cost = self._prices.told(self._spent, self._calls_left) if is_taught else ""
        self._bar.set_postfix_str(cost, refresh=False)
        self._bar.update(done)
        now_s = time.monotonic()
        if self._bar.disable and now_s - self._told_s > self._line_every_s:
            self._told_s = now_s
            elapsed_s = now_s - self._began_s
            line = tqdm.format_meter(
                self._done, self._total, elapsed_s, ncols=0, unit="caption", postfix=cost
            )
            print(line, file=sys.stderr, flush=True)
