"""A run on a cluster: its nodes share the work, and one of them may die."""

import json
import os
import secrets
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from caption_studio.client.tables import read_table
from tests.conftest import ROOT, one_start_at_a_time
from tests.offline.batch_command import TIMEOUT_S, VARIABLE, left_behind

pytestmark = [pytest.mark.cluster, pytest.mark.slow]

PICTURES = 600
NAMES = [f"{number:04}" for number in range(PICTURES)]
ANEW = "a node has died; the models start anew for the"


def on_two_nodes(table: Path, *poison: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "tests.offline.two_nodes", str(PICTURES), str(table), *poison]
    with one_start_at_a_time():
        ended = subprocess.run(
            command,
            cwd=ROOT,
            env={**os.environ, "RAY_AUTH_TOKEN": secrets.token_hex(32), VARIABLE: str(table)},
            timeout=TIMEOUT_S,
            capture_output=True,
            text=True,
            check=False,
        )
        assert left_behind() == []
    return ended


def test_a_node_that_is_killed_costs_no_row_and_doubles_none(tmp_path: Path) -> None:
    table = tmp_path / "captions.jsonl"
    ended = on_two_nodes(table)
    assert ended.returncode == 0, ended.stderr[-5000:]
    assert ended.stderr.count(ANEW) == 1
    assert f"{PICTURES} rows, 0 of them with an error" in ended.stderr
    rows = list(read_table(table))
    assert [row["picture"] for row in rows] == NAMES
    assert len({row["caption"] for row in rows}) == 2, "both nodes captioned"


def test_a_picture_that_ends_its_workers_ends_the_run(tmp_path: Path) -> None:
    table, poison = tmp_path / "captions.jsonl", NAMES[-100]
    ended = on_two_nodes(table, poison)
    assert ended.returncode == 1, ended.stderr[-5000:]
    assert ended.stderr.count(ANEW) == 1
    assert f"{table} is not finished: --resume goes on" in ended.stderr
    lines = Path(f"{table}.journal").read_text().splitlines()
    done = Counter(json.loads(line)["picture"] for line in lines)
    assert done == dict.fromkeys(done, 1)
    assert done.keys() < {*NAMES} - {poison}
