import json
import math
from pathlib import Path

import pytest

from caption_studio.training.finetune.journal import History, Journal
from caption_studio.training.finetune.plot import draw


def test_lines_are_read_back_and_the_last_of_a_step_holds(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.write({"step": 0, "eval_loss": 5.0, "time_s": 0.5, "samples": []})
    for step, loss in ((1, 4.0), (2, 3.0), (3, 2.5)):
        journal.write({"step": step, "loss": loss, "time_s": float(step)})
    journal.write({"step": 2, "loss": 2.9, "time_s": 2.1})
    journal.write({"step": 2, "eval_loss": 3.1, "time_s": 2.2, "samples": [{"written": "é"}]})
    history = journal.read()
    assert history.losses == {1: 4.0, 2: 2.9, 3: 2.5}
    assert history.best() == (2, 3.1)
    assert history.samples[2] == [{"written": "é"}]
    assert journal.time_s(2) == 2.2
    assert journal.time_s(0) == 0.5


def test_half_a_line_of_a_killed_process_is_left_out(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.write({"step": 1, "loss": 4.0})
    with (tmp_path / "log.jsonl").open("a") as file:
        file.write('{"step": 2, "lo')
    assert journal.read().losses == {1: 4.0}


def test_a_sample_with_a_line_separator_of_unicode_is_read_back(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    samples = [{"written": "a duck\u2028on a lake"}]
    journal.write({"step": 1, "eval_loss": 3.0, "time_s": 1.0, "samples": samples})
    assert journal.read().samples == {1: samples}


def test_a_line_after_half_a_line_is_not_lost(tmp_path: Path) -> None:
    (tmp_path / "log.jsonl").write_text('{"step": 2, "lo')
    journal = Journal(tmp_path)
    journal.write({"step": 3, "loss": 1.0})
    assert journal.read().losses == {3: 1.0}


def test_an_empty_log_is_no_error(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    assert journal.read().losses == {}
    assert journal.time_s(5) == 0.0
    assert math.isnan(History().last_loss())


def test_the_last_loss_is_the_mean_of_fifty_steps() -> None:
    history = History()
    for step in range(1, 101):
        history.add({"step": step, "loss": float(step)})
    assert history.last_loss() == pytest.approx(75.5)


def test_the_plot_is_drawn(tmp_path: Path) -> None:
    history = History()
    for line in ('{"step": 1, "loss": 2.0}', '{"step": 1, "eval_loss": 2.1, "time_s": 1.0}'):
        history.add(json.loads(line))
    draw(history, tmp_path / "loss.png")
    assert (tmp_path / "loss.png").read_bytes().startswith(b"\x89PNG")
