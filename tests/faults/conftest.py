"""A service of its own with two replicas of everything, of which the tests kill some."""

import re
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import psutil
import pytest

from caption_studio.settings import EMBEDDED_MODELS_DIR
from tests.conftest import ADMIN_KEY, ENGINE_PROCESS, Service, running
from tests.faults.keys import FILE
from tests.faults.load import HEAD

HEAL_S = 60.0
REPLICAS = 2
ARGS: dict[str, dict[str, Any]] = {
    "language": {"kv_cache_bytes": 32 * 1024**2, "adapters_dir": str(EMBEDDED_MODELS_DIR)},
    "gateway": {"admin_keys": [ADMIN_KEY], "request_timeout_s": 60},
}
GATEWAY, DESCRIBER, CAPTIONER, ENGINE = "Gateway", "Describer", "Captioner", "EngineCore"
TABLE = pytest.StashKey[list[tuple[str, ...]]]()


class Fleet:
    """The running service and its processes."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.url = service.url

    def processes(self, stage: str) -> list[psutil.Process]:
        """Return the replicas of a stage, or the captioners' engines, oldest first."""
        mark = ENGINE_PROCESS if stage == ENGINE else f"ServeReplica:caption-studio:{stage}"
        found = []
        for process in psutil.Process(self.service.pid).children(recursive=True):
            try:
                if re.search(mark, " ".join(process.cmdline())):
                    found.append((process.create_time(), process))
            except psutil.NoSuchProcess:
                continue
        return [process for _, process in sorted(found, key=lambda pair: pair[0])]

    def is_ready(self) -> bool:
        """Ask the service itself."""
        try:
            return httpx.get(f"{self.url}/readyz", timeout=10).status_code == 200
        except httpx.HTTPError:
            return False

    def wait_until_whole(self, since_s: float, replicas: int = REPLICAS) -> float:
        """Wait for all replicas to be there and ready; return the seconds since then."""
        wait_until(lambda: self._is_whole(replicas), HEAL_S - (time.monotonic() - since_s))
        return time.monotonic() - since_s

    def _is_whole(self, replicas: int) -> bool:
        counts = {stage: len(self.processes(stage)) for stage in (GATEWAY, DESCRIBER, CAPTIONER)}
        engines = self.processes(ENGINE)
        return set(counts.values()) == {replicas} and len(engines) == replicas and self.is_ready()


@pytest.fixture(scope="package")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    folder = tmp_path_factory.mktemp("fleet")
    keys = folder / "keys"
    keys.write_text(FILE)
    gateway = {**ARGS["gateway"], "api_keys_file": str(keys)}
    with running(folder, {**ARGS, "gateway": gateway}, REPLICAS) as service:
        yield Fleet(service)


def wait_until(condition: Callable[[], bool], timeout_s: float) -> None:
    deadline_s = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline_s, "it did not come about in time"
        time.sleep(0.25)


@pytest.fixture(scope="session")
def table(pytestconfig: pytest.Config) -> list[tuple[str, ...]]:
    """Give the rows that are printed at the end of the run."""
    return pytestconfig.stash.setdefault(TABLE, [])


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Print what each fault has cost."""
    rows = config.stash.get(TABLE, [])
    for row in [HEAD, *rows] if rows else []:
        terminalreporter.write_line(" | ".join(row))
