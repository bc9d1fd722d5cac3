"""The variables by which Serve starts our command as its HAProxy, with files of its own.

Not here: the command (deployments.edge.haproxy).
"""

import sys
from math import ceil
from pathlib import Path

from caption_studio.deployments.edge.free_ports import free_ports

COMMAND = "caption-studio-haproxy"

REPLAYED_BYTES = 128 * 1024
"""A request up to this size is retried at another gateway if its own dies before it answers.

HAProxy keeps it in one buffer of this size, of which each side of a busy connection has one. A
request's head must fit into it, too.
"""

LONGEST_MARGIN_S = 10
"""Added to the longest request, so that a gateway's own timeout error comes first."""


def environment(folder: Path, *, longest_request_s: float) -> dict[str, str]:
    """Return what makes Serve's processes use HAProxy, with its files in `folder`.

    `longest_request_s` is the time from a request's first byte to the last of its answer. HAProxy
    waits no longer for a gateway; after a reload the old HAProxy ends when no older request can be
    in progress.

    The processes read the variables when they start. `folder` should be short: a socket's path may
    have 107 bytes, and Serve adds 70.
    """
    return {
        "RAY_SERVE_ENABLE_HA_PROXY": "1",
        "RAY_SERVE_HAPROXY_BINARY_PATH": str(Path(sys.executable).with_name(COMMAND)),
        "RAY_SERVE_HAPROXY_CONFIG_FILE_LOC": str(folder / "haproxy.cfg"),
        "RAY_SERVE_HAPROXY_SOCKET_PATH": str(folder / "admin.sock"),
        "RAY_SERVE_HAPROXY_SERVER_STATE_BASE": str(folder),
        "RAY_SERVE_HAPROXY_SERVER_STATE_FILE": str(folder / "server-state"),
        "RAY_SERVE_HAPROXY_HARD_STOP_AFTER_S": str(ceil(longest_request_s) + LONGEST_MARGIN_S),
        "RAY_SERVE_HAPROXY_TIMEOUT_SERVER_S": str(ceil(longest_request_s) + LONGEST_MARGIN_S),
        "RAY_SERVE_HAPROXY_NBTHREAD": "1",  # moves far more than a gateway replica answers
        # A retry is harmless, unless the request kills every gateway that it reaches: at most two.
        "RAY_SERVE_HAPROXY_RETRY_ON": "conn-failure empty-response",
        "RAY_SERVE_HAPROXY_RETRIES": "2",
        "RAY_SERVE_HAPROXY_TUNE_BUFSIZE": str(REPLAYED_BYTES),
        # They cost a line for each request, read by a further Python process; ours say the same.
        "RAY_SERVE_HAPROXY_METRICS_ENABLED": "0",
        **_ports(),
    }


def _ports() -> dict[str, str]:
    """Return free ports in place of Serve's fixed ones, which would clash with a second service's.

    The fallback proxy would share its port with that of any other service of this user
    (SO_REUSEPORT), and would not start if another user's has it.
    """
    names = (
        "RAY_SERVE_HAPROXY_METRICS_PORT",
        "RAY_SERVE_HAPROXY_STATS_PORT",
        "RAY_SERVE_FALLBACK_PROXY_HTTP_PORT",
        "RAY_SERVE_FALLBACK_PROXY_GRPC_PORT",
    )
    return {name: str(port) for name, port in free_ports(names).items()}
