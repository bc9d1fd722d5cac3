"""What several kinds of tests share: above all how the service is started."""

import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import psutil
import pytest
import yaml

from benchmarks.ports import free_port
from caption_studio.settings import EMBEDDED_MODELS_DIR
from tests.service_app import FAULTS_VARIABLE, SOCKET_VARIABLE

START_TIMEOUT_S = 300
STOP_TIMEOUT_S = 60
ROOT = Path(__file__).parents[1]
ADMIN_KEY = "an-admin-key-of-the-tests"
COMMAND = Path(sys.executable).with_name("caption-studio")
ENGINE_PROCESS = "EngineCore|multiprocessing-fork"
"""How the engine's process is called: vLLM does not always succeed in setting a title."""

SHARES_NOTHING = ("training",)
LONGEST_FIRST = {
    name: rank
    for rank, name in enumerate(
        (
            "faults",
            "contract",
            "training/test_own_voice.py",
            "cluster",
            "engine",
            "training/test_finetune.py",
            "doors",
            "engine_adapters",
        )
    )
}

ARGS: dict[str, dict[str, Any]] = {
    "images": {
        "max_bytes": 4 * 1024**2,
        "allowed_hosts": ["store.internal:9000"],
        "fetch_timeout_s": 2.0,
        "decode_timeout_s": 10.0,
    },
    "language": {"kv_cache_bytes": 32 * 1024**2, "adapters_dir": str(EMBEDDED_MODELS_DIR)},
    "gateway": {
        "max_body_bytes": 8 * 1024**2,
        "upload_timeout_s": 5.0,
        "max_in_flight": 64,
        "admin_keys": [ADMIN_KEY],
    },
}
"""Limits that a test reaches quickly; all else is the demo's.

The KV cache becomes resident as it is used: a small one is all there after the warm-up of
tests/contract/conftest.py, and memory that grows after it is somebody's fault.
"""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest first.

    One that came last would keep one process busy while the other has nothing to do.
    """
    items.sort(key=lambda item: LONGEST_FIRST.get(_group(item.nodeid), len(LONGEST_FIRST)))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """With `--dist loadgroup`, keep in one process what shares a service.

    Not by the mark `xdist_group`: pytest 9.2 has no `_nodeid`, to which xdist 3.8 writes the group.
    """
    if config.getvalue("dist") != "loadgroup":
        return None
    from xdist.scheduler import LoadScopeScheduling

    class OneProcessForAGroup(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return _group(nodeid)

    return OneProcessForAGroup(config, log)


def _group(nodeid: str) -> str:
    """Return the test's folder, or its file in a folder that shares nothing."""
    file = PurePosixPath(nodeid.partition("::")[0]).relative_to("tests")
    return str(file) if file.parts[0] in SHARES_NOTHING else file.parts[0]


@dataclass(frozen=True)
class Service:
    """The service as an operator starts it.

    `log` is what it printed so far, `internet` the socket where it asks for names and
    connections (tests/contract/internet.py), `config` the file it was started with.
    """

    url: str
    log: Path
    pid: int
    internet: Path
    config: Path


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@contextmanager
def running(
    folder: Path,
    args: Mapping[str, Mapping[str, Any]],
    replicas: int = 1,
    gateways: int = 0,
    **application: str,
) -> Generator[Service]:
    """Start the embedded demo with other settings, and with so many replicas of everything.

    There are as many `gateways`, unless they are given. `application` replaces fields of the
    application in the config file.
    """
    log, internet = folder / "log", folder / "internet"
    port = free_port()
    config = write_config(folder, args, replicas, gateways, **application)
    with log.open("wb") as output, one_start_at_a_time():
        process = subprocess.Popen(
            [COMMAND, "serve", "--config", config, "--port", str(port)],
            stdout=output,
            stderr=subprocess.STDOUT,
            env=_environment(internet),
            process_group=0,
        )
        try:
            wait_for(f"Listening on http://127.0.0.1:{port}", log, process)
            _put_callers_first(process.pid)
        except BaseException:
            process.kill()
            raise
    try:
        yield Service(f"http://127.0.0.1:{port}", log, process.pid, internet, config)
    finally:
        process.send_signal(signal.SIGINT)
        try:
            status = process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
    assert status == 0, log.read_text()[-5000:]


def _put_callers_first(service: int) -> None:
    """Give the service's session a smaller share of the processors than ours.

    Linux shares them out between sessions, where it has autogroups (sched(7)). Without this, those
    who ask a busy service have waited for a processor for 10 s and longer (Linux 6.18).
    """
    for process in psutil.Process(service).children():
        share = Path(f"/proc/{process.pid}/autogroup")
        if share.exists():
            share.write_text("5")


def faults_folder(folder: Path) -> Path:
    """Return where the service that runs in `folder` is told of faults (tests/faulty_stages.py)."""
    return folder / "faults"


def write_config(
    folder: Path,
    args: Mapping[str, Mapping[str, Any]],
    replicas: int = 1,
    gateways: int = 0,
    **changes: str,
) -> Path:
    """Write the demo's config with these settings and with a stand-in for the internet."""
    config = yaml.safe_load((ROOT / "deploy" / "demo.yaml").read_text())
    (application,) = config["applications"]
    language = {**args.get("language", {}), "adapter_cache_dir": str(folder / "adapters")}
    batches = {"store": str(folder / "files"), **args.get("batches", {})}
    own = {"language": language, "batches": batches}
    application.update(import_path="tests.service_app:build", args={**args, **own})
    application.update(changes)
    for deployment in application["deployments"]:
        count = (gateways if deployment["name"] == "Gateway" else 0) or replicas
        deployment["num_replicas"] = count
        deployment["ray_actor_options"] = {"num_cpus": 0.25 / count}  # it is one machine still
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(config))
    return path


def _environment(internet: Path) -> dict[str, str]:
    """Let every process of the service import `tests` and find the stand-in."""
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    faults = faults_folder(internet.parent)
    faults.mkdir(exist_ok=True)
    own = {SOCKET_VARIABLE: str(internet), FAULTS_VARIABLE: str(faults)}
    return {**os.environ, "PYTHONPATH": path, **own}


@contextmanager
def one_start_at_a_time() -> Generator[None]:
    """Hold a lock that all test processes share: two starts are too much for their machine."""
    path = ROOT / "tmp" / "start.lock"
    path.parent.mkdir(exist_ok=True)
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def wait_for(text: str, log: Path, process: subprocess.Popen[bytes]) -> None:
    """Wait until the process has logged the text; fail if it ends or takes too long."""
    deadline = time.monotonic() + START_TIMEOUT_S
    while text not in log.read_text(errors="replace"):
        if process.poll() is not None or time.monotonic() > deadline:
            tail = log.read_text(errors="replace")[-5000:]
            pytest.fail(f"the service did not start (status {process.poll()}):\n{tail}")
        time.sleep(0.2)
