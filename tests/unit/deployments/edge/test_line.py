"""What a real HAProxy tells those whom it refuses, and those whom a gateway refused."""

import re
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.client import HTTPConnection
from pathlib import Path

import pytest
from ray.serve._private.haproxy import BackendConfig, ServerConfig

from caption_studio.deployments.edge import haproxy_environment
from caption_studio.deployments.edge.admin_socket import ask
from caption_studio.deployments.edge.haproxy import hardened
from caption_studio.deployments.edge.haproxy_environment import REPLAYED_BYTES
from caption_studio.deployments.edge.line import ABOUT_TO_END
from caption_studio.errors import MAX_RETRY_AFTER_S
from caption_studio.limits import GUESSED_PACE_S, PACE_HEADER, ROOM_HEADER, SHARE_HEADER
from tests.unit.deployments.edge.test_haproxy import gateway, haproxy, written

FULL = "{ sc_conn_cur(1),sub(txn.room) gt 0 }"
"""More requests are open than the gateways have places."""


@contextmanager
def front(
    folder: Path, headers: dict[str, str], *, status: int, full: bool, gateways: int = 1
) -> Iterator[int]:
    """Run a real HAProxy before gateways that answer all alike; it is full for /full or never."""
    with ExitStack() as stack:
        ports = [
            stack.enter_context(gateway(None, status=status, headers=headers))
            for _ in range(gateways)
        ]
        servers = [ServerConfig(name=f"g{port}", host="127.0.0.1", port=port) for port in ports]
        backend = BackendConfig(name="http-app", path_prefix="/", servers=servers)
        config = hardened(written(folder, {"http-app": backend}))
        assert config.count(FULL) == 1
        config = config.replace(FULL, "{ path /full }" if full else "{ always_false }")
        yield stack.enter_context(haproxy(config, folder))


def told(port: int, path: str = "/", key: str | None = None) -> tuple[int, int, str | None]:
    """Return an answer's status, its `Retry-After` (0: none) and our own header."""
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    headers = {} if key is None else {"authorization": f"Bearer {key}"}
    try:
        connection.request("POST", path, body=b"{}", headers=headers)
        answer = connection.getresponse()
        answer.read()
        retry_after = answer.getheader("retry-after") or "0"
        return answer.status, int(retry_after), answer.getheader(PACE_HEADER)
    finally:
        connection.close()


def test_before_any_answer_the_refused_are_spread_by_a_guess(tmp_path: Path) -> None:
    with front(tmp_path, {}, status=200, full=True) as port:
        began_s = time.monotonic()
        answers = [told(port, "/full") for _ in range(500)]
        took_s = time.monotonic() - began_s
    assert {status for status, _, _ in answers} == {429}
    line_s = 500 * GUESSED_PACE_S
    waits_s = [wait_s for _, wait_s, _ in answers]
    assert line_s - took_s <= max(waits_s) <= line_s + 1
    assert min(waits_s) == 1


def test_the_refused_are_spread_by_the_gateways_pace(tmp_path: Path) -> None:
    with front(tmp_path, {PACE_HEADER: "2000000"}, status=200, full=True) as port:
        assert told(port) == (200, 0, None)
        waits_s = [told(port, "/full")[1] for _ in range(5)]
    for wait_s, wanted_s in zip(waits_s, (3, 5, 7, 9, 11), strict=True):
        assert wait_s in (wanted_s, wanted_s - 1)  # a busy machine takes a while


def test_two_gateways_halve_the_pace(tmp_path: Path) -> None:
    headers = {PACE_HEADER: "8000000"}
    with front(tmp_path, headers, status=200, full=True, gateways=2) as port:
        told(port)
        waits_s = [told(port, "/full")[1] for _ in range(3)]
    for wait_s, wanted_s in zip(waits_s, (5, 9, 13), strict=True):
        assert wait_s in (wanted_s, wanted_s - 1)


