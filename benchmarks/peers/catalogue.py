"""The peers: the start, loads and description of each.

"Adapter" is the LoRA adapter beside the base model; "merged" has it added into the weights.
"""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from benchmarks.peers import engine, loads
from benchmarks.peers.loads import Load
from benchmarks.peers.starts import (
    ADAPTER,
    ADAPTER_ID,
    AS_OURS,
    BASE_ID,
    FALCON,
    GIT,
    Workspace,
    as_ours,
    captioning,
    import_path,
    ours,
    python,
    vllm,
    vllm_with_worker,
    without_plugins,
)
from benchmarks.server import Server

CLOSED_CAPTIONS = (loads.CAPTIONS_64, loads.CAPTIONS_1)
CLOSED_TEXT = (loads.TEXT_WHOLE, loads.TEXT_STREAMED)


@dataclass(frozen=True)
class Peer:
    """A server that speaks HTTP. `server` builds its command for a port."""

    name: str
    about: str
    model: str
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
        environment = {**engine.ENVIRONMENT, **import_path(), **self.environment}
        return Server([*words, *map(str, windows)], "", environment)


_OUR_ADAPTER = {"adapters": [{"id": ADAPTER_ID, "source": f"embedded:{ADAPTER.name}"}]}

PEERS: tuple[Peer, ...] = (
    Peer(
        "notebook",
        "transformers generate for both models, PEFT adapter, one request at a time, FastAPI",
        ADAPTER_ID,
        lambda work, port: captioning("notebook", FALCON, port, "--adapter", ADAPTER),
    ),
    Peer(
        "fixed-batches",
        "the same with batches of 8, gathered for up to 50 ms",
        ADAPTER_ID,
        lambda work, port: captioning("fixed_batches", FALCON, port, "--adapter", ADAPTER),
    ),
    Peer(
        "stock-serve",
        "Ray Serve: @serve.batch GIT and ray.serve.llm (merged model), default proxy",
        ADAPTER_ID,
        lambda work, port: without_plugins(captioning("stock_serve", work.merged, port)),
        needs_merged=True,
    ),
    Peer(
        "serve-llm",
        "ray.serve.llm's OpenAI application, base model, default proxy",
        BASE_ID,
        lambda work, port: without_plugins(
            as_ours(
                python(
                    "benchmarks.peers.servers.serve_llm",
                    port,
                    "/v1/models",
                    *("--falcon", FALCON, "--model-id", BASE_ID),
                )
            )
        ),
    ),
    Peer(
        "vllm-base",
        "vLLM's own API server, base model",
        BASE_ID,
        lambda work, port: without_plugins(vllm(port)),
    ),
    Peer(
        "vllm-base-plugins",
        "the same with our plug-ins, which run Falcon faster on a CPU",
        BASE_ID,
        lambda work, port: vllm(port),
    ),
    Peer(
        "vllm-adapter",
        "vLLM's own API server, LoRA adapter by our plug-ins",
        ADAPTER_ID,
        lambda work, port: vllm(port, **engine.LORA_ARGS, lora_modules=f"{ADAPTER_ID}={ADAPTER}"),
    ),
    Peer(
        "vllm-base-worker",
        "vLLM's own API server as it comes, a worker beside the engine's process, base model",
        BASE_ID,
        lambda work, port: without_plugins(vllm_with_worker(port)),
    ),
    Peer(
        "vllm-adapter-worker",
        "the same with the LoRA adapter by our plug-ins",
        ADAPTER_ID,
        lambda work, port: vllm_with_worker(
            port, **engine.LORA_ARGS, lora_modules=f"{ADAPTER_ID}={ADAPTER}"
        ),
    ),
    Peer(
        "ours-base",
        "Caption Studio, no adapter configured",
        BASE_ID,
        lambda work, port: ours(work, "ours-base", port, {"adapters": []}),
    ),
    Peer(
        "ours-adapter",
        "Caption Studio, LoRA adapter",
        ADAPTER_ID,
        lambda work, port: ours(work, "ours-adapter", port, _OUR_ADAPTER),
    ),
    Peer(
        "ours-merged",
        "Caption Studio, language.mode merged",
        ADAPTER_ID,
        lambda work, port: ours(work, "ours-merged", port, {**_OUR_ADAPTER, "mode": "merged"}),
    ),
    Peer(
        "ours-with-cache",
        "Caption Studio as it comes, which remembers descriptions, LoRA adapter",
        ADAPTER_ID,
        lambda work, port: ours(work, "ours-with-cache", port, _OUR_ADAPTER, cache=True),
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


@dataclass(frozen=True)
class Group:
    """Peers by name that run side by side and are asked in turn, under each of the loads."""

    peers: tuple[str, ...]
    loads: tuple[Load, ...]


GROUPS: tuple[Group, ...] = (
    Group(
        (
            *("vllm-base", "ours-base", "vllm-base-plugins"),
            *("vllm-base-worker", "serve-llm", "ours-merged"),
        ),
        (*CLOSED_TEXT, loads.TEXT_OPEN),
    ),
    Group(("vllm-adapter", "ours-adapter", "vllm-adapter-worker"), (*CLOSED_TEXT, loads.TEXT_OPEN)),
    Group(
        ("notebook", "ours-adapter", "stock-serve", "ours-merged", "fixed-batches"),
        (*CLOSED_CAPTIONS, loads.CAPTIONS_OPEN),
    ),
    Group(("ours-adapter", "ours-with-cache"), (loads.CAPTIONS_REPEATED,)),
)
"""All peers of a ratio are in one group, so that a slow hour of the machine is one for all."""
