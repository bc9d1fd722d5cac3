"""The policy's promises, over time, in a world whose engines are not as it assumes."""

import math
from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise

import pytest

from caption_studio.scaling.load import CAPTIONER, DESCRIBER, GATEWAY, STAGES, Load, Room
from caption_studio.scaling.policy import Memory, decide
from tests.unit.scaling.world import SETTINGS, STAGE, Stage, run, series

Loads = Mapping[str, Load]


def held(loads: Loads, seconds: int) -> dict[str, list[int]]:
    """Return the targets of each second if every load stays as it is but for its target."""
    targets = {name: load.target for name, load in loads.items()}
    memories: dict[str, Memory] = {}
    history: dict[str, list[int]] = {name: [] for name in loads}
    for now_s in range(seconds):
        now = {name: replace(load, target=targets[name]) for name, load in loads.items()}
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
    assert sum(after != before for before, after in pairwise(settled)) <= 1
    assert 8 <= min(settled) <= max(settled) <= 11


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


def test_half_of_the_reports_stand_for_the_others() -> None:
    quiet = Load(3, 3, 0, 9, ongoing=4.0, asked_per_s=0.1, finished_per_s=0.1, heard=0.5)
    assert held({CAPTIONER: quiet}, 900)[CAPTIONER][-1] == 2
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


def gateways(room: Room, cpus: float = 0.4, heard: float = 1.0, running: int = 2) -> Load:
    return Load(running, running, 2, 50, 9.0, 9.0, 9.0, cpus, room=room, heard=heard)


@pytest.mark.parametrize(
    ("room", "expected"),
    [
        (Room(loop_cpus=1.9), 3),
        (Room(bytes_share=1.9), 3),
        (Room(in_flight=980.0, places=512), 3),
        (Room(in_flight=500.0, places=512), 2),
    ],
)
def test_gateways_grow_for_a_full_loop_for_bytes_and_for_places(room: Room, expected: int) -> None:
    """The stage's replicas are to have 1,000 requests: it is the gateways that lack room."""
    stage = Load(100, 100, 0, 100, ongoing=900.0)
    assert held({GATEWAY: gateways(room), CAPTIONER: stage}, 60)[GATEWAY][-1] == expected


def test_gateways_do_not_grow_for_requests_that_only_wait_for_a_stage() -> None:
    room = Room(in_flight=1024.0, places=512, full_share=1.0)
    waking = Load(4, 0, 0, 16, ongoing=1024.0)
    assert held({GATEWAY: gateways(room), CAPTIONER: waking}, 60)[GATEWAY][-1] == 2


def test_pictures_that_wait_to_be_decoded_need_gateways() -> None:
    waiting = gateways(Room(decoding=600.0), cpus=2.0)
    assert held({GATEWAY: waiting}, 60)[GATEWAY][-1] == 7


def test_pictures_that_wait_for_a_slow_host_need_no_gateways() -> None:
    """Else a host that stalls would bring the most gateways that there may be."""
    stalled = Load(2, 2, 2, 50, 900.0, 100.0, 0.1, cpus=0.4, room=Room(decoding=900.0))
    assert held({GATEWAY: stalled}, 60)[GATEWAY][-1] == 2


def rush(full_share: float) -> list[int]:
    """Return the captioners in a rush of which the gateways' 200 places let little in."""
    places, per_s, start_s, target = 200.0, 50.0, 60, 1
    memories: dict[str, Memory] = {}
    up_s, found = [-1.0], []
    for now_s in range(900):
        running = sum(at_s <= now_s for at_s in up_s)
        comes = 20.0 if now_s < 300 else 400.0
        let_in = min(comes, running * per_s)
        ongoing = places if comes > let_in else 0.2 * let_in
        room = Room(in_flight=ongoing, places=100, full_share=full_share * (comes > let_in))
        loads = {
            GATEWAY: gateways(room),
            CAPTIONER: Load(target, running, 0, 16, ongoing, let_in, let_in),
        }
        decided = decide(loads, memories, SETTINGS, float(now_s))
        memories = {name: decision.memory for name, decision in decided.items()}
        up_s += [now_s + start_s] * (decided[CAPTIONER].replicas - target)
        target = decided[CAPTIONER].replicas
        found.append(target)
    return found


def test_a_rush_that_is_refused_is_followed_in_two_starts() -> None:
    """What is let in is what the stages answer, so by the flow alone it would creep."""
    found = rush(1.0)
    assert found[299] == 1
    assert found[310] == 4
    assert found[300 + 60 + 20] >= 8
    assert rush(0.0)[300 + 60 + 20] < 8


def test_a_stage_whose_answers_are_unheard_is_not_slow() -> None:
    def stage(answered: float, share: float) -> Load:
        return Load(2, 2, 0, 16, 10.0, 40.0, answered, answers_heard=share)

    memories: dict[str, Memory] = {}
    for now_s in range(600):
        load = stage(40.0, 0.5) if 300 <= now_s < 400 else stage(40.0, 1.0)
        decision = decide({CAPTIONER: load}, memories, SETTINGS, float(now_s))[CAPTIONER]
        memories = {CAPTIONER: decision.memory}
        assert decision.replicas <= 2


@pytest.mark.parametrize("step_s", [-1e6, -600.0, -0.5, 1e6])
def test_a_clock_that_is_set_ends_neither_learning_nor_windows(step_s: float) -> None:
    memories: dict[str, Memory] = {}
    target = 9
    load = Load(9, 9, 0, 99, 9.0, 90.0, 90.0)
    for number in range(400):
        now_s = 1e6 + number + (step_s if number >= 60 else 0.0)
        now = replace(load, target=target)
        decision = decide({CAPTIONER: now}, memories, SETTINGS, now_s)[CAPTIONER]
        memories = {CAPTIONER: decision.memory}
        target = decision.replicas
        if number == 90:
            assert target == 9
            load = replace(load, finished_per_s=45.0)
    below = memories[CAPTIONER].capacity.below
    assert below is not None
    assert below.latency_s == pytest.approx(0.2, rel=0.01)
    assert target < 9
