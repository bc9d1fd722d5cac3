"""Captions a folder again and again, and is killed at a random moment each time; then once more.

usage: python -m tests.unit.offline.killed FOLDER TABLE KILLS   (prints how each run ended)
"""

import os
import random
import signal
import sys
from pathlib import Path

from caption_studio.offline.inputs import pictures_in
from caption_studio.offline.run import Job, run
from tests.unit.offline.stages import MODELS, local_flow


def caption(folder: str, table: Path, die_at: int) -> int:
    """Run the command's job, and kill this process at the n-th thing that happens."""
    log = os.open(table.with_name("happened"), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    count = 0

    def happened(what: str, whom: str) -> None:
        nonlocal count
        os.write(log, f"{what}: {whom}\n".encode())
        count += 1
        if count == die_at:
            os.kill(os.getpid(), signal.SIGKILL)

    pictures = pictures_in(folder, column=None, models=MODELS)
    return run(Job(pictures, table, resume=True), local_flow(happened))


def main() -> None:
    folder, table, kills = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    chosen = random.Random(26)
    for die_at in [chosen.randint(1, 9) for _ in range(kills)] + [0]:
        child = os.fork()  # no thread has been started here
        if child == 0:
            os._exit(caption(folder, table, die_at))
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    main()
