"""SIGKILL to one process of each kind, under load."""

import time

import pytest

from tests.faults.conftest import CAPTIONER, DESCRIBER, ENGINE, GATEWAY, Fleet
from tests.faults.load import CALLERS, CAPTION, TEXT, Load, load

pytestmark = pytest.mark.service

Table = list[tuple[str, ...]]


def kill_one(fleet: Fleet, stage: str, table: Table) -> Load:
    """Kill the oldest under load; go on until the service is whole again."""
    with load(fleet.url) as seen:
        seen.wait_for(40)
        fleet.processes(stage)[0].kill()
        killed_at_s = time.monotonic()
        seen.wait_for(20)  # goes on at once
        healed_s = fleet.wait_until_whole(killed_at_s)
        seen.wait_for(40)
    table.append(seen.row(f"{stage} killed", f"{healed_s:.0f} s"))
    return seen


@pytest.mark.parametrize("stage", [DESCRIBER, CAPTIONER, ENGINE])
def test_of_a_killed_stage_nobody_notices_but_those_who_were_reading(
    fleet: Fleet, table: Table, stage: str
) -> None:
    seen = kill_one(fleet, stage, table)
    assert seen.failures() == []
    assert set(seen.ends(CAPTION, TEXT)) == {"whole"}


def test_a_killed_gateway_takes_only_the_streams_with_it_that_it_had_begun(
    fleet: Fleet, table: Table
) -> None:
    seen = kill_one(fleet, GATEWAY, table)
    assert set(seen.ends()) <= {"whole", "lost"}
    assert set(seen.ends(CAPTION, TEXT)) == {"whole"}
    assert seen.ends()["lost"] <= CALLERS
