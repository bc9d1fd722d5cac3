import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks.scenario import (
    Constant,
    ModelShare,
    PictureKind,
    Pictures,
    Poisson,
    Ramp,
    Replay,
    Requests,
    Scenario,
)
from benchmarks.workload.pictures import paint
from benchmarks.workload.plan import draw_plan

SMALL = PictureKind(width_px=64, height_px=48)
LARGE = PictureKind(width_px=80, height_px=60, format="png", weight=3)


def scenario(**changes: object) -> Scenario:
    requests = Requests(
        pictures=Pictures(kinds=(SMALL, LARGE), unique_share=0.75, pool=8, max_unique=4000),
        models=(ModelShare(name="a"), ModelShare(name="b", weight=3)),
        streamed_share=0.25,
    )
    values = {"name": "test", "requests": requests, "load": Poisson(rate_per_s=100.0)}
    return Scenario(**(values | {"warmup_s": 0.0, "duration_s": 30.0} | changes))


def test_shares_come_out_as_asked() -> None:
    plan = draw_plan(scenario(), 0)
    assert plan.streamed.mean() == pytest.approx(0.25, abs=0.03)
    assert (plan.model == 1).mean() == pytest.approx(0.75, abs=0.03)
    assert (plan.pictures >= 8).mean() == pytest.approx(0.75, abs=0.03)
    unique = plan.pictures[plan.pictures >= 8]
    assert len(set(unique.tolist())) == len(unique)
    assert (plan.kinds[plan.pictures >= 8] == 1).mean() == pytest.approx(0.75, abs=0.03)


def test_a_picture_number_is_one_picture() -> None:
    plan = draw_plan(scenario(), 0)
    kinds: dict[int, int] = {}
    for number, kind in zip(plan.pictures.flat, plan.kinds.flat, strict=True):
        assert kinds.setdefault(number, kind) == kind


def test_rounds_share_no_unique_picture_and_no_text_but_the_pool() -> None:
    first, second = draw_plan(scenario(), 0), draw_plan(scenario(), 1)
    assert set(first.pictures.flat) & set(second.pictures.flat) == set(range(8))
    assert not set(first.index) & set(second.index)


def test_it_says_how_many_pictures_were_really_different() -> None:
    pictures = Pictures(kinds=(SMALL,), unique_share=1.0, max_unique=10)
    plan = draw_plan(scenario(requests=Requests(pictures=pictures), max_requests=40), 2)
    first = plan.index.tolist()
    assert plan.distinct_pictures(first[:10]) == 1.0
    assert plan.distinct_pictures(first) == 0.25
    assert plan.distinct_pictures([]) is None


def test_workers_share_a_plan_without_changing_it() -> None:
    whole = draw_plan(scenario(), 0)
    parts = [whole.part(worker, 3) for worker in range(3)]
    assert sum(map(len, parts)) == len(whole)
    due_s = [part.due_s for part in parts]
    assert whole.due_s is not None
    assert np.sort(np.concatenate(due_s)).tolist() == whole.due_s.tolist()
    assert parts[1].pictures[0].tolist() == whole.pictures[1].tolist()


def test_the_number_of_requests_is_bounded() -> None:
    plan = draw_plan(scenario(max_requests=10), 0)
    assert len(plan) == 10
    assert plan.cut
    assert not draw_plan(scenario(), 0).cut


def test_a_ramp_holds_its_first_rate_through_the_warm_up() -> None:
    load = Ramp(from_per_s=50.0, to_per_s=150.0)
    plan = draw_plan(scenario(load=load, warmup_s=20.0, duration_s=20.0), 0)
    assert plan.due_s is not None
    assert (plan.due_s < 20.0).sum() == pytest.approx(1000, rel=0.1)
    assert (plan.due_s >= 20.0).sum() == pytest.approx(2000, rel=0.1)


def test_a_trace_is_replayed(tmp_path: Path) -> None:
    trace = tmp_path / "trace.txt"
    trace.write_text("3.5\n4.0\n7.5\n")
    plan = draw_plan(scenario(load=Replay(trace=trace)), 0)
    assert plan.due_s is not None
    assert plan.due_s.tolist() == [0.0, 0.5, 4.0]


def test_constant_arrivals_are_planned_through_warm_up_and_window() -> None:
    plan = draw_plan(scenario(load=Constant(rate_per_s=2.0), warmup_s=5.0, duration_s=5.0), 0)
    assert len(plan) == 20


@pytest.mark.parametrize("picture_format", ["jpeg", "png", "webp"])
def test_pictures_have_the_asked_form(picture_format: str) -> None:
    kind = PictureKind(width_px=90, height_px=50, format=picture_format)
    picture = Image.open(io.BytesIO(paint(kind, seed=1, number=5)))
    assert (picture.size, picture.format) == ((90, 50), picture_format.upper())


def test_pictures_hang_on_seed_and_number_and_each_differs() -> None:
    pictures = [paint(SMALL, seed=1, number=number) for number in range(100)]
    assert len(set(pictures)) == 100
    assert paint(SMALL, seed=1, number=7) == pictures[7]
    assert paint(SMALL, seed=2, number=7) != pictures[7]
