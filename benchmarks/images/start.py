"""The image for CPUs, run as compose.yaml does, without a network → a caption, and figures."""

import json
import subprocess
import time
from dataclasses import dataclass

from benchmarks.hardware import ROOT
from benchmarks.images.docker import docker

PICTURE = "docs/example.jpg"
WITHOUT_PRIVILEGES = ("--cap-drop=ALL", "--security-opt=no-new-privileges:true")
READY_S = 300.0
STOP_S = 150
PROBE = "wget --quiet --output-document=/dev/null http://127.0.0.1:8000/readyz"
FIELDS = (("total_rss", "anon"), ("total_shmem", "shmem"))
"""What processes hold, in version 1 and 2 of control groups."""

MEMORY = "cat /sys/fs/cgroup/memory.stat /sys/fs/cgroup/memory/memory.stat 2>/dev/null"


class StartFailed(Exception):
    """The container ended, or was not ready in time; the text is the end of its log."""


@dataclass(frozen=True)
class Start:
    """Seconds; memory is what the container's processes hold after a caption, without files."""

    ready_s: float
    caption: str
    memory_mb: float
    stop_s: float
    exit_status: int


def start(image: str) -> Start:
    """Start a container, caption the example, stop it. Raises `StartFailed`."""
    began = time.monotonic()
    container = docker(
        *("run", "--detach", "--init", "--shm-size=2g", "--network=none", *WITHOUT_PRIVILEGES),
        *("--env=CAPTION_STUDIO_GATEWAY__ALLOW_ANONYMOUS=true", image),
    ).strip()
    try:
        _wait(container, began + READY_S)
        ready_s = time.monotonic() - began
        docker("cp", str(ROOT / PICTURE), f"{container}:/tmp/picture.jpg")
        said = docker("exec", container, "caption-studio", "caption", "--json", "/tmp/picture.jpg")
        memory_mb = memory(docker("exec", container, "sh", "-c", f"{MEMORY}; true"))
        stopping = time.monotonic()
        docker("stop", f"--time={STOP_S}", container)
        return Start(
            ready_s=round(ready_s, 1),
            caption=json.loads(said)["caption"],
            memory_mb=memory_mb,
            stop_s=round(time.monotonic() - stopping, 1),
            exit_status=int(docker("inspect", "--format={{.State.ExitCode}}", container)),
        )
    finally:
        docker("rm", "--force", container)


def memory(statistics: str) -> float:
    """Return what processes hold, in MB, of a control group's memory.stat, version 1 or 2."""
    found = dict(line.split() for line in statistics.splitlines())
    held = [found.get(old, found.get(new, "0")) for old, new in FIELDS]
    return round(sum(map(int, held)) / 10**6, 1)


def _wait(container: str, deadline: float) -> None:
    while True:
        try:
            docker("exec", container, "sh", "-c", PROBE)
            return
        except subprocess.CalledProcessError:
            running = docker("inspect", "--format={{.State.Running}}", container).strip()
            if running != "true" or time.monotonic() > deadline:
                raise StartFailed(docker("logs", "--tail=20", container)) from None
        time.sleep(0.5)
