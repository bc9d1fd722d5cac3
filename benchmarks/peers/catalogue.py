"""The peers: the start, loads and description of each.

"Adapter" is the LoRA adapter beside the base model; "merged" has it added into the weights.
"""

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

from benchmarks.peers import engine, loads
from benchmarks.peers.loads import Load
from benchmarks.server import Server
from benchmarks.service import service

ROOT = Path(__file__).parents[2]
MODELS = ROOT / "serve" / "caption_studio" / "demo" / "models"
GIT, FALCON, ADAPTER = MODELS / "git-demo", MODELS / "falcon-demo", MODELS / "caption-demo"
BASE_ID, ADAPTER_ID = FALCON.name, ADAPTER.name
OUR_CONFIG = ROOT / "deploy" / "demo.yaml"

CLOSED_CAPTIONS = (loads.CAPTIONS_64, loads.CAPTIONS_1)
CLOSED_TEXT = (loads.TEXT_WHOLE, loads.TEXT_STREAMED)
CAPTIONS = (*CLOSED_CAPTIONS, loads.CAPTIONS_OPEN)
TEXT = (*CLOSED_TEXT, loads.TEXT_OPEN)

ONE_THREAD = {"OMP_NUM_THREADS": "1"}
"""By default torch has one thread per core. These busy-wait for one another on the cores that the
HTTP server and the client need. Ray gives its replicas one thread, too."""


AS_OURS = {**ONE_THREAD, "VLLM_ENABLE_V1_MULTIPROCESSING": "0"}
"""As Caption Studio starts vLLM on a CPU: without the worker process, which busy-waits."""

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


@dataclass(frozen=True)
class Peer:
    """A server that speaks HTTP. `server` builds its command for a port."""

    name: str
    about: str
    model: str
    loads: tuple[Load, ...]
    server: Callable[[Workspace, int], Server]
    needs_merged: bool = False


@dataclass(frozen=True)
class Alone:
    """One engine by itself, without HTTP: a program that measures and ends."""

    name: str
    about: str
    program: str
    arguments: Callable[[Workspace], tuple[str, ...]]
    environment: Mapping[str, str] = field(default_factory=dict)
    needs_merged: bool = False

    def command(self, work: Workspace, *windows: object) -> Server:
        """Return the program's command; `windows` are its flags for windows and output."""
        words = [sys.executable, "-m", f"benchmarks.peers.{self.program}", *self.arguments(work)]
        environment = {**engine.ENVIRONMENT, **_import_path(), **self.environment}
        return Server([*words, *map(str, windows)], "", environment)


