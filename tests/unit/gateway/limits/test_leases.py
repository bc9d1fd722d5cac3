"""Many gateways, one limit: how many requests get through in any minute, in simulated time."""

import pytest

from caption_studio.gateway.limits.messages import Account, Line, Report
from tests.unit.gateway.limits.simulated import Cluster, ask, most_in_a_minute


def flood(
    cluster: Cluster, limit: int, seconds: float, per_s: dict[int, float] | float
) -> list[float]:
    """Ask at these rates, by the gateway's number (Poisson); return when one was let in."""
    admitted = []
    for now_s in cluster.steps(seconds):
        for number, gateway in enumerate(cluster.alive):
            rate = per_s if isinstance(per_s, float) else per_s.get(number, 0.0)
            for _ in range(_arrivals(cluster, rate)):
                if ask(gateway, limit):
                    admitted.append(now_s)
    return admitted


def _arrivals(cluster: Cluster, per_s: float) -> int:
    count, left = 0, cluster.chance.expovariate(1)
    while left < per_s * 0.01:
        count += 1
        left += cluster.chance.expovariate(1)
    return count


def in_each_minute(admitted: list[float], start_s: float, minutes: int) -> list[int]:
    """Return how many were let in, in each minute since then."""
    return [
        sum(start_s + 60 * m < at_s <= start_s + 60 * (m + 1) for at_s in admitted)
        for m in range(minutes)
    ]


@pytest.mark.parametrize("gateways", [1, 2, 7])
@pytest.mark.parametrize("times", [20, 100])
@pytest.mark.parametrize("load", ["even", "uneven", "one"])
def test_in_any_minute_the_limit_gets_through_to_a_tenth(
    gateways: int, times: int, load: str
) -> None:
    limit = times * gateways
    cluster = Cluster(gateways, seed=times)
    asked_per_s = 3 * limit / 60
    rates = {
        "even": dict.fromkeys(range(gateways), asked_per_s / gateways),
        "uneven": {n: asked_per_s / 2 ** (n + 1) for n in range(gateways)},
        "one": {gateways - 1: asked_per_s},
    }[load]
    start_s = cluster.clock.now_s
    admitted = flood(cluster, limit, 120, rates)
    assert most_in_a_minute(admitted) <= limit
    assert min(in_each_minute(admitted, start_s, 2)) >= 0.9 * limit


def test_load_that_moves_from_one_gateway_to_the_other_finds_what_is_left() -> None:
    cluster, limit, admitted = Cluster(2), 120, []
    start_s = cluster.clock.now_s
    for turn in range(24):
        admitted += flood(cluster, limit, 5, {turn % 2: 20.0})
    assert most_in_a_minute(admitted) <= limit
    assert min(in_each_minute(admitted, start_s, 2)) >= 0.9 * limit


def test_a_burst_over_all_gateways_gets_the_whole_limit_at_once() -> None:
    cluster = Cluster(2)
    assert len(flood(cluster, 120, 0.2, 1000.0)) >= 108


def test_what_an_idle_gateway_holds_goes_to_the_one_that_is_asked() -> None:
    cluster = Cluster(4)
    assert len(flood(cluster, 400, 3, {0: 300.0})) >= 0.9 * 400


def test_less_than_the_limit_is_never_refused() -> None:
    cluster = Cluster(3)
    asked = 0
    admitted = 0
    for _ in cluster.steps(180):
        for gateway in cluster.alive:
            for _ in range(_arrivals(cluster, 0.6 * 300 / 60 / 3)):
                asked += 1
                admitted += ask(gateway, 300)
    assert asked > 400
    assert admitted == asked


def test_the_dead_gateways_lease_goes_to_the_others() -> None:
    cluster, limit = Cluster(3), 120
    start_s = cluster.clock.now_s
    admitted = flood(cluster, limit, 10, 2.0)
    cluster.alive.pop(0)
    admitted += flood(cluster, limit, 110, 3.0)
    assert most_in_a_minute(admitted) <= 1.1 * limit
    assert min(in_each_minute(admitted, start_s, 2)) >= 0.9 * limit


def test_a_gateway_that_joins_gets_its_part() -> None:
    cluster, limit = Cluster(1), 120
    start_s = cluster.clock.now_s
    admitted = flood(cluster, limit, 30, 5.0)
    joined = cluster.join()
    cluster.run(1.0)
    before = cluster.clock.now_s
    admitted += flood(cluster, limit, 90, {1: 10.0})
    assert any(at_s > before for at_s in admitted)
    assert joined.leases.are_valid
    assert most_in_a_minute(admitted) <= 1.1 * limit
    assert min(in_each_minute(admitted, start_s, 2)) >= 0.9 * limit


