"""Start Ray on this machine, or connect to the cluster that `RAY_ADDRESS` names."""

import os
import shutil

import ray

from caption_studio.deployments.one_machine.belongings import Belongings
from caption_studio.deployments.one_machine.tries import tried

SHARED_MEMORY = "/dev/shm"
STORE_SHARE = 0.3
"""What Ray takes of the memory for its object store. Source: ray/_private/utils.py, 2.60."""

STORE_MOST_BYTES = 1024**3
"""More than the service has use for: its calls go past the store, and megabytes are in it."""

STORE_LEAST_BYTES = 75 * 1024**2
"""A smaller store Ray refuses. Source: ray/_private/ray_constants.py, 2.60."""


def start_ray(belongings: Belongings, *, logs: bool = True) -> None:
    """Start Ray, anew if its processes are not up in time. Raises `StartFailed`.

    With `logs`, this process prints what Ray's workers print.

    Ray waits 30 s for them, without a setting (ray/_private/node.py, 2.60), which does not suffice
    on a machine that is busy. It leaves those that did start running, so they are ended here.
    """
    if "RAY_ADDRESS" in os.environ:
        _init(log_to_driver=logs)
        return
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    store = store_bytes(memory, shutil.disk_usage(SHARED_MEMORY).free)

    def undo() -> None:
        ray.shutdown()
        belongings.end_processes()

    tried("Ray", lambda: _init(log_to_driver=logs, object_store_memory=store), undo)


def store_bytes(memory: int, shared: int) -> int | None:
    """Return a size of the object store that fits the shared memory, or None for Ray's own choice.

    Ray's store would lie on the disk if its size did not fit (containers have 64 MB unless told).
    """
    if shared >= STORE_SHARE * memory or shared * 0.9 < STORE_LEAST_BYTES:
        return None
    return min(int(shared * 0.9), STORE_MOST_BYTES)


def _init(*, log_to_driver: bool, **options: int | None) -> None:
    # The dashboard runs arbitrary code for anyone who reaches it, so it stays off.
    ray.init(
        include_dashboard=False, log_to_driver=log_to_driver, configure_logging=False, **options
    )
