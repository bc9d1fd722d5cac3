"""A process that vLLM starts ends soon after its parent, however that has ended.

vLLM ends its engine's process when it shuts down. After a SIGKILL of the captioner's process the
engine would wait for requests for ever, and keep its memory and its GPU. One that is still starting
would wait for five minutes, and heed no SIGTERM meanwhile (vllm/v1/engine/core.py, 0.32.0).

The kernel's own signal for it (PR_SET_PDEATHSIG) will not do: it comes as soon as the parent's
thread ends that has started the process.
"""

import multiprocessing
import os
import sys
import threading
import time
from functools import cache

LOOK_S = 1.0
_SPAWNED = "--multiprocessing-fork"
"""Python starts such a process with it."""


@cache  # vLLM asks for its platform more than once
def end_with_parent() -> None:
    """Watch the process that has spawned this one by `multiprocessing`, if one has."""
    if _SPAWNED in sys.orig_argv:
        threading.Thread(target=_watch, name="parent-watch", daemon=True).start()


def _watch() -> None:
    while True:
        # None until the process has read what it is to run. The pipe of `parent.join` will not do:
        # other children of the parent may hold it open.
        parent = multiprocessing.parent_process()
        if parent is not None and os.getppid() != parent.pid:
            os._exit(1)
        time.sleep(LOOK_S)
