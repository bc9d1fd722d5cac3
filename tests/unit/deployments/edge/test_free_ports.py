import socket
from pathlib import Path

import pytest

from caption_studio.deployments.edge import free_ports as module
from caption_studio.deployments.edge.free_ports import LOWEST, free_ports


def test_they_are_free_differ_and_are_none_that_outgoing_connections_get(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(module, "RANGE_FILE", tmp_path / "range")
    module.RANGE_FILE.write_text("32768\t60999\n")
    ports = free_ports([str(number) for number in range(50)])
    assert len(set(ports.values())) == 50
    assert all(LOWEST <= port < 32768 for port in ports.values())
    for port in ports.values():
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", port))


def test_where_all_ports_are_for_outgoing_connections_any_is_taken(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(module, "RANGE_FILE", tmp_path / "range")
    module.RANGE_FILE.write_text("1024 65535")
    assert 1024 <= free_ports(["one"])["one"] <= 65535
