"""What HAProxy answers itself is counted, by a real one; what gateways answer is not."""

import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest
from prometheus_client import generate_latest
from ray.serve._private.haproxy import BackendConfig, ServerConfig

from benchmarks.ports import free_port
from caption_studio.deployments.edge.admin_socket import own_responses, pids
from caption_studio.deployments.edge.haproxy import hardened
from caption_studio.deployments.edge.haproxy_environment import environment
from caption_studio.observability.proxy_metrics import proxy_registry
from tests.unit.deployments.edge.test_haproxy import gateway, haproxy, post, written

NONE = {429: 0, 502: 0, 503: 0, 504: 0}


def in_front_of(folder: Path, *ports: int, change: tuple[str, str] = ("", "")) -> str:
    servers = [ServerConfig(name=f"g{port}", host="127.0.0.1", port=port) for port in ports]
    backend = BackendConfig(name="http-app", path_prefix="/", servers=servers)
    return hardened(written(folder, {"http-app": backend})).replace(*change)


def asked(port: int, count: int = 3) -> list[bytes]:
    return [post(port, 100, 0) for _ in range(count)]


@contextmanager
def silent() -> Iterator[int]:
    """Take connections and answer health checks, and nothing else."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with ExitStack() as open_connections, suppress(OSError):
                while True:
                    connection, _ = server.accept()
                    open_connections.enter_context(connection)
                    if connection.recv(4).startswith(b"GET"):
                        connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
        thread.join()


@pytest.mark.parametrize("status", [200, 429, 503])
def test_what_a_gateway_answers_is_not_counted(tmp_path: Path, status: int) -> None:
    with (
        gateway(None, status=status) as port,
        haproxy(in_front_of(tmp_path, port), tmp_path) as front,
    ):
        assert asked(front) == [b"HTTP/1.1 %d" % status] * 3
        assert own_responses(tmp_path) == NONE


def test_no_gateway_is_counted(tmp_path: Path) -> None:
    with haproxy(in_front_of(tmp_path, free_port()), tmp_path) as front:
        assert asked(front) == [b"HTTP/1.1 503"] * 3
        assert own_responses(tmp_path) == {**NONE, 503: 3}
        (pid,) = pids(tmp_path)
        assert pid > 0


def test_a_gateway_that_dies_is_counted(tmp_path: Path) -> None:
    with gateway([]) as port, haproxy(in_front_of(tmp_path, port), tmp_path) as front:
        assert asked(front, 1) == [b"HTTP/1.1 502"]
        assert own_responses(tmp_path) == {**NONE, 502: 1}


def test_a_gateway_that_hangs_is_counted_and_told_in_our_form(tmp_path: Path) -> None:
    change = ("    timeout connect", "    timeout server 200ms\n    timeout connect")
    with silent() as port, haproxy(in_front_of(tmp_path, port, change=change), tmp_path) as front:
        with socket.create_connection(("127.0.0.1", front), timeout=10) as connection:
            connection.sendall(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n")
            head, _, body = connection.recv(4096).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 504")
        assert b'"code":"deadline_exceeded"' in body
        assert own_responses(tmp_path) == {**NONE, 504: 1}


def test_a_flood_is_counted(tmp_path: Path) -> None:
    change = ("nbsrv,mul(640)", "nbsrv,mul(0),sub(1)")  # no room at all
    with (
        gateway(None) as port,
        haproxy(in_front_of(tmp_path, port, change=change), tmp_path) as front,
    ):
        assert asked(front) == [b"HTTP/1.1 429"] * 3
        assert own_responses(tmp_path) == {**NONE, 429: 3}


def test_they_are_a_metric(tmp_path: Path) -> None:
    text = generate_latest(proxy_registry(lambda: {**NONE, 503: 3})).decode()
    assert 'caption_studio_proxy_responses_total{status="503"} 3.0' in text
    assert own_responses(tmp_path) == NONE  # no HAProxy


def test_haproxy_waits_longer_than_the_longest_request(tmp_path: Path) -> None:
    settings = environment(tmp_path, longest_request_s=149.5)
    assert settings["RAY_SERVE_HAPROXY_TIMEOUT_SERVER_S"] == "160"
    assert settings["RAY_SERVE_HAPROXY_HARD_STOP_AFTER_S"] == "160"