def _import_path() -> dict[str, str]:
    """Let every process of a peer import this package, Ray's workers included."""
    return {"PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))}


def _python(module: str, port: int, ready: str, *arguments: object) -> Server:
    words = [sys.executable, "-m", module, *map(str, arguments), "--port", str(port)]
    environment = {**engine.ENVIRONMENT, **_import_path()}
    return Server(words, f"http://127.0.0.1:{port}{ready}", environment)


def _captioning(module: str, falcon: Path, port: int, *arguments: object) -> Server:
    server = _python(
        f"benchmarks.peers.servers.{module}",
        port,
        "/health",
        *("--git", GIT, "--falcon", falcon, "--model-id", ADAPTER_ID, *arguments),
    )
    return _as_ours(server)


def _vllm(port: int, **arguments: Any) -> Server:
    server = _python(
        "vllm.entrypoints.openai.api_server",
        port,
        "/health",
        *("--host", "127.0.0.1", "--model", FALCON, "--served-model-name", BASE_ID),
        "--disable-uvicorn-access-log",
        *engine.flags({**engine.ENGINE_ARGS, **arguments}),
    )
    return _as_ours(server)


def _vllm_with_worker(port: int, **arguments: Any) -> Server:
    """Return the server with vLLM's own default, a worker process beside the engine's."""
    server = _vllm(port, **arguments)
    return replace(
        server, environment={**server.environment, "VLLM_ENABLE_V1_MULTIPROCESSING": "1"}
    )


def _as_ours(server: Server) -> Server:
    return replace(server, environment={**server.environment, **AS_OURS})


def _ours(
    work: Workspace, name: str, port: int, language: dict[str, Any], *, cache: bool = False
) -> Server:
    config = yaml.safe_load(OUR_CONFIG.read_text())
    (application,) = config["applications"]
    ours = {"language": language, **({} if cache else NO_CACHE)}
    application["args"] = {**application["args"], **ours}
    return service(config, work.folder / f"{name}.yaml", port)


_OUR_ADAPTER = {"adapters": [{"id": ADAPTER_ID, "source": f"embedded:{ADAPTER.name}"}]}

PEERS: tuple[Peer, ...] = (
    Peer(
        "notebook",
        "transformers generate for both models, PEFT adapter, one request at a time, FastAPI",
        ADAPTER_ID,
        CAPTIONS,
        lambda work, port: _captioning("notebook", FALCON, port, "--adapter", ADAPTER),
    ),
    Peer(
        "fixed-batches",
        "the same with batches of 8, gathered for up to 50 ms",
        ADAPTER_ID,
        CAPTIONS,
        lambda work, port: _captioning("fixed_batches", FALCON, port, "--adapter", ADAPTER),
    ),
    Peer(
        "stock-serve",
        "Ray Serve: @serve.batch GIT and ray.serve.llm (merged model), default proxy",
        ADAPTER_ID,
        CAPTIONS,
        lambda work, port: _captioning("stock_serve", work.merged, port),
        needs_merged=True,
    ),
    Peer(
        "serve-llm",
        "ray.serve.llm's OpenAI application, base model, default proxy",
        BASE_ID,
        TEXT,
        lambda work, port: _as_ours(
            _python(
                "benchmarks.peers.servers.serve_llm",
                port,
                "/v1/models",
                *("--falcon", FALCON, "--model-id", BASE_ID),
            )
        ),
    ),
    Peer(
        "vllm-base",
        "vLLM's own API server, base model",
        BASE_ID,
        TEXT,
        lambda work, port: _vllm(port),
    ),
    Peer(
        "vllm-adapter",
        "vLLM's own API server, LoRA adapter",
        ADAPTER_ID,
        TEXT,
        lambda work, port: _vllm(port, **engine.LORA_ARGS, lora_modules=f"{ADAPTER_ID}={ADAPTER}"),
    ),
    Peer(
        "vllm-base-worker",
        "vLLM's own API server as it comes, a worker beside the engine's process, base model",
        BASE_ID,
        TEXT,
        lambda work, port: _vllm_with_worker(port),
    ),
    Peer(
        "vllm-adapter-worker",
        "the same with the LoRA adapter",
        ADAPTER_ID,
        TEXT,
        lambda work, port: _vllm_with_worker(
            port, **engine.LORA_ARGS, lora_modules=f"{ADAPTER_ID}={ADAPTER}"
        ),
    ),
    Peer(
        "ours-base",
        "Caption Studio, no adapter configured",
        BASE_ID,
        TEXT,
        lambda work, port: _ours(work, "ours-base", port, {"adapters": []}),
    ),
    Peer(
        "ours-adapter",
        "Caption Studio, LoRA adapter",
        ADAPTER_ID,
        (*CAPTIONS, loads.CAPTIONS_REPEATED, *TEXT),
        lambda work, port: _ours(work, "ours-adapter", port, _OUR_ADAPTER),
    ),
    Peer(
        "ours-merged",
        "Caption Studio, language.mode merged",
        ADAPTER_ID,
        (*CAPTIONS, *TEXT),
        lambda work, port: _ours(work, "ours-merged", port, {**_OUR_ADAPTER, "mode": "merged"}),
    ),
    Peer(
        "ours-with-cache",
        "Caption Studio as it comes, which remembers descriptions, LoRA adapter",
        ADAPTER_ID,
        (loads.CAPTIONS_REPEATED,),
        lambda work, port: _ours(work, "ours-with-cache", port, _OUR_ADAPTER, cache=True),
    ),
)

_PAIR = ("--git", str(GIT), "--falcon", str(FALCON))

ALONE: tuple[Alone, ...] = (
    Alone(
        "alone-describer",
        "our describer's engine, 64 pictures and 1 in flight, no server",
        "alone_describer",
        lambda work: ("--git", str(GIT)),
    ),
    Alone(
        "alone-base",
        "vLLM's AsyncLLM in one process, base model, no server",
        "alone_captioner",
        lambda work: (*_PAIR, "--loads", *(load.name for load in CLOSED_TEXT)),
        AS_OURS,
    ),
    Alone(
        "alone-adapter",
        "vLLM's AsyncLLM in one process, LoRA adapter, no server",
        "alone_captioner",
        lambda work: (
            *(*_PAIR, "--adapter", str(ADAPTER), "--loads"),
            *(load.name for load in (*CLOSED_TEXT, *CLOSED_CAPTIONS)),
        ),
        AS_OURS,
    ),
    Alone(
        "alone-merged",
        "vLLM's AsyncLLM in one process, merged model, no server",
        "alone_captioner",
        lambda work: (
            *("--git", str(GIT), "--falcon", str(work.merged), "--loads"),
            *(load.name for load in CLOSED_CAPTIONS),
        ),
        AS_OURS,
        needs_merged=True,
    ),
)

ALL: tuple[Peer | Alone, ...] = (*ALONE, *PEERS)
