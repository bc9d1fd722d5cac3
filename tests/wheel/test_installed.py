"""An installed wheel serves, in an empty folder, with nothing of the repository at hand.

It installs everything anew, so pip must reach its indexes: with `TORCH_INDEX_URL`, that one too.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Generator
from pathlib import Path

import pytest

from benchmarks.ports import free_port
from tests.conftest import STOP_TIMEOUT_S, one_start_at_a_time, wait_for
from tests.wheels import ROOT, build_wheel

pytestmark = pytest.mark.slow
INSTALL_TIMEOUT_S = 1800
PICTURE = ROOT / "docs" / "example.jpg"
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}


@pytest.fixture(scope="module")
def commands(tmp_path_factory: pytest.TempPathFactory) -> Generator[Path]:
    """Return the folder of the installed commands; removed afterwards, it takes gigabytes."""
    folder = tmp_path_factory.mktemp("installed")
    index = os.environ.get("TORCH_INDEX_URL")
    subprocess.run([sys.executable, "-m", "venv", folder / "venv"], check=True)
    subprocess.run(
        [
            *(folder / "venv" / "bin" / "python", "-m", "pip", "install", "--quiet"),
            *(["--extra-index-url", index] if index else []),
            f"{build_wheel(tmp_path_factory.mktemp('wheel'))}[cpu]",
        ],
        env=ENVIRONMENT,
        timeout=INSTALL_TIMEOUT_S,
        check=True,
    )
    yield folder / "venv" / "bin"
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def url(commands: Path, tmp_path_factory: pytest.TempPathFactory) -> Generator[str]:
    """Start the service in an empty folder; return its address."""
    folder, log = tmp_path_factory.mktemp("empty"), tmp_path_factory.mktemp("log") / "log"
    address = f"http://127.0.0.1:{free_port()}"
    with log.open("wb") as output, one_start_at_a_time():
        process = subprocess.Popen(
            [commands / "caption-studio", "serve", "--port", address.rpartition(":")[2]],
            cwd=folder,
            env=ENVIRONMENT,
            stdout=output,
            stderr=subprocess.STDOUT,
            process_group=0,
        )
        try:
            wait_for(f"Listening on {address}", log, process)
        except BaseException:
            process.kill()
            raise
    yield address
    process.send_signal(signal.SIGINT)
    assert process.wait(STOP_TIMEOUT_S) == 0
    assert list(folder.iterdir()) == []


def test_it_captions_a_picture(commands: Path, url: str, tmp_path: Path) -> None:
    said = subprocess.run(
        [commands / "caption-studio", "caption", "--json", "--url", url, PICTURE],
        cwd=tmp_path,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    answer = json.loads(said.stdout)
    assert answer["description"] == "three yellow balloons over a calm sea under a rainbow"
    assert answer["caption"]


@pytest.mark.parametrize("path", ["/", "/page/app.js", "/docs", "/readyz"])
def test_it_has_the_page_and_the_reference(url: str, path: str) -> None:
    with urllib.request.urlopen(url + path, timeout=30) as answer:
        assert answer.status == 200
        assert answer.read()


def test_its_doctor_finds_no_problem(commands: Path, tmp_path: Path) -> None:
    said = subprocess.run(
        [commands / "caption-studio", "doctor"],
        cwd=tmp_path,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert said.returncode == 0, said.stdout
