"""Start Ray on this machine, or connect to the cluster that `RAY_ADDRESS` names."""

import os
import shutil

import ray

from caption_studio.deployments.one_machine.belongings import Belongings
from caption_studio.deployments.one_machine.tries import tried
from caption_studio.memory import store_bytes

SHARED_MEMORY = "/dev/shm"


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

    # Without an address Ray joins the cluster that somebody has started on this machine last.
    options = {"address": "local", "object_store_memory": store}
    tried("Ray", lambda: _init(log_to_driver=logs, **options), undo)


def _init(*, log_to_driver: bool, **options: int | str | None) -> None:
    # The dashboard runs arbitrary code for anyone who reaches it, so it stays off.
    ray.init(
        include_dashboard=False, log_to_driver=log_to_driver, configure_logging=False, **options
    )
