"""Start Ray on this machine, or connect to the cluster that `RAY_ADDRESS` names."""

import os

import ray

from caption_studio.deployments.one_machine.belongings import Belongings
from caption_studio.deployments.one_machine.config_file import StartFailed

TRIES = 3


def start_ray(belongings: Belongings) -> None:
    """Start Ray, anew if its processes are not up in time. Raises `StartFailed`.

    Ray waits 30 s for them, without a setting (ray/_private/node.py, 2.60), which does not suffice
    on a machine that is busy. It leaves those that did start running, so they are ended here.
    """
    if "RAY_ADDRESS" in os.environ:
        _init()
        return
    for attempt in range(1, TRIES + 1):
        try:
            _init()
        except Exception as error:
            ray.shutdown()
            belongings.end_processes()
            if attempt == TRIES:
                message = f"Ray could not be started in {TRIES} tries. {error}"
                raise StartFailed(message) from error
            print(f"Ray is not up; trying again. {error}", flush=True)
        else:
            return


def _init() -> None:
    # The dashboard runs arbitrary code for anyone who reaches it, so it stays off.
    ray.init(include_dashboard=False, log_to_driver=True, configure_logging=False)
