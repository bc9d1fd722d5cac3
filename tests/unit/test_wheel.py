"""The wheel holds what the installed service needs: built here, from what git would hand out."""

import configparser
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

from caption_studio.cli import CONFIGS
from tests.wheels import ROOT, build_wheel

IN_NO_WHEEL = {"benchmarks/README.md", "benchmarks/peers/README.md"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> ZipFile:
    return ZipFile(build_wheel(tmp_path_factory.mktemp("wheel")))


def test_it_has_every_file_of_the_packages(wheel: ZipFile) -> None:
    files = {
        path.relative_to(folder).as_posix()
        for folder, package in ((ROOT / "serve", "caption_studio"), (ROOT, "benchmarks"))
        for path in (folder / package).rglob("*")
        if path.is_file() and not {"__pycache__", "results"} & {*path.parts}
    }
    assert {"caption_studio/page/index.html", "caption_studio/demo/voices.yaml"} <= files
    assert files - set(wheel.namelist()) == IN_NO_WHEEL


def test_its_configs_are_those_of_deploy(wheel: ZipFile) -> None:
    links = sorted(CONFIGS.glob("*.yaml"))
    assert {link.stem for link in links} == {"cluster", "cpu", "demo", "gpu", "gpu-one"}
    for link in links:
        assert link.resolve() == ROOT / "deploy" / link.name
        assert wheel.read(f"caption_studio/configs/{link.name}") == link.read_bytes()


def test_it_brings_commands_and_plugins_and_nothing_else(wheel: ZipFile) -> None:
    (info,) = {name.split("/")[0] for name in wheel.namelist() if ".dist-info/" in name}
    assert {name.split("/")[0] for name in wheel.namelist()} == {
        "caption_studio",
        "benchmarks",
        info,
    }
    points = configparser.ConfigParser(delimiters="=")
    points.read_string(wheel.read(f"{info}/entry_points.txt").decode())
    assert {"caption-studio", "caption-studio-haproxy"} <= set(points["console_scripts"])
    assert points["vllm.general_plugins"]
    assert points["vllm.platform_plugins"]


def test_from_the_wheel_alone_the_commands_default_is_there(wheel: ZipFile, tmp_path: Path) -> None:
    wheel.extractall(tmp_path)
    said = subprocess.run(
        [sys.executable, "-c", "from caption_studio.cli import DEMO_CONFIG as d; print(d)"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stdout.strip() == str(tmp_path / "caption_studio/configs/demo.yaml")
    assert Path(said.stdout.strip()).is_file()
