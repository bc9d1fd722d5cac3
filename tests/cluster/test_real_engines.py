"""The embedded models' real engines on a cluster: each stage on its own node, once it is woken."""

from pathlib import Path

import pytest

from benchmarks.cluster.hosted import hosted, poisson

pytestmark = [pytest.mark.cluster, pytest.mark.slow]

PHASES = ((2, 1.0), (48, 1.0))
QUIET_S = 60.0


def test_captions_come_from_engines_on_different_nodes_that_the_first_request_woke(
    tmp_path: Path,
) -> None:
    with hosted(tmp_path / "log", to_zero=True, quiet_s=QUIET_S, embedded=True) as host:
        sent = host.send(poisson(PHASES, seed=5), sum(seconds for seconds, _ in PHASES))
        timeline = host.timeline()
    first, last = timeline[0], timeline[-1]
    assert first["Describer"]["target"] == first["Captioner"]["target"] == 0
    assert sent.failed == []
    assert len(sent.samples) > 30
    places = {
        stage: {tuple(place) for place in last[stage]["places"].values()}
        for stage in ("Gateway", "Describer", "Captioner")
    }
    for stage, on in places.items():
        assert {kind for _, kind in on} == {stage.lower()}
    assert not {node for node, _ in places["Describer"]} & {node for node, _ in places["Captioner"]}
