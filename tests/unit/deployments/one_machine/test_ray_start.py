"""Ray that is not up in time is started anew; a start that cannot succeed ends in a sentence."""

import pytest
import ray

from caption_studio.deployments.one_machine import ray_start
from caption_studio.deployments.one_machine.config_file import StartFailed

SLOW = "The current node timed out during startup."


class Machine:
    """A machine on which Ray's first starts fail."""

    def __init__(self, failures: int) -> None:
        self.failures = failures
        self.running = 0
        self.ended = 0
        self.addresses: list[object] = []

    def init(self, *, address: str | None = None, **_: object) -> None:
        self.running += 1
        self.addresses.append(address)
        if self.failures:
            self.failures -= 1
            raise Exception(SLOW)

    def end_processes(self) -> None:
        self.ended += self.running
        self.running = 0


@pytest.fixture(autouse=True)
def no_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setattr(ray, "shutdown", lambda: None)


def start(monkeypatch: pytest.MonkeyPatch, machine: Machine) -> None:
    monkeypatch.setattr(ray, "init", machine.init)
    ray_start.start_ray(machine)  # type: ignore[arg-type]


def test_a_start_that_was_too_slow_is_tried_again_and_leaves_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    machine = Machine(failures=2)
    start(monkeypatch, machine)
    assert (machine.running, machine.ended) == (1, 2)
    assert capsys.readouterr().out.count(SLOW) == 2


def test_after_three_tries_the_reason_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine(failures=3)
    with pytest.raises(StartFailed, match=f"3 tries. {SLOW}"):
        start(monkeypatch, machine)
    assert machine.running == 0


def test_a_cluster_that_cannot_be_reached_is_tried_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "10.0.0.1:6379")
    machine = Machine(failures=1)
    with pytest.raises(Exception, match=SLOW):
        start(monkeypatch, machine)
    assert machine.ended == 0


def test_a_cluster_of_somebody_else_on_this_machine_is_not_joined(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    machine = Machine(failures=0)
    start(monkeypatch, machine)
    assert machine.addresses == ["local"]


def test_the_cluster_that_the_environment_names_is_joined(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "10.0.0.1:6379")
    machine = Machine(failures=0)
    start(monkeypatch, machine)
    assert machine.addresses == [None]
