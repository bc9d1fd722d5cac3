"""Stages that are broken or hang and do not end by themselves, under load."""

import signal
import time
from pathlib import Path

import psutil
import pytest

from tests.conftest import faults_folder
from tests.faults.conftest import ENGINE, Fleet, wait_until
from tests.faults.load import CAPTION, TEXT, Load, load
from tests.faulty_stages import DROP, FAULTS, HANG, STEP
from tests.faulty_stages import TEXT as TOKENIZER

pytestmark = pytest.mark.service

Table = list[tuple[str, ...]]

NOTICED_S = 45.0
"""A hang is noticed after half of a stage's time for a request, of 60 s here; all else at once."""


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(STEP, marks=pytest.mark.slow),
        DROP,
        pytest.param(TOKENIZER, marks=pytest.mark.slow),
        pytest.param(HANG, marks=pytest.mark.slow),
    ],
)
def test_a_broken_describer_is_replaced_and_nobody_notices(
    fleet: Fleet, table: Table, fault: str
) -> None:
    assert fault in FAULTS
    with load(fleet.url) as seen:
        seen.wait_for(40)
        told = faults_folder(fleet.service.config.parent) / fault
        told.touch()
        wait_until(lambda: not told.exists(), NOTICED_S)
        broken_pid = int(claim(told).suffix[1:])
        row = until_replaced(fleet, broken_pid, seen, f"describer: {fault}")
    table.append(row)
    assert seen.failures() == []
    assert set(seen.ends(CAPTION, TEXT)) == {"whole"}


def test_an_engine_of_the_captioner_that_hangs_is_replaced(fleet: Fleet, table: Table) -> None:
    with load(fleet.url) as seen:
        seen.wait_for(40)
        hung = fleet.processes(ENGINE)[0]
        hung.send_signal(signal.SIGSTOP)
        row = until_replaced(fleet, hung.pid, seen, "captioner: engine hangs")
    table.append(row)
    assert seen.failures() == []
    assert set(seen.ends(CAPTION, TEXT)) == {"whole"}


def claim(told: Path) -> Path:
    (claimed,) = told.parent.glob(f"{told.name}.*")
    return claimed


def until_replaced(fleet: Fleet, pid: int, seen: Load, fault: str) -> tuple[str, ...]:
    """Wait for the process to be gone and the service whole; return the row of the table."""
    broken_s = time.monotonic()
    wait_until(lambda: not psutil.pid_exists(pid), NOTICED_S)
    noticed_s = time.monotonic() - broken_s
    fleet.wait_until_whole(time.monotonic())
    healed_s = time.monotonic() - broken_s
    seen.wait_for(40)
    return seen.row(fault, f"{healed_s:.0f} s, noticed after {noticed_s:.1f} s")
