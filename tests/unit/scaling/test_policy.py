"""The policy's promises, over time, in a world whose engines are not as it assumes."""

import math
from collections.abc import Mapping

import pytest

from caption_studio.scaling.load import CAPTIONER, DESCRIBER, GATEWAY, STAGES, Load
from caption_studio.scaling.policy import Memory, decide
from tests.unit.scaling.world import SETTINGS, STAGE, Stage, run, series

Loads = Mapping[str, Load]


def held(loads: Loads, seconds: int) -> dict[str, list[int]]:
    """Return the targets of each second if every load stays as it is but for its target."""
    targets = {name: load.target for name, load in loads.items()}
    memories: dict[str, Memory] = {}
    history: dict[str, list[int]] = {name: [] for name in loads}
    for now_s in range(seconds):
        now = {
            name: Load(
                targets[name],
                load.running,
                load.min_replicas,
                load.max_replicas,
                load.ongoing,
                load.asked_per_s,
                load.finished_per_s,
                load.cpus,
                load.heard,
            )
            for name, load in loads.items()
        }
        decisions = decide(now, memories, SETTINGS, float(now_s))
        memories = {name: decision.memory for name, decision in decisions.items()}
        for name, decision in decisions.items():
            targets[name] = decision.replicas
            history[name].append(decision.replicas)
    return history


def test_a_steady_flow_holds_no_captioners_for_what_a_describer_could_do_at_most() -> None:
    history = run(lambda _: 90.0, 900, Stage(100, 1), Stage(64, 4))
    assert history[-1][DESCRIBER] == 1
    assert history[-1][CAPTIONER] == 2


@pytest.mark.parametrize(("captioner_per_s", "expected"), [(100, 4), (25, 14)])
def test_the_stages_ratio_is_learnt(captioner_per_s: float, expected: int) -> None:
    history = run(lambda _: 320.0, 1200, Stage(100, 4), Stage(captioner_per_s, 4))
    assert history[-1][DESCRIBER] == 4
    assert expected - 1 <= history[-1][CAPTIONER] <= expected + 2


def test_captioners_rise_with_the_describers_and_not_after_them() -> None:
    def rush(now_s: int) -> float:
        return 80.0 if now_s < 400 else 400.0

    history = run(rush, 460, Stage(100, 1, start_s=60), Stage(50, 2, start_s=60))
    rise_s = [
        next(s for s in range(400, 460) if history[s][name] > history[399][name])
        for name in (DESCRIBER, CAPTIONER)
    ]
    assert rise_s[1] <= rise_s[0] + STAGE.upscale_delay_s
    # Both stages were asked for at once, the captioners for all that the describers will let
    # through, although only 100 of 400 pictures a second have reached them yet.
    assert history[-1][CAPTIONER] >= 7


def test_a_wave_shorter_than_the_window_is_held_and_not_followed() -> None:
    """2.4 to 7.6 replicas over 120 s once gave 10, 3, 8 within 52 s."""

    def wave(now_s: int) -> float:
        return 10 * (5.0 - 2.6 * math.cos(2 * math.pi * now_s / 120))

    history = run(wave, 1500, Stage(1000, 1), Stage(10, 6))
    settled = series(history, CAPTIONER)[600:]
    assert len(set(settled)) == 1
    assert 8 <= settled[0] <= 11


def test_gateways_follow_their_cpus_and_not_the_requests_they_hold() -> None:
    holding = Load(2, 2, 2, 50, ongoing=4000.0, asked_per_s=1.0, finished_per_s=1.0, cpus=0.4)
    assert held({GATEWAY: holding}, 60)[GATEWAY][-1] == 2
    busy = Load(2, 2, 2, 50, ongoing=10.0, asked_per_s=100.0, finished_per_s=100.0, cpus=3.4)
    assert held({GATEWAY: busy}, 60)[GATEWAY][-1] == 4


def test_gateways_that_cannot_decode_all_that_comes_need_more_than_their_cpus_show() -> None:
    behind = Load(2, 2, 2, 50, ongoing=10.0, asked_per_s=300.0, finished_per_s=200.0, cpus=4.0)
    assert held({GATEWAY: behind}, 60)[GATEWAY][-1] == 6


def test_any_work_wakes_a_sleeper_at_once_and_the_captioner_with_the_describer() -> None:
    asleep = {
        GATEWAY: Load(1, 1, 1, 9, 1.0, 0.1, 0.1, 0.1),
        DESCRIBER: Load(0, 0, 0, 9, 1.0, 0.0, None),
        CAPTIONER: Load(0, 0, 0, 9, 0.0, 0.0, None),
    }
    first = {name: targets[0] for name, targets in held(asleep, 1).items()}
    assert first == {GATEWAY: 1, DESCRIBER: 1, CAPTIONER: 1}


def test_without_counters_it_goes_by_the_requests_in_progress() -> None:
    alone = {CAPTIONER: Load(2, 2, 0, 9, ongoing=35.0)}
    assert held(alone, 10)[CAPTIONER][-1] == 4
    woken = {DESCRIBER: Load(1, 1, 0, 9, ongoing=3.0), CAPTIONER: Load(0, 0, 0, 9, ongoing=0.0)}
    assert held(woken, 1)[CAPTIONER] == [1]


@pytest.mark.parametrize("unknown", [None, math.nan, math.inf, -1.0])
def test_what_is_not_known_is_left_alone(unknown: float | None) -> None:
    loads = {name: Load(3, 3, 0, 9, ongoing=unknown) for name in STAGES}
    for targets in held(loads, 900).values():
        assert set(targets) == {3}


def test_without_any_report_nothing_changes() -> None:
    lost = {
        name: Load(3, 3, 0, 9, ongoing=0.0, asked_per_s=0.0, cpus=0.0, heard=0.0) for name in STAGES
    }
    for targets in held(lost, 900).values():
        assert set(targets) == {3}


def test_half_of_the_reports_stand_for_the_others_but_stop_no_replica() -> None:
    idle = Load(3, 3, 0, 9, ongoing=1.0, asked_per_s=0.1, finished_per_s=0.1, heard=0.5)
    assert set(held({CAPTIONER: idle}, 900)[CAPTIONER]) == {3}
    busy = Load(3, 3, 0, 9, ongoing=25.0, heard=0.5)
    assert held({CAPTIONER: busy}, 60)[CAPTIONER][-1] == 5


@pytest.mark.parametrize("ongoing", [0.0, 3.0, 1e9])
def test_bounds_hold_whatever_the_load(ongoing: float) -> None:
    loads = {name: Load(9, 2, 1, 3, ongoing, ongoing, ongoing, ongoing) for name in STAGES}
    for targets in held(loads, 400).values():
        assert all(1 <= replicas <= 3 for replicas in targets)


def test_an_idle_stage_goes_to_one_and_then_to_none() -> None:
    idle = {DESCRIBER: Load(5, 5, 0, 9, 0.0, 0.0, 0.0)}
    targets = held(idle, 400)[DESCRIBER]
    assert targets[int(STAGE.downscale_delay_s) - 1] == 5
    assert targets[int(STAGE.downscale_delay_s) + 1] == 1
    assert targets[int(STAGE.to_zero_delay_s) - 1] == 1
    assert targets[int(STAGE.to_zero_delay_s) + 1] == 0
