import pytest

from caption_studio.cli import main
from caption_studio.doctor import command
from caption_studio.doctor.checks import Level, findings
from caption_studio.doctor.machine import Disk
from tests.unit.doctor.machines import FINE, like_it

WORST = like_it(
    python=(3, 9, 1),
    packages={},
    lacks=("a C compiler", "a C++ compiler", "Python.h"),
    memory_bytes=1,
    shared_bytes=0,
    gpu_failure="nvidia-smi: NVIDIA-SMI has failed because it could not talk to the driver",
    port_is_taken=True,
    models=Disk(FINE.models.path, 0, is_writable=False),
    temporary=Disk(FINE.temporary.path, 0, is_writable=False),
    hub_failure="no answer within 4 s",
)


def test_the_report_is_one_screen_even_at_its_worst() -> None:
    lines = command.report(list(findings(WORST))).splitlines()
    assert len(lines) <= 30
    assert max(map(len, lines)) <= command.WIDTH
    assert lines[-1] == "4 problems found."


def test_each_problem_and_warning_says_what_to_do() -> None:
    for finding in findings(WORST):
        assert finding.level is not Level.OK
        assert finding.do


@pytest.mark.parametrize(
    ("machine", "status", "told"),
    [
        (FINE, 0, "No problems found."),
        (like_it(hub_failure="no"), 0, "warning  model hub"),
        (like_it(packages={}), 1, "1 problem found."),
    ],
)
def test_only_a_problem_changes_the_exit_status(
    machine: object,
    status: int,
    told: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(command, "look", lambda: machine)
    assert main(["doctor"]) == status
    assert told in capsys.readouterr().out