def test_gateways_that_cannot_reach_the_ledger_spend_an_even_part_each() -> None:
    cluster, limit = Cluster(2), 120
    start_s = cluster.clock.now_s
    for gateway in cluster.alive:
        gateway.is_cut_off = True
    admitted = flood(cluster, limit, 120, 5.0)
    assert not any(gateway.leases.are_valid for gateway in cluster.alive)
    assert most_in_a_minute(admitted) <= 1.1 * limit
    assert min(in_each_minute(admitted, start_s, 2)) >= 0.9 * limit


def test_a_gateway_that_was_cut_off_tells_what_it_has_spent() -> None:
    cluster, limit = Cluster(2), 120
    cut_off, other = cluster.alive
    admitted = flood(cluster, limit, 2, {0: 5.0})
    cut_off.is_cut_off = True
    admitted += flood(cluster, limit, 20, {0: 5.0})
    cut_off.is_cut_off = False
    cluster.run(1.0)
    assert cut_off.leases.are_valid
    admitted += flood(cluster, limit, 30, {1: 20.0})
    assert most_in_a_minute(admitted) <= 1.1 * limit
    assert other.leases.are_valid


def test_a_ledger_that_has_lost_its_memory_hears_of_the_last_minute_again() -> None:
    cluster, limit = Cluster(2), 400
    admitted = flood(cluster, limit, 10, 50.0)
    assert len(admitted) >= 0.9 * limit
    cluster.ledger = type(cluster.ledger)(cluster.clock)
    later = flood(cluster, limit, 40, 50.0)
    assert most_in_a_minute(admitted + later) <= 1.1 * limit


def test_a_repeated_report_counts_once() -> None:
    cluster = Cluster(1)
    account = Account(b"k", "requests")
    report = Report(cluster.alive[0].name, (Line(account, 100, 40, 40, 60, 40),))
    for _ in range(3):
        statement = cluster.ledger.exchange(report)
    assert statement.grants[0].level.left == 60


def test_accounts_that_nobody_uses_leave_the_ledger_and_the_gateways() -> None:
    cluster = Cluster(2)
    for number in range(50):
        ask(cluster.alive[number % 2], 120, key=str(number).encode())
    cluster.run(1.0)
    assert cluster.ledger.accounts == 50
    cluster.run(120.0)
    assert cluster.ledger.accounts == 0
    assert [len(gateway.leases._leases) for gateway in cluster.alive] == [0, 0]


def test_after_a_rest_the_whole_limit_is_there_at_every_gateway_evenly() -> None:
    cluster = Cluster(2)
    flood(cluster, 120, 20, {0: 10.0})
    cluster.run(120.0)
    assert len(flood(cluster, 120, 0.1, {1: 2000.0})) >= 60
    assert len(flood(cluster, 120, 0.1, {0: 2000.0})) >= 50


def test_a_limit_that_changes_holds_from_then_on() -> None:
    cluster = Cluster(2)
    assert len(flood(cluster, 400, 5, 100.0)) >= 0.9 * 400
    cluster.run(61.0)
    admitted = flood(cluster, 100, 30, 100.0)
    assert 90 <= len(admitted) <= 110
    assert 190 <= len(admitted) + len(flood(cluster, 200, 20, 100.0)) <= 210


def test_one_key_takes_nothing_from_another() -> None:
    cluster = Cluster(2)
    flood(cluster, 120, 5, 100.0)
    assert all(ask(gateway, 120, key=b"other") for gateway in cluster.alive for _ in range(50))


def test_tokens_wait_for_a_debt_to_be_paid() -> None:
    cluster = Cluster(1)
    (gateway,) = cluster.alive
    account, limit = Account(b"k", "tokens"), 1000
    under_way, spent = 0, list[tuple[float, int]]()
    for step, now_s in enumerate(cluster.steps(300)):
        if gateway.leases.reserve(account, limit, 50).admitted:
            under_way += 1
        if step % 10 == 0 and under_way:
            under_way -= 1
            gateway.leases.settle(account, limit, reserved=50, spent=50)
            spent.append((now_s, 50))
    start_s = spent[0][0]
    for minute in range(4):
        of_it = sum(a for at_s, a in spent if 0 <= at_s - start_s - 60 * minute < 60)
        assert 900 <= of_it <= 1100
