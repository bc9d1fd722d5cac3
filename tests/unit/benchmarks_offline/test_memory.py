import pytest

from benchmarks.offline.memory import lines, most


def test_the_round_that_grows_most_is_judged() -> None:
    rounds = [
        [
            {"rows": rows, "private_bytes": size, "shared_bytes": 1_000_000, "seconds": 9.0}
            for rows, size in ((10, 99_000_000), (100, last))
        ]
        for last in (99_000_000, 104_000_000)
    ]
    assert most(rounds) == pytest.approx(1.05)
    assert lines(rounds) == [
        "10 rows 99 + 1 MB, 100 rows 99 + 1 MB: 1.000",
        "10 rows 99 + 1 MB, 100 rows 104 + 1 MB: 1.050",
        "growth at most 1.050 (target: at most 1.1)",
    ]
