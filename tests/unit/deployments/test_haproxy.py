"""What is asked of Serve's HAProxy configuration, made by Serve's own code."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from ray.serve._private.haproxy import BackendConfig, HAProxyApi, HAProxyConfig, ServerConfig

from caption_studio.deployments.haproxy import COMMAND, environment, hardened


def written(folder: Path, backends: dict[str, BackendConfig]) -> str:
    """Return the configuration as Serve writes it."""
    config = HAProxyConfig(
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
    assert {int(status) for status, _ in bodies} == {404, 502, 503}
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


def test_only_the_front_listens_to_others(served: str) -> None:
    binds = re.findall(r"^\s+bind (\S+)$", hardened(served), flags=re.MULTILINE)
    assert binds == ["127.0.0.1:9101", "127.0.0.1:8000", "127.0.0.1:8404"]
    assert "mode 600 level admin" in hardened(served)


def test_a_flood_is_refused_before_the_gateway(with_gateway: str) -> None:
    config = hardened(with_gateway)
    (rule,) = re.findall(r"^ +http-request return status 429 .*$", config, re.M)
    assert "hdr retry-after 10" in rule
    assert rule.endswith(" if METH_POST { nbsrv gt 0 } { be_conn,sub(txn.room) gt 0 }")
    assert hardened(config) == config
    with pytest.raises(ValueError, match="http-reuse"):
        hardened(with_gateway.replace("http-reuse always", "http-reuse safe"))


def test_another_configuration_is_refused(served: str) -> None:
    with pytest.raises(ValueError, match="no line like"):
        hardened(served.replace("errorfile 503", "errorfile 599"))


@pytest.mark.parametrize("state", ["served", "with_gateway"])
def test_haproxy_takes_the_configuration(
    state: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    path = tmp_path / "haproxy.cfg"
    served = request.getfixturevalue(state)
    path.write_text(served)
    settings = {**os.environ, **environment(tmp_path)}
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


def test_it_needs_nothing_heavy_to_start() -> None:
    code = "import sys, caption_studio.deployments.haproxy; print('ray' in sys.modules)"
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert answer.stdout == "False\n"