def test_beyond_the_longest_wait_they_are_spread_all_the_same(tmp_path: Path) -> None:
    with front(tmp_path, {PACE_HEADER: "20000000"}, status=200, full=True) as port:
        told(port)
        waits_s = [told(port, "/full")[1] for _ in range(100)]
    beyond = waits_s[4:]
    assert all(MAX_RETRY_AFTER_S / 2 < wait_s <= MAX_RETRY_AFTER_S for wait_s in beyond)
    assert len(set(beyond)) > 10


@pytest.mark.parametrize("status", [429, 503])
def test_whom_a_gateway_refused_joins_the_same_line(tmp_path: Path, status: int) -> None:
    headers = {PACE_HEADER: "4000000", "Retry-After": "7"}
    with front(tmp_path, headers, status=status, full=True) as port:
        answers = [told(port) for _ in range(3)]
        (_, full_s, _) = told(port, "/full")
    assert [(one, header) for one, _, header in answers] == [(status, None)] * 3
    # The first is told the gateway's own time, which is later than its place in line.
    assert answers[0][1] == 7
    assert answers[1][1] in (8, 9)
    assert answers[2][1] in (12, 13)
    assert full_s in (16, 17)


@pytest.mark.parametrize(
    ("status", "headers"),
    [
        (429, {"Retry-After": "30"}),  # of a key's own limit: it has no pace
        (400, {PACE_HEADER: "4000000"}),
        (500, {PACE_HEADER: "4000000"}),
    ],
)
def test_other_answers_stay_as_they_are(
    tmp_path: Path, status: int, headers: dict[str, str]
) -> None:
    with front(tmp_path, headers, status=status, full=False) as port:
        for _ in range(3):
            assert told(port) == (status, int(headers.get("Retry-After", 0)), None)


@contextmanager
def under_way(port: int, count: int, key: str) -> Iterator[None]:
    """Have so many requests open, at the gateway, with bodies that are still to come."""
    length = REPLAYED_BYTES + 1  # of a smaller one HAProxy awaits the end
    head = f"POST / HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {key}\r\n"
    head += f"content-length: {length}\r\n\r\n"
    with ExitStack() as stack:
        callers = [socket.create_connection(("127.0.0.1", port)) for _ in range(count)]
        for caller in callers:
            stack.enter_context(caller).sendall(head.encode())
        yield
        for caller in callers:
            caller.sendall(bytes(length))
        for caller in callers:
            caller.recv(100)


def wait_until_open(folder: Path, count: int) -> None:
    """Wait until HAProxy counts so many requests: it counts one for a little after its end."""
    deadline_s = time.monotonic() + 30
    open_now = -1
    while open_now != count and time.monotonic() < deadline_s:
        table = ask(folder, "show table http-app")
        open_now = max(map(int, re.findall(r"conn_cur=(\d+)", table)), default=0)
    assert open_now == count


def test_who_is_refused_is_refused_as_the_gateway_would(tmp_path: Path) -> None:
    headers = {PACE_HEADER: "1000", ROOM_HEADER: "4", SHARE_HEADER: "2"}
    backend_of = BackendConfig(name="http-app", path_prefix="/", servers=[])
    with gateway(None, headers=headers) as server:
        backend_of.servers.append(ServerConfig(name="g", host="127.0.0.1", port=server))
        config = hardened(written(tmp_path, {"http-app": backend_of}))
        with haproxy(config, tmp_path) as port:
            crowd = 4 + ABOUT_TO_END
            with under_way(port, crowd, "greedy"):
                wait_until_open(tmp_path, crowd)
                before = told(port)
            assert before == (200, 0, None)  # no gateway has told anything yet
            wait_until_open(tmp_path, 0)
            statuses = {}
            with under_way(port, crowd, "greedy"):
                for key in ("greedy", "frugal", None):
                    wait_until_open(tmp_path, crowd)
                    statuses[key] = told(port, key=key)[0]
            assert statuses == {"greedy": 429, "frugal": 200, None: 429}
            wait_until_open(tmp_path, 0)
            assert told(port, key="greedy")[0] == 200


def test_the_variables_of_the_process_are_one_threads(tmp_path: Path) -> None:
    assert (
        haproxy_environment.environment(tmp_path, longest_request_s=150)[
            "RAY_SERVE_HAPROXY_NBTHREAD"
        ]
        == "1"
    )
