"""What vLLM tells of its scheduler → CaptionerLoad.

vLLM adds its own Prometheus logger, dozens of observations a step, beside every other
logger but one of its class (StatLoggerManager, 0.32.0). So this is one that starts nothing of
it, and keeps the last numbers.
"""

from typing import Any

from vllm.v1.metrics.loggers import PrometheusStatLogger
from vllm.v1.metrics.stats import IterationStats, SchedulerStats

from caption_studio.counts import POWERS_OF_TWO, Counter
from caption_studio.records import CaptionerLoad

GAP_BOUNDS_S = (0.002, 0.004, 0.006, 0.008, 0.01, 0.015, 0.02, 0.03, 0.05, 0.1, 0.2, 0.5, 1.0, 5.0)
"""Falcon-7B on an H100 takes 4 ms at the least, a GPU that also reads prompts some 30."""


class EngineStats(PrometheusStatLogger):  # type: ignore[misc]  # vLLM is not followed
    """Keeps the engine's numbers, as far as we show them."""

    def __init__(self, vllm_config: Any, engine_indexes: list[int] | None = None) -> None:
        # Not the parent's: it makes and registers vLLM's metrics.
        self._latest = SchedulerStats()
        self._steps = Counter(POWERS_OF_TWO)
        self._gaps = Counter(GAP_BOUNDS_S)
        self._queried = self._hit = self._preemptions = 0

    def record(
        self,
        scheduler_stats: SchedulerStats | None,
        iteration_stats: IterationStats | None,
        mm_cache_stats: object = None,
        engine_idx: int = 0,
    ) -> None:
        """Take one step's numbers; vLLM calls it on the event loop."""
        if scheduler_stats is not None:
            self._latest = scheduler_stats
            self._queried += scheduler_stats.prefix_cache_stats.queries
            self._hit += scheduler_stats.prefix_cache_stats.hits
        if iteration_stats is not None:
            gaps = iteration_stats.inter_token_latencies_iter
            self._steps.add(len(gaps) + len(iteration_stats.time_to_first_tokens_iter))
            for gap_s in gaps:
                self._gaps.add(gap_s)
            self._preemptions += iteration_stats.num_preempted_reqs

    def load(self, unfinished: int) -> CaptionerLoad:
        """Return the numbers. `unfinished` sequences are known to whoever feeds the engine.

        The scheduler tells nothing between steps, so of what was aborted after the last one it
        would say for ever that it runs.
        """
        latest = self._latest
        running = min(latest.num_running_reqs, unfinished)
        return CaptionerLoad(
            running=running,
            waiting=unfinished - running,
            kv_cache_ratio=latest.kv_cache_usage if unfinished else 0.0,
            steps=self._steps.read(),
            token_gaps=self._gaps.read(),
            prefix_queried_tokens=self._queried,
            prefix_hit_tokens=self._hit,
            preemptions=self._preemptions,
        )

    def log_engine_initialized(self) -> None:
        """Say nothing."""

    def record_admission_rejection(self, reason: str) -> None:
        """Say nothing: vLLM refuses nobody here, its limits are not set."""

    def record_sleep_state(self, sleep: int = 0, level: int = 0) -> None:
        """Say nothing: our engines do not sleep."""
