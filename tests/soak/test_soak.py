"""A very short soak: every kind of request is answered as it should be, every part is read."""

import pytest

from benchmarks.soak.__main__ import measure
from benchmarks.soak.requests import KINDS
from benchmarks.soak.run import Plan
from benchmarks.soak.verdict import faults, rows

PARTS = {
    *("gateway", "describer", "captioner", "engine", "HAProxy", "Serve", "command"),
    *("Ray's store", "raylet", "Ray's agents"),
}


@pytest.mark.slow
def test_a_short_one() -> None:
    plan = Plan(warm_up_s=15.0, measured_s=40.0, per_s=4.0, read_s=1.0)
    found = measure(plan)
    assert found.examples == []
    assert set(found.right) == {kind.name for kind in KINDS}
    assert set(found.readings[-1].parts) >= PARTS
    assert all(holding.own_bytes > 0 for holding in found.readings[-1].parts.values())
    table = rows(found.readings, plan.warm_up_s)
    assert {row.part for row in table} >= PARTS
    assert not [said for said in faults(found, table) if "processes" in said]
