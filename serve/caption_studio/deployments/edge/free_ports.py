"""Free ports of this machine, for what starts a little later.

A port that the kernel chooses is one of those that it also gives to outgoing connections, so one of
these may take it before it is listened on. Ports below that range are taken by listeners only.
"""

import random
import socket
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

LOWEST = 20_000
"""Ray's own workers listen on 10,002 to 19,999."""

RANGE_FILE = Path("/proc/sys/net/ipv4/ip_local_port_range")
USUAL_RANGE = "32768 60999"
ATTEMPTS = 100


def free_ports(names: Sequence[str]) -> dict[str, int]:
    """Return a free port of 127.0.0.1 for each name, none twice. Raises `OSError`."""
    with ExitStack() as probes:  # all are held until all are found, so no port is found twice
        found = {name: probes.enter_context(socket.socket()) for name in names}
        for probe in found.values():
            _bind(probe)
        return {name: probe.getsockname()[1] for name, probe in found.items()}


def _bind(probe: socket.socket) -> None:
    range_ = RANGE_FILE.read_text() if RANGE_FILE.exists() else USUAL_RANGE
    lowest_outgoing = int(range_.split()[0])
    for _ in range(ATTEMPTS if lowest_outgoing > LOWEST else 0):
        try:
            probe.bind(("127.0.0.1", random.randrange(LOWEST, lowest_outgoing)))
            return
        except OSError:
            continue
    probe.bind(("127.0.0.1", 0))
