"""The command that starts each kind of server, ours among them, on one port."""

import os
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from benchmarks.peers import engine
from benchmarks.server import Server
from benchmarks.service import service

ROOT = Path(__file__).parents[2]
MODELS = ROOT / "serve" / "caption_studio" / "demo" / "models"
GIT, FALCON, ADAPTER = MODELS / "git-demo", MODELS / "falcon-demo", MODELS / "caption-demo"
BASE_ID, ADAPTER_ID = FALCON.name, ADAPTER.name
OUR_CONFIG = ROOT / "deploy" / "demo.yaml"

ONE_THREAD = {"OMP_NUM_THREADS": "1"}
"""By default torch has one thread per core. These busy-wait for one another on the cores that the
HTTP server and the client need. Ray gives its replicas one thread, too."""

AS_OURS = {**ONE_THREAD, "VLLM_ENABLE_V1_MULTIPROCESSING": "0"}
"""As Caption Studio starts vLLM on a CPU: without the worker process, which busy-waits."""

NO_PLUGINS = {"VLLM_PLUGINS": ""}
"""vLLM without what this package adds to it: our forward pass and LoRA on a CPU."""

NO_CACHE = {"vision": {"cache_size": 0}}
"""For ours, since no other server caches descriptions."""


@dataclass(frozen=True)
class Workspace:
    """Folder of a run's files for the peers: configurations and the merged model."""

    folder: Path

    @property
    def merged(self) -> Path:
        """The folder of the base model with the adapter added into its weights."""
        return self.folder / "falcon-merged"

    def log(self, name: str) -> Path:
        """The file for a peer's output."""
        return self.folder / f"{name}.log"


def import_path() -> dict[str, str]:
    """Let every process of a peer import this package, Ray's workers included."""
    return {"PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))}


def python(module: str, port: int, ready: str, *arguments: object) -> Server:
    """Return the start of a module of ours or of others."""
    words = [sys.executable, "-m", module, *map(str, arguments), "--port", str(port)]
    environment = {**engine.ENVIRONMENT, **import_path()}
    return Server(words, f"http://127.0.0.1:{port}{ready}", environment)


def captioning(module: str, falcon: Path, port: int, *arguments: object) -> Server:
    """Return the start of a captioning server of `peers.servers`."""
    server = python(
        f"benchmarks.peers.servers.{module}",
        port,
        "/health",
        *("--git", GIT, "--falcon", falcon, "--model-id", ADAPTER_ID, *arguments),
    )
    return as_ours(server)


def vllm(port: int, **arguments: Any) -> Server:
    """Return the start of vLLM's own API server."""
    server = python(
        "vllm.entrypoints.openai.api_server",
        port,
        "/health",
        *("--host", "127.0.0.1", "--model", FALCON, "--served-model-name", BASE_ID),
        "--disable-uvicorn-access-log",
        *engine.flags({**engine.ENGINE_ARGS, **arguments}),
    )
    return as_ours(server)


def vllm_with_worker(port: int, **arguments: Any) -> Server:
    """Return the server with vLLM's own default, a worker process beside the engine's."""
    server = vllm(port, **arguments)
    return replace(
        server, environment={**server.environment, "VLLM_ENABLE_V1_MULTIPROCESSING": "1"}
    )


def without_plugins(server: Server) -> Server:
    """Start vLLM in it as it comes, without what installing this package adds."""
    return replace(server, environment={**server.environment, **NO_PLUGINS})


def as_ours(server: Server) -> Server:
    """Start vLLM in it as ours does."""
    return replace(server, environment={**server.environment, **AS_OURS})


def ours(
    work: Workspace, name: str, port: int, language: dict[str, Any], *, cache: bool = False
) -> Server:
    """Return the start of Caption Studio with these settings of the language model."""
    config = yaml.safe_load(OUR_CONFIG.read_text())
    (application,) = config["applications"]
    changed = {"language": language, **({} if cache else NO_CACHE)}
    application["args"] = {**application["args"], **changed}
    return service(config, work.folder / f"{name}.yaml", port)
