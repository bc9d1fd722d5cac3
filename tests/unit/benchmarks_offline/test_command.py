import sys
from pathlib import Path

import pytest

from benchmarks.offline.__main__ import growth, lines
from benchmarks.offline.command import Watched, watch

WRITES = """
import sys, time
for number in range(4):
    with open(sys.argv[1], "a") as journal:
        journal.write("row\\n" * 5)
    time.sleep(0.4)
"""


def test_a_steady_pace_leaves_out_start_and_end() -> None:
    run = Watched(0, 9.0, [(0.0, 0), (4.0, 10), (5.0, 50), (6.0, 90), (9.0, 100)], 1, 1)
    assert run.start_s == 4.0
    assert run.per_s(0.1, 0.9) == pytest.approx(40.0)


def test_a_command_is_watched_to_its_end(tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    run = watch([sys.executable, "-c", WRITES, str(journal)], journal, tmp_path / "log")
    assert run.status == 0
    assert run.rows[-1][1] == 20
    assert run.private_bytes > 0


def test_the_report_says_what_was_wanted() -> None:
    paced = {
        "engines_per_s": [100.0, 104.0],
        "batches": [{"steady_per_s": 98.0}],
        "share": 0.961,
        "share_interval": None,
    }
    memory = [
        {"rows": rows, "private_bytes": size, "shared_bytes": 0, "seconds": 9.0}
        for rows, size in ((10, 1_000_000), (100, 1_050_000))
    ]
    assert growth(memory) == pytest.approx(1.05)
    shown = "\n".join(lines(paced, memory))
    assert "100.0, 104.0 captions/s" in shown
    assert "0.96 of the engines', one round (target: 0.95)" in shown
    assert "1.050 (target: at most 1.1)" in shown
