"""Questions to the admin sockets of HAProxy on this machine."""

import re
import socket
from pathlib import Path

from caption_studio.deployments.edge.counts import OWN_STATUSES, variable

TIMEOUT_S = 5.0


def pids(folder: Path) -> list[int]:
    """Return the process id of each HAProxy with its files in `folder`."""
    found = re.findall(r"^Pid: (\d+)$", ask(folder, "show info"), re.MULTILINE)
    return [int(pid) for pid in found]


def own_responses(folder: Path) -> dict[int, int]:
    """Return how many answers of its own HAProxy has given since it started, by status."""
    command = ";".join(f"get var {variable(status)}" for status in OWN_STATUSES)
    answer = ask(folder, command)
    counts = {}
    for status in OWN_STATUSES:
        line = rf"^{re.escape(variable(status))}: type=sint value=<(\d+)>$"
        counts[status] = sum(int(count) for count in re.findall(line, answer, re.MULTILINE))
    return counts


def ask(folder: Path, command: str) -> str:
    """Return the joined answers of all sockets; Serve puts one into a folder for each node."""
    answers = []
    for path in folder.rglob("admin.sock"):
        try:
            with socket.socket(socket.AF_UNIX) as admin:
                admin.settimeout(TIMEOUT_S)
                admin.connect(str(path))
                admin.sendall(f"{command}\n".encode())
                with admin.makefile() as answer:
                    answers.append(answer.read())
        except OSError:
            continue  # it has ended by itself
    return "".join(answers)
