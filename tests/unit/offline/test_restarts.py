"""After the death of a node a flow starts anew, for the pictures that are left."""

from collections.abc import Generator, Sequence
from pathlib import Path

import pytest

from caption_studio.client.tables import read_table
from caption_studio.offline.messages import Asked, Done
from caption_studio.offline.restarts import IN_VAIN, NodeDied, restarting
from caption_studio.offline.run import Flow, Job, Unfinished, run

NAMES = [f"{number}.png" for number in range(10)]
PICTURES = [Asked(name, f"/{name}", ("any",)) for name in NAMES]

Captured = pytest.CaptureFixture[str]


class Dying:
    """A flow that does so many pictures each time, then raises; None: all, and it ends well."""

    def __init__(self, *lives: int | None, error: type[Exception] = NodeDied) -> None:
        self.lives = list(lives)
        self.error = error
        self.asked: list[list[str]] = []
        self.closed = 0

    def __call__(self, asked: Sequence[Asked]) -> Generator[Done]:
        self.asked.append([one.picture for one in asked])
        life = self.lives.pop(0)
        try:
            for one in asked[:life]:
                yield Done(one.picture, ({"picture": one.picture, "model": "any", "caption": "a"},))
            if life is not None:
                raise self.error("a node has died")
        finally:
            self.closed += 1


def done(flow: Flow) -> list[str]:
    return [one.picture for one in restarting(flow)(PICTURES)]


def test_only_what_is_left_is_done_anew() -> None:
    flow = Dying(3, 0, 4, None)
    assert done(flow) == NAMES
    assert flow.asked == [NAMES, NAMES[3:], NAMES[3:], NAMES[7:]]
    assert flow.closed == 4


def test_deaths_that_leave_no_picture_between_them_end_it() -> None:
    flow = Dying(*[1] * 5, *[0] * IN_VAIN)
    with pytest.raises(NodeDied):
        done(flow)
    assert flow.asked[-IN_VAIN:] == [NAMES[5:]] * IN_VAIN
    assert flow.lives == []


def test_other_ends_are_not_tried_again() -> None:
    flow = Dying(3, error=Unfinished)
    with pytest.raises(Unfinished):
        done(flow)
    assert flow.asked == [NAMES]


def test_one_who_stops_asking_closes_the_flow() -> None:
    flow = Dying(3, None)
    rows = restarting(flow)(PICTURES)
    assert [next(rows).picture for _ in range(5)] == NAMES[:5]
    rows.close()
    assert flow.closed == 2


def test_the_table_has_each_row_once(tmp_path: Path, capsys: Captured) -> None:
    table = tmp_path / "captions.jsonl"
    assert run(Job(PICTURES, table), restarting(Dying(4, 2, None))) == 0
    assert [row["picture"] for row in read_table(table)] == NAMES
    printed = capsys.readouterr().err
    assert "a node has died; the models start anew for the 6 pictures that are left" in printed
    assert "10 pictures captioned now" in printed


def test_what_is_done_before_the_last_death_is_kept(tmp_path: Path, capsys: Captured) -> None:
    table = tmp_path / "captions.jsonl"
    assert run(Job(PICTURES, table), restarting(Dying(4, *[0] * IN_VAIN))) == 1
    assert f"{table} is not finished: --resume goes on" in capsys.readouterr().err
    assert run(Job(PICTURES, table, resume=True), flow := Dying(None)) == 0
    assert flow.asked == [NAMES[4:]]
