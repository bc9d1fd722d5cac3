"""A Serve that others started: the address that it listens on counts."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.ports import free_port
from tests.conftest import ROOT, one_start_at_a_time

pytestmark = pytest.mark.service

SCRIPT = Path(__file__).with_name("deploy_elsewhere.py")


def deployed(host: str) -> str:
    """Return what the script says that became of the deployment."""
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    with one_start_at_a_time():
        done = subprocess.run(
            [sys.executable, SCRIPT, host, str(free_port())],
            env={**os.environ, "PYTHONPATH": path},
            capture_output=True,
            text=True,
            timeout=180,
            check=True,
        )
    return done.stdout


def test_on_every_address_it_does_not_start_without_keys() -> None:
    said = deployed("0.0.0.0")
    assert "Listening on 0.0.0.0 without API keys" in said
    assert "it serves" not in said
