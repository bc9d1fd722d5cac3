"""A very short soak: every kind of request is answered as it should be, every part is read."""

from benchmarks.soak.__main__ import measure
from benchmarks.soak.requests import KINDS
from benchmarks.soak.run import Plan
from benchmarks.soak.verdict import faults, rows

PARTS = {"gateway", "describer", "captioner", "engine", "HAProxy", "Serve", "Ray", "command"}
MINUTE_S = 60.0


def test_a_mixed_minute() -> None:
    plan = Plan(warm_up_s=MINUTE_S / 3, measured_s=MINUTE_S, per_s=6.0)
    found = measure(plan)
    assert found.examples == []
    assert {kind.name for kind in KINDS} - set(found.right) <= {"adapter", "stranger", "forbidden"}
    assert set(found.readings[-1].parts) >= PARTS
    assert all(holding.own_bytes > 0 for holding in found.readings[-1].parts.values())
    table = rows(found.readings, plan.warm_up_s)
    assert {row.part for row in table} >= PARTS
    assert not [said for said in faults(found, table) if "processes" in said]
