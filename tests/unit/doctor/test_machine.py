import os
import socket
import sys
from pathlib import Path

import pytest

from caption_studio.doctor import machine
from caption_studio.doctor.machine import Gpu, gpus_of, look
from caption_studio.model_files import HubPlace


@pytest.fixture(autouse=True)
def nothing_is_asked_outside(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    place = HubPlace("http://127.0.0.1:9", tmp_path / "not" / "yet", is_offline=False)
    monkeypatch.setattr(machine, "hub_place", lambda: place)
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setenv("no_proxy", "*")


def test_this_machine() -> None:
    seen = look()
    assert seen.python == sys.version_info[:3]
    assert seen.packages["torch"]
    assert 0 < seen.memory_bytes < 2**50
    assert seen.shared_bytes > 0
    assert seen.models.free_bytes > 0
    assert seen.models.is_writable
    assert seen.hub_failure is not None
    assert "refused" in seen.hub_failure


def test_a_cache_that_this_user_may_not_see_is_no_fault_of_doctor(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def refused(folder: Path) -> None:
        if folder != tmp_path:
            raise PermissionError(folder)
        return usage(folder)

    usage = machine.shutil.disk_usage
    monkeypatch.setattr(machine.shutil, "disk_usage", refused)
    monkeypatch.setattr(machine, "SHARED_MEMORY", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    assert look().models.free_bytes > 0


@pytest.mark.parametrize("folder", ["/proc", "/proc/not/there"])  # not even root may write there
def test_a_folder_that_cannot_be_written_is_seen_and_ends_nothing(
    monkeypatch: pytest.MonkeyPatch, folder: str
) -> None:
    monkeypatch.setenv("TMPDIR", folder)
    seen = look().temporary
    assert (seen.path, seen.is_writable) == (Path(folder), False)


def test_temporary_files_go_where_rays_go(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    seen = look().temporary
    assert (seen.path, seen.is_writable) == (tmp_path, True)
    assert list(tmp_path.iterdir()) == []
    monkeypatch.delenv("TMPDIR")
    assert look().temporary.path == Path("/tmp")


def test_a_proxy_that_cannot_be_used_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def without_package(address: str) -> str | None:
        raise ImportError("SOCKS needs another package")

    monkeypatch.setattr(machine, "_hub_failure", without_package)
    assert look().hub_failure == "SOCKS needs another package"


def test_a_taken_port_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        monkeypatch.setattr(machine, "SERVICE_PORT", other.getsockname()[1])
        assert look().port_is_taken
    assert not look().port_is_taken


def nvidia_smi(folder: Path, script: str) -> None:
    command = folder / "nvidia-smi"
    command.write_text(f"#!/bin/sh\n{script}\n")
    command.chmod(0o755)


@pytest.fixture
def commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}/bin")
    return folder


def test_cards_are_read_from_nvidia_smi(commands: Path) -> None:
    nvidia_smi(commands, "echo 'NVIDIA H100 80GB HBM3, 81559, 580.65.06'")
    assert look().gpus == (Gpu("NVIDIA H100 80GB HBM3", 81559 * 1024**2, "580.65.06"),)


def test_a_driver_that_does_not_answer_is_told(commands: Path) -> None:
    nvidia_smi(commands, "echo 'NVIDIA-SMI has failed'; exit 9")
    seen = look()
    assert seen.gpus == ()
    assert seen.gpu_failure == "nvidia-smi: NVIDIA-SMI has failed"


def test_a_hanging_driver_is_not_waited_for(
    commands: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nvidia_smi(commands, "exec sleep 60")
    monkeypatch.setattr(machine, "NVIDIA_SMI_S", 0.2)
    assert "timed out" in (look().gpu_failure or "")


def test_memory_that_a_card_shares_has_no_number() -> None:
    assert gpus_of("NVIDIA GB10, [N/A], 580.95.05\n") == [Gpu("NVIDIA GB10", 0, "580.95.05")]
    assert gpus_of("No devices were found\n") == []


def test_a_hub_that_does_not_answer_costs_a_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        place = HubPlace(address, Path("/"), is_offline=False)
        monkeypatch.setattr(machine, "hub_place", lambda: place)
        monkeypatch.setattr(machine, "HUB_S", 0.2)
        assert look().hub_failure in ("no answer within 0.2 s", "timed out")


def test_an_offline_hub_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    place = HubPlace("http://127.0.0.1:9", Path("/"), is_offline=True)
    monkeypatch.setattr(machine, "hub_place", lambda: place)
    assert look().hub_failure is None
