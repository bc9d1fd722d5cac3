"""The token rate of an engine's streams → how many tokens a stream gets at a time; pure."""

MAX_TOKENS_APART = 4
"""An answer keeps the number it starts with: with more, an engine that slows down would seem to
stop."""

WEIGHT = 0.05
"""Weight of the newest gap in the moving average: it spans some twenty outputs of all streams."""


class TokenPace:
    """A moving average of the time from one token of a stream to the next."""

    def __init__(self) -> None:
        self._gap_s: float | None = None

    def see(self, gap_s: float) -> None:
        """Add the time from one token to the next."""
        before_s = gap_s if self._gap_s is None else self._gap_s
        self._gap_s = before_s + WEIGHT * (gap_s - before_s)

    def tokens_in(self, interval_s: float) -> int:
        """Return how many tokens a stream gets in an interval: 1 to `MAX_TOKENS_APART`."""
        if not self._gap_s:
            return 1
        return max(1, min(MAX_TOKENS_APART, round(interval_s / self._gap_s)))
