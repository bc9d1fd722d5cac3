"""The answers that a stage's replica gives, counted for the scaling of its stage."""

from collections.abc import Generator
from contextlib import contextmanager
from functools import cached_property

from caption_studio.observability.work import FINISHED, Work


class Working:
    """Base of the stages' deployments."""

    async def record_autoscaling_stats(self) -> dict[str, float]:
        """Return what Serve's controller hands to `scaling.JointPolicy`."""
        return self._work.counters(FINISHED)

    @contextmanager
    def _working(self) -> Generator[None]:
        """Count a request as finished at its end, even if it failed."""
        try:
            yield
        finally:
            self._work.count(FINISHED)

    @cached_property
    def _work(self) -> Work:
        return Work()
