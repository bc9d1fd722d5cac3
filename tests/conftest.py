"""Fixtures that several kinds of tests share: above all the one running service."""

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import openai
import pytest

START_TIMEOUT_S = 300
STOP_TIMEOUT_S = 60
COMMAND = Path(sys.executable).with_name("caption-studio")


@dataclass(frozen=True)
class Service:
    """The service as an operator starts it: its address and what it printed so far."""

    url: str
    log: Path


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Start the embedded demo once for all tests, and hold it to a clean end."""
    log = tmp_path_factory.mktemp("service") / "log"
    port = free_port()
    with log.open("wb") as output:
        process = subprocess.Popen(
            [COMMAND, "serve", "--port", str(port)], stdout=output, stderr=subprocess.STDOUT
        )
    try:
        _wait_for(f"Listening on http://127.0.0.1:{port}", log, process)
        yield Service(f"http://127.0.0.1:{port}", log)
    finally:
        process.send_signal(signal.SIGINT)
        try:
            status = process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
    assert status == 0, log.read_text()[-5000:]


@pytest.fixture(scope="session")
def http(service: Service) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=service.url, timeout=60) as client:
        yield client


@pytest.fixture(scope="session")
def client(service: Service) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{service.url}/v1", api_key="none", max_retries=0) as client:
        yield client


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(text: str, log: Path, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while text not in log.read_text(errors="replace"):
        if process.poll() is not None or time.monotonic() > deadline:
            tail = log.read_text(errors="replace")[-5000:]
            pytest.fail(f"the service did not start (status {process.poll()}):\n{tail}")
        time.sleep(0.2)
