"""A run on a cluster: its nodes share the work, and one of them may die."""

import os
import secrets
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from caption_studio.client.tables import read_table
from tests.conftest import ROOT, one_start_at_a_time
from tests.offline.batch_command import TIMEOUT_S

pytestmark = [pytest.mark.cluster, pytest.mark.slow]

PICTURES = 600


def test_a_node_that_is_killed_costs_no_row_and_doubles_none(tmp_path: Path) -> None:
    table = tmp_path / "captions.jsonl"
    command = [sys.executable, "-m", "tests.offline.two_nodes", str(PICTURES), str(table)]
    with one_start_at_a_time():
        done = subprocess.run(
            command,
            cwd=ROOT,
            env={**os.environ, "RAY_AUTH_TOKEN": secrets.token_hex(32)},
            timeout=TIMEOUT_S,
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 0, done.stderr[-5000:]
    rows = list(read_table(table))
    assert Counter(row["picture"] for row in rows) == {f"{n:04}": 1 for n in range(PICTURES)}
    assert len({row["caption"] for row in rows}) == 2, "both nodes captioned"
