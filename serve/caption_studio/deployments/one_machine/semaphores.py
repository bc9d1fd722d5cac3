"""Names for a service's semaphores, so that a dead service's can be told from others'.

Python names semaphores alike in every program, keeps them in shared memory by name, and maps them
only while they are used. Private in Python 3.11: `Process._config["semprefix"]`, which child
processes inherit. This module can go when multiprocessing unlinks semaphores at once, or lets a
caller name them.
"""

import multiprocessing
import os
from pathlib import Path

FILE_PREFIX = "sem."


def name_semaphores() -> None:
    """Name those of this process, and of those it starts, for the service's folder."""
    socket_path = os.environ.get("RAY_SERVE_HAPROXY_SOCKET_PATH")
    if socket_path is not None:
        config = multiprocessing.current_process()._config  # type: ignore[attr-defined]
        config["semprefix"] = f"/{Path(socket_path).parent.name}"


def pattern(folder: Path) -> str:
    """Return the pattern of the files of the service with this folder."""
    return f"{FILE_PREFIX}{folder.name}-*"
