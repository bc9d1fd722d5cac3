"""A free port for a server that a benchmark or a test starts."""

import random
import socket

LOWEST, END = 20_000, 32_768
"""Below the ports that Linux gives to outgoing connections, one of which might take a free one."""

ATTEMPTS = 100


def free_port() -> int:
    """Return a free port of 127.0.0.1."""
    for _ in range(ATTEMPTS):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", random.randrange(LOWEST, END)))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise OSError("no port is free")
