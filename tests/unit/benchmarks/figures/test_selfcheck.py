import pytest

from benchmarks.figures.selfcheck import client_limits
from benchmarks.load.worker import Effort
from tests.unit.benchmarks.samples import answered

CALM = Effort(wall_s=10.0, cpu_share=0.3, lags_s=(0.001,) * 100, waited=0)


def late(due_s: float, by_s: float) -> object:
    sample = answered(due_s, 0.1)
    sample.sent_s = due_s + by_s
    return sample


def test_a_calm_client_is_not_the_limit() -> None:
    samples = [answered(float(i), 0.1) for i in range(100)]
    assert client_limits(samples, [CALM, CALM], ended_early=False) == []


@pytest.mark.parametrize(
    ("effort", "said"),
    [
        (Effort(10.0, 0.95, CALM.lags_s, 0), "95% of a core"),
        (Effort(10.0, 0.3, (0.001,) * 90 + (0.2,) * 10, 0), "event loop was late by 200 ms"),
        (Effort(10.0, 0.3, CALM.lags_s, 7), "7 requests waited"),
    ],
)
def test_one_busy_process_is_enough(effort: Effort, said: str) -> None:
    (reason,) = client_limits([answered(1.0, 0.1)], [CALM, effort], ended_early=False)
    assert said in reason


def test_late_sends_are_said() -> None:
    samples = [late(float(i), 0.05) for i in range(100)]
    (reason,) = client_limits(samples, [CALM], ended_early=False)
    assert "sent 50 ms late" in reason


def test_a_delay_that_is_small_beside_the_latencies_is_no_limit() -> None:
    samples = [late(float(i), 0.05) for i in range(100)]
    for sample in samples:
        sample.done_s = sample.scheduled_s + 5.0
    assert client_limits(samples, [CALM], ended_early=False) == []


def test_a_load_that_max_requests_ended_is_said() -> None:
    samples = [answered(float(i), 0.1) for i in range(10)]
    (reason,) = client_limits(samples, [CALM], ended_early=True)
    assert "max_requests" in reason
