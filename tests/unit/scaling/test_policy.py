"""The policy's promises, over time: `run` asks it once a second, as Serve would."""

import math
import random
from collections.abc import Callable, Mapping

import pytest

from caption_studio.scaling.policy import (
    CAPTIONER,
    DESCRIBER,
    GATEWAY,
    STAGES,
    Decision,
    Load,
    decide,
)
from caption_studio.settings import ScalingSettings, StageScaling

STAGE = StageScaling(
    target_ongoing=10, upscale_delay_s=5, downscale_delay_s=60, to_zero_delay_s=120
)
SETTINGS = ScalingSettings(
    gateway=STAGE, describer=STAGE, captioner=STAGE, captioners_per_describer=3
)
NO_DELAY = SETTINGS.model_copy(
    update={"captioner": STAGE.model_copy(update={"upscale_delay_s": 0.0})}
)
Ongoing = Mapping[str, float | None]


def run(
    ongoing: Callable[[int], Ongoing],
    seconds: int,
    start: Mapping[str, int] | None = None,
    bounds: tuple[int, int] = (0, 20),
) -> list[dict[str, int]]:
    targets = dict(start or dict.fromkeys(STAGES, 1))
    decisions: dict[str, Decision] = {}
    history = []
    for now_s in range(seconds):
        loads = {
            name: Load(ongoing(now_s)[name], targets[name], targets[name], *bounds)
            for name in STAGES
        }
        wishes = {name: decision.wish for name, decision in decisions.items()}
        decisions = decide(loads, wishes, SETTINGS, float(now_s))
        targets = {name: decision.replicas for name, decision in decisions.items()}
        history.append(targets)
    return history


def loads(gateway: float | None, describer: float | None, captioner: float | None) -> Ongoing:
    return {GATEWAY: gateway, DESCRIBER: describer, CAPTIONER: captioner}


def series(history: list[dict[str, int]], name: str) -> list[int]:
    return [targets[name] for targets in history]


def test_each_scales_on_its_own_signal() -> None:
    assert run(lambda _: loads(35, 1, 1), 10)[-1] == {GATEWAY: 4, DESCRIBER: 1, CAPTIONER: 1}
    assert run(lambda _: loads(1, 1, 35), 10)[-1] == {GATEWAY: 1, DESCRIBER: 1, CAPTIONER: 4}


def test_the_captioner_rises_with_the_describers_load_before_it_has_any_itself() -> None:
    history = run(lambda _: loads(0, 20, 0), 20)
    assert history[-1][DESCRIBER] == 2
    assert history[-1][CAPTIONER] == 6
    rises_at_s = [series(history, DESCRIBER).index(2), series(history, CAPTIONER).index(6)]
    assert rises_at_s[1] - rises_at_s[0] <= SETTINGS.captioner.upscale_delay_s + 1


def test_what_waits_while_the_first_describer_wakes_is_no_flow() -> None:
    asleep = dict.fromkeys(STAGES, 0)
    history = run(lambda now_s: loads(1, 200, 0), 3, start=asleep)
    assert history[0][CAPTIONER] == 3  # for one describer, however much waits for it


def test_the_captioner_anticipates_no_more_than_the_describers_can_let_through() -> None:
    assert run(lambda _: loads(0, 10_000, 0), 30, bounds=(0, 4))[-1][DESCRIBER] == 4
    history = run(lambda _: loads(0, 10_000, 0), 30, bounds=(0, 4))
    assert history[-1][CAPTIONER] == 4
    wide = {
        GATEWAY: Load(0, 1, 1, 1, 9),
        DESCRIBER: Load(10_000, 2, 2, 0, 2),
        CAPTIONER: Load(0, 0, 0, 0, 99),
    }
    assert decide(wide, {}, SETTINGS, 0.0)[CAPTIONER].replicas == 6


def test_the_describer_does_not_follow_the_captioner() -> None:
    assert run(lambda _: loads(0, 0, 500), 10)[-1][DESCRIBER] == 1


@pytest.mark.parametrize("seed", range(20))
def test_a_steady_noisy_load_never_swings(seed: int) -> None:
    """Noise may once tip a load that lies on a border; it never comes back from there."""
    draw = random.Random(seed)
    mean = draw.uniform(5, 150)

    def noisy(_: int) -> Ongoing:
        return loads(*(mean * draw.uniform(0.96, 1.04) for _ in STAGES))

    history = run(noisy, 3000, start=dict.fromkeys(STAGES, 4), bounds=(1, 100))
    for name in STAGES:
        settled = series(history, name)[600:]
        assert settled == sorted(settled)
        assert settled[-1] - settled[0] <= 1


@pytest.mark.parametrize("ongoing", [0.0, 3.0, 1e9])
def test_bounds_hold_whatever_the_load(ongoing: float) -> None:
    for targets in run(lambda _: loads(ongoing, ongoing, ongoing), 400, bounds=(1, 3)):
        assert all(1 <= replicas <= 3 for replicas in targets.values())


