"""What holds for any load: it settles, more load never means fewer replicas, growth is bounded."""

import math
from itertools import pairwise

from hypothesis import example, given, settings
from hypothesis import strategies as st

from caption_studio.scaling.load import CAPTIONER, DESCRIBER, Load
from caption_studio.scaling.need import MAX_GROWTH, stage_need
from caption_studio.scaling.pace import History, paced
from caption_studio.scaling.policy import Memory, decide
from tests.unit.scaling.world import SETTINGS, STAGE, Stage, run, series

rates = st.floats(1.0, 60.0)
amounts = st.floats(0.0, 1e4)
counts = st.integers(0, 12)


def tries(found: list[int]) -> list[float]:
    """Return the seconds in which replicas come back: what a try with fewer has taken away.

    It may come back in two steps: what comes, and the queue.
    """
    ups = [now_s for now_s, (before, after) in enumerate(pairwise(found)) if after > before]
    return [after for before, after in pairwise((-math.inf, *ups)) if after - before > 60]


@settings(max_examples=8, deadline=None)
@given(rates, st.floats(3.0, 30.0), st.floats(3.0, 30.0), st.floats(0.05, 0.9), st.integers(1, 8))
@example(33.0, 3.0, 6.5, 0.0625, 3)
def test_a_constant_load_settles(
    per_s: float, describer: float, captioner: float, lone_share: float, start: int
) -> None:
    """But for one try with fewer in five minutes."""
    history = run(
        lambda _: per_s,
        1000,
        Stage(describer, start, lone_share=lone_share),
        Stage(captioner, start, lone_share=lone_share),
    )
    for name, capacity in ((DESCRIBER, describer), (CAPTIONER, captioner)):
        settled = series(history, name)[700:]
        assert len(tries(settled)) <= 1
        assert settled[-1] >= math.floor(per_s / capacity)


@settings(max_examples=3, deadline=None)
@given(rates, st.floats(5.0, 30.0), st.floats(0.05, 0.9), st.integers(1, 8))
@example(54.0, 15.6, 0.08, 2)
def test_a_constant_load_is_tried_with_fewer_ever_more_rarely(
    per_s: float, captioner: float, lone_share: float, start: int
) -> None:
    """In four hours at most once for each time that the trust may have grown."""
    stage = Stage(captioner, start, lone_share=lone_share)
    found = series(run(lambda _: per_s, 14_400, Stage(200, 1), stage), CAPTIONER)
    tried = [now_s for now_s in tries(found) if now_s > 700]
    assert len(tried) <= 3
    assert len([now_s for now_s in tried if now_s > 10_000]) <= 1


@settings(max_examples=3, deadline=None)
@given(st.floats(5.0, 25.0), st.integers(20, 60), st.floats(0.02, 0.4), st.floats(0.1, 0.6))
def test_a_slow_spell_is_forgotten(
    per_s: float, slow_s: int, slowness: float, lone_share: float
) -> None:
    """But for one replica that the dead band keeps."""

    def held(spell_s: int) -> int:
        stage = Stage(30, 1, lone_share=lone_share, slow=(1000, 1000 + spell_s, slowness))
        return series(run(lambda _: per_s, 7200, Stage(200, 1), stage), CAPTIONER)[-1]

    assert held(slow_s) <= held(0) + 1


@given(amounts, amounts, amounts, amounts, st.one_of(st.none(), st.floats(0.1, 1e3)), counts)
def test_more_load_never_needs_fewer(
    ongoing: float, more: float, asked: float, more_asked: float, rate: float | None, running: int
) -> None:
    low, high = (
        stage_need(Load(running, running, 0, 99, ongoing=o, asked_per_s=a), rate, STAGE)
        for o, a in ((ongoing, asked), (ongoing + more, asked + more_asked))
    )
    assert low is not None
    assert high is not None
    assert low <= high + 1e-9


@given(st.floats(0.0, 50.0), st.floats(0.0, 50.0), counts)
def test_a_higher_need_never_gives_fewer(need: float, more: float, target: int) -> None:
    load = Load(target, target, 0, 99)
    replicas = []
    for value in (need, need + more):
        history = History(began_s=0.0)
        for now_s in range(0, 400, 10):
            reached, history = paced(value, load, STAGE, history, float(now_s))
        replicas.append(reached)
    assert replicas[0] <= replicas[1]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(amounts, amounts, amounts, counts), min_size=1, max_size=40))
@example([(9.0, 1.0, 5e-324, 1)] * 9)
@example([(5e-324, 1.0, 9.0, 1)] * 9)
def test_growth_is_bounded(seen: list[tuple[float, float, float, int]]) -> None:
    memories: dict[str, Memory] = {}
    target = 1
    for number, (ongoing, asked, finished, running) in enumerate(seen):
        load = Load(target, min(running, target), 0, 1000, ongoing, asked, finished)
        decision = decide({CAPTIONER: load}, memories, SETTINGS, 7.0 * number)[CAPTIONER]
        memories = {CAPTIONER: decision.memory}
        assert decision.replicas <= max(target, math.ceil(MAX_GROWTH * max(1, load.running)))
        target = decision.replicas
