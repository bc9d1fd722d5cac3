"""What a worker's pod does before it ends, run by a shell with a ray of our own."""

import subprocess
from pathlib import Path

import pytest

from tests.k8s.rendered import OVERLAYS, groups, overlay

PATIENCE_S = 60


def hook(folder: Path, *, ray: str) -> list[str]:
    """Return the command of the gateway's hook; `folder` has the processes and the command ray."""
    container = groups(overlay("gpu"))[0]["template"]["spec"]["containers"][0]
    *shell, script = container["lifecycle"]["preStop"]["exec"]["command"]
    (folder / "ray").write_text(f'#!/bin/sh\necho "$@" >> {folder}/told\n{ray}\n')
    (folder / "ray").chmod(0o755)
    assert "/proc/" in script
    return [*shell, f"PATH={folder}:$PATH\n{script.replace('/proc/', f'{folder}/')}"]


@pytest.fixture
def replica(tmp_path: Path) -> Path:
    """A process's command line, in a folder in place of /proc."""
    for pid, title in (
        ("41", "sh\0-c\0grep [S]erveReplica"),
        ("42", "ray::ServeReplica:a:Gateway"),
    ):
        (tmp_path / pid).mkdir()
        (tmp_path / pid / "cmdline").write_text(title)
    return tmp_path / "42" / "cmdline"


@pytest.mark.parametrize("ray", ["exit 0", "exit 124"], ids=["told", "no-answer-in-time"])
def test_a_pod_tells_ray_and_waits_for_its_replica(ray: str, replica: Path, tmp_path: Path) -> None:
    with subprocess.Popen(hook(tmp_path, ray=ray)) as waiting:
        with pytest.raises(subprocess.TimeoutExpired):
            waiting.wait(2)
        replica.unlink()
        assert waiting.wait(PATIENCE_S) == 0
    assert (tmp_path / "told").read_text().startswith("drain-node --reason DRAIN_NODE_REASON_")


def test_a_pod_that_cannot_tell_ray_ends(replica: Path, tmp_path: Path) -> None:
    assert (
        subprocess.run(hook(tmp_path, ray="exit 1"), timeout=PATIENCE_S, check=False).returncode
        == 0
    )
    assert replica.exists()


@pytest.mark.parametrize("name", OVERLAYS)
def test_all_workers_have_the_same_hook(name: str) -> None:
    hooks = [
        group["template"]["spec"]["containers"][0]["lifecycle"] for group in groups(overlay(name))
    ]
    assert hooks[1:] == hooks[:-1]