def test_bounds_hold_when_nothing_is_known_and_the_target_is_outside_them() -> None:
    outside = dict.fromkeys(STAGES, 9)
    history = run(lambda _: loads(1, 1, 1), 400, start=outside, bounds=(1, 3))
    assert history[-1] == {GATEWAY: 1, DESCRIBER: 1, CAPTIONER: 1}


def test_fewer_only_after_the_whole_quiet_delay() -> None:
    history = run(lambda _: loads(1, 1, 1), 200, start=dict.fromkeys(STAGES, 5), bounds=(1, 9))
    assert series(history, GATEWAY)[59] == 5
    assert series(history, GATEWAY)[60] == 1


def test_a_busy_moment_starts_the_quiet_delay_anew() -> None:
    def mostly_quiet(now_s: int) -> Ongoing:
        return loads(50 if now_s == 40 else 1, 1, 1)

    history = run(mostly_quiet, 200, start=dict.fromkeys(STAGES, 5), bounds=(1, 9))
    assert series(history, GATEWAY)[100] == 5
    assert series(history, GATEWAY)[101] == 1


def test_a_burst_shorter_than_the_delay_starts_nothing() -> None:
    history = run(lambda now_s: loads(90 if now_s < 5 else 1, 1, 1), 20)
    assert set(series(history, GATEWAY)) == {1}


def test_the_last_replica_goes_by_its_own_delay_and_one_step_at_a_time() -> None:
    history = run(lambda _: loads(0, 0, 0), 300, start=dict.fromkeys(STAGES, 5))
    describers = series(history, DESCRIBER)
    assert describers[60] == 1
    assert describers[60 + 1 + 119] == 1
    assert describers[60 + 1 + 120] == 0


def test_any_work_wakes_a_sleeper_at_once_and_the_captioner_with_the_describer() -> None:
    asleep = {GATEWAY: 1, DESCRIBER: 0, CAPTIONER: 0}
    first = run(lambda _: loads(1, 1, 0), 1, start=asleep)[0]
    assert first == {GATEWAY: 1, DESCRIBER: 1, CAPTIONER: 1}


@pytest.mark.parametrize("unknown", [None, math.nan, math.inf, -1.0])
def test_what_is_not_known_is_left_alone(unknown: float | None) -> None:
    start = dict.fromkeys(STAGES, 3)
    history = run(lambda _: loads(unknown, unknown, unknown), 400, start=start)
    assert all(targets == start for targets in history)


def test_an_unknown_describer_leaves_the_captioner_to_its_own_signal() -> None:
    assert run(lambda _: loads(1, None, 35), 10)[-1][CAPTIONER] == 4


def test_a_lone_stage_can_be_decided_on() -> None:
    decided = decide({CAPTIONER: Load(35, 4, 4, 0, 9)}, {}, SETTINGS, 0.0)
    assert decided[CAPTIONER].replicas == 4


def test_a_backlog_asks_for_no_more_than_four_times_what_runs() -> None:
    assert decide({CAPTIONER: Load(1e6, 2, 2, 0, 99)}, {}, NO_DELAY, 0.0)[CAPTIONER].replicas == 8
    assert decide({CAPTIONER: Load(1e6, 8, 2, 0, 99)}, {}, NO_DELAY, 0.0)[CAPTIONER].replicas == 8


def test_a_backlog_that_is_worked_off_starts_nothing() -> None:
    def falling(now_s: int) -> Ongoing:
        return loads(1, 0, 400 * 0.98**now_s)

    assert set(series(run(falling, 60, start=dict.fromkeys(STAGES, 2)), CAPTIONER)) == {2}
    rising = run(lambda now_s: loads(1, 0, 400 * 1.01**now_s), 60, start=dict.fromkeys(STAGES, 2))
    assert series(rising, CAPTIONER)[10] == 8


@pytest.mark.parametrize("replicas", range(3, 12))
def test_the_same_flow_needs_the_same_replicas_however_many_share_it(replicas: int) -> None:
    """An engine that answers one alone in a third of the time has less in progress when idle."""
    stage = StageScaling(target_ongoing=10, lone_share=1 / 3, downscale_delay_s=0)
    flow, together_s = 2.5 * 10, 1.0  # a replica at its target answers 10 in a second
    part = flow / replicas / 10
    alone_s = together_s / 3
    answered_s = alone_s / (1 - part * (1 - 1 / 3))  # the straight line, solved for Little's law
    load = Load(flow * answered_s, replicas, replicas, 1, 99)
    settings = SETTINGS.model_copy(update={"captioner": stage})
    assert decide({CAPTIONER: load}, {}, settings, 0.0)[CAPTIONER].replicas == 3
