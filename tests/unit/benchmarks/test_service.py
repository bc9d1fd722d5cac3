from pathlib import Path

import yaml

from benchmarks.server import Server
from benchmarks.service import service


def test_the_service_gets_its_config_and_is_asked_at_its_port(tmp_path: Path) -> None:
    path, config = tmp_path / "config.yaml", {"applications": [{"name": "captions"}]}
    server = service(config, path, 12345, {"HF_HUB_OFFLINE": "1"}, start_timeout_s=900)
    assert yaml.safe_load(path.read_text()) == config
    assert server.command[1:] == ["serve", "--config", str(path), "--port", "12345"]
    assert server.ready_url == "http://127.0.0.1:12345/readyz"
    assert server.environment == {"HF_HUB_OFFLINE": "1"}
    assert server.start_timeout_s == 900


def test_it_starts_as_long_as_other_servers_may(tmp_path: Path) -> None:
    server = service({}, tmp_path / "config.yaml", 12345)
    assert server.start_timeout_s == Server([], "", {}).start_timeout_s
