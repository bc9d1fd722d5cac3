import io
import re

import pytest

from benchmarks.fleet import Round
from benchmarks.hardware import describe
from benchmarks.load.worker import Effort, Progress
from benchmarks.report.plots import draw, png
from benchmarks.report.rows import number, stage_means
from benchmarks.report.terminal import Live, sweep_table, table
from benchmarks.run import Endpoint, Result, judge
from benchmarks.scenario import Limits, Poisson
from tests.unit.benchmarks.samples import answered, scenario

CALM = Effort(wall_s=10.0, cpu_share=0.3, lags_s=(0.001,), waited=0)
STAGES = {"describe": 0.1, "generate": 0.3}


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def result(
    *e2e_s: float,
    effort: Effort = CALM,
    rate_per_s: float = 2.0,
    stages: dict[str, float] = STAGES,
) -> Result:
    """One repeat for each latency."""
    asked = scenario(load=Poisson(rate_per_s=rate_per_s), limits=Limits(e2e_s=0.6))
    repeats = [
        judge(Round(asked, [answered(20.0, value, stage_times_s=stages)], [effort]))
        for value in e2e_s
    ]
    return Result(Endpoint("http://127.0.0.1:1"), asked, repeats, describe())


def test_what_no_stage_names_is_elsewhere() -> None:
    means = {name: mean.mean for name, mean in stage_means(result(0.5)).items()}
    assert means == pytest.approx({"describe": 0.1, "generate": 0.3, "elsewhere": 0.1})


def test_a_table_gives_means_and_intervals_over_repeats() -> None:
    text = table(result(0.5, 0.7))
    assert re.search(r"p50 +600 ms ± 1271", text)  # t of one degree of freedom is 12.7
    assert re.search(r"good +50%", text)
    assert "±" not in table(result(0.5)).split("E2E\n")[1]


def test_a_client_that_was_the_limit_is_said_loudly() -> None:
    busy = Effort(wall_s=10.0, cpu_share=0.99, lags_s=(0.001,), waited=0)
    assert "THE CLIENT WAS THE LIMIT in round 1" in table(result(0.5, effort=busy))
    assert "CLIENT" not in table(result(0.5))
    assert "client!" in sweep_table([result(0.5), result(0.5, effort=busy)])


@pytest.mark.parametrize(
    ("value", "text"), [(1234.5, "1234"), (99.96, "100"), (1.234, "1.23"), (0.0, "0")]
)
def test_numbers_show_the_digits_that_count(value: float, text: str) -> None:
    assert number(value) == text


def test_the_legend_of_many_stages_is_within_the_figure() -> None:
    stages = {f"describe_queue_{number}_s": 0.05 for number in range(7)}
    figure = draw([result(0.5, stages=stages)])["stages"]
    png(figure)  # lays it out
    (legend,) = figure.legends
    drawn, whole = legend.get_window_extent(), figure.bbox
    assert whole.x0 <= drawn.x0
    assert drawn.x1 <= whole.x1


def test_progress_is_live_on_a_terminal_and_silent_in_a_file() -> None:
    workers = [Progress(5, 1, 2, (0.1, 0.3)), Progress(4, 0, 3, ())]
    terminal, file = Terminal(), io.StringIO()
    Live(terminal).progress(3.0, workers)
    Live(file).progress(3.0, workers)
    assert "9 done  5 in flight  1 failed  E2E p50 200 ms" in terminal.getvalue()
    assert file.getvalue() == ""
