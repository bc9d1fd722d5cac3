"""Ray Data with stand-ins for the stages, on two nodes of this machine."""

import secrets
import subprocess
import sys
from collections import Counter

import pytest

from benchmarks.cluster.nodes import environment, short_folder
from tests.conftest import ROOT, one_start_at_a_time

PICTURES = 1000


@pytest.mark.cluster
def test_two_nodes_share_the_work_and_one_may_be_killed() -> None:
    with short_folder() as folder, one_start_at_a_time():
        variables = {
            name: value
            for name, value in environment(folder).items()
            if "AUTOSCALER" not in name and "autoscaler" not in name and name != "RAY_FAKE_CLUSTER"
        }
        done = subprocess.run(
            [sys.executable, "-m", "tests.offline.two_nodes", str(PICTURES)],
            cwd=ROOT,
            env={**variables, "RAY_AUTH_TOKEN": secrets.token_hex(32)},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
    assert done.returncode == 0, done.stderr[-5000:]
    lines = [line.split() for line in done.stdout.splitlines()]
    assert Counter(picture for picture, _ in lines) == {str(n): 1 for n in range(PICTURES)}
    first, last = lines[: PICTURES // 10], lines[-PICTURES // 10 :]
    assert len({node for _, node in first}) == 2
    assert len({node for _, node in last}) == 1
