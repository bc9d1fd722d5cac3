"""One load on one cluster of this machine: from nothing up, a node taken away, down to nothing.

The autoscaler, Serve, the gateway and the policy are real, describer and captioner stand-ins
(benchmarks/cluster). What each test asserts is another side of the same minute.
"""

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pytest

from benchmarks.cluster.hosted import Hosted, Sent, hosted, poisson
from tests.conftest import one_start_at_a_time

pytestmark = pytest.mark.cluster

PHASES = ((12, 1.0), (30, 9.0), (2, 1.0))
DRAIN_AT_S = 30.0
QUIET_S = 5.0
SETTLE_TIMEOUT_S = 150.0
SILENCE_S = 30.0

Line = dict[str, Any]


@dataclass(frozen=True)
class Minute:
    sent: Sent
    timeline: list[Line]

    def running(self, stage: str) -> list[int]:
        return [line[stage]["states"].get("RUNNING", 0) for line in self.timeline]

    def nodes(self, kind: str) -> list[int]:
        return [line["nodes"].get(kind, 0) for line in self.timeline]


@pytest.fixture(scope="module")
def minute(tmp_path_factory: pytest.TempPathFactory) -> Minute:
    log = tmp_path_factory.mktemp("cluster") / "log"
    with ExitStack() as stack:
        with one_start_at_a_time():
            host = stack.enter_context(hosted(log, to_zero=True, quiet_s=QUIET_S))
        arrivals_s = poisson(PHASES, seed=3)
        until_s = sum(seconds for seconds, _ in PHASES)
        sent = host.send(arrivals_s, until_s, {DRAIN_AT_S: "drain captioner"})
        wait_until(host, lambda line: set(line["nodes"]) == {"head", "gateway"})
        assert any("event" in line for line in host.timeline())
        timeline = host.timeline()
    return Minute(sent, timeline)


def wait_until(host: Hosted, settled: Callable[[Line], bool]) -> None:
    deadline_s = time.monotonic() + SETTLE_TIMEOUT_S
    while not settled(last := host.timeline()[-1]):
        if time.monotonic() > deadline_s:
            pytest.fail(f"the cluster did not settle: {last}")
        if time.monotonic() - last["monotonic_s"] > SILENCE_S:
            pytest.fail(f"the cluster's process says nothing any more since {last}")
        time.sleep(0.5)


def test_no_request_fails_on_the_way_up_down_or_when_a_node_is_taken_away(minute: Minute) -> None:
    assert len(minute.sent.samples) == len(minute.sent.arrivals_s) > 150
    assert minute.sent.failed == []


def test_a_request_to_sleeping_stages_is_held_while_they_and_their_nodes_come(
    minute: Minute,
) -> None:
    first, woken = minute.timeline[0], minute.sent.samples[0]
    assert set(first["nodes"]) == {"head", "gateway"}
    assert first["Describer"]["target"] == first["Captioner"]["target"] == 0
    up_s = next(
        line["monotonic_s"]
        for line in minute.timeline
        if line["Captioner"]["states"].get("RUNNING")
    )
    assert woken.ok
    assert minute.sent.start_s + woken.done_s > up_s - 1.0


def test_the_captioner_starts_with_the_describer(minute: Minute) -> None:
    woke = next(line for line in minute.timeline if line["Describer"]["target"])
    assert woke["Captioner"]["target"] >= 1
    assert not woke["Describer"]["states"].get("RUNNING")


def test_a_rush_brings_replicas_and_nodes(minute: Minute) -> None:
    assert max(minute.running("Captioner")) >= 3
    assert max(minute.nodes("captioner")) >= 2
    assert max(minute.nodes("describer")) == 1


def test_every_replica_is_on_a_node_of_its_stage(minute: Minute) -> None:
    for stage in ("Gateway", "Describer", "Captioner"):
        places = {
            tuple(place) for line in minute.timeline for place in line[stage]["places"].values()
        }
        assert {kind for _, kind in places} == {stage.lower()}


def test_a_drained_node_goes_and_its_replicas_come_back_elsewhere(minute: Minute) -> None:
    number, drained = next(
        (number, line["event"].split()[-1])
        for number, line in enumerate(minute.timeline)
        if "event" in line
    )
    before = minute.timeline[number]["Captioner"]["places"]
    on_it = {replica for replica, (node, _) in before.items() if node == drained}
    after = [line["Captioner"]["places"] for line in minute.timeline[number + 1 :]]
    assert on_it
    assert not any(node == drained for node, _ in after[-1].values())
    moved = next(places for places in after if not on_it & set(places))
    assert drained not in {node for node, _ in moved.values()}
    assert any(set(places) - set(before) for places in after)


def test_a_quiet_spell_takes_replicas_and_nodes_away(minute: Minute) -> None:
    last = minute.timeline[-1]
    assert last["Describer"]["target"] == last["Captioner"]["target"] == 0
    assert minute.running("Describer")[-1] == minute.running("Captioner")[-1] == 0
    assert last["nodes"] == {"head": 1, "gateway": 1}
    assert minute.running("Gateway")[-1] >= 1
