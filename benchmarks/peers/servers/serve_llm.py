"""Stock `ray.serve.llm`: its OpenAI application with one model, Serve's default proxy.

It loads adapters from cloud buckets only, so an adapter comes merged into the model's folder.
"""

import argparse
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ray
from ray import serve
from ray.serve.llm import LLMConfig, build_openai_app

from benchmarks.peers.engine import ENGINE_ARGS, ENVIRONMENT

RAY_CPUS = 8
"""CPUs that Ray may assign, not those of the machine: the stock application asks for more than
two."""


QUIET = {"log_level": "WARNING", "enable_access_log": False}
"""By default each replica writes a line for each request; the other peers write none."""


def llm_config(folder: Path, model_id: str) -> LLMConfig:
    """Return the configuration of one replica of the model in `folder`, without a GPU."""
    arguments: dict[str, Any] = dict(ENGINE_ARGS)
    return LLMConfig(
        model_loading_config={"model_id": model_id, "model_source": str(folder)},
        engine_kwargs=arguments,
        accelerator_config={"kind": "cpu"},
        placement_group_config={"bundles": [{"CPU": 1}]},
        deployment_config={"num_replicas": 1},
        runtime_env={"env_vars": ENVIRONMENT},
        log_engine_metrics=False,  # the other peers' engines keep no statistics either
    )


def run(build: Callable[[], serve.Application], port: int) -> None:
    """Serve the application that `build` returns on `port`, until SIGINT or SIGTERM.

    `build` is a callable because building starts Ray, with its own resources, unless Ray runs.
    """
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    ray.init("local", num_cpus=RAY_CPUS, include_dashboard=False)
    try:
        serve.start(http_options={"host": "127.0.0.1", "port": port}, logging_config=QUIET)
        serve.run(build(), route_prefix="/", logging_config=QUIET)
        stop.wait()
    finally:
        serve.shutdown()
        ray.shutdown()


def main() -> None:
    """Serve one model by the stock application."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--falcon", type=Path, required=True, metavar="DIR")
    parser.add_argument("--model-id", required=True)
    parser.add_argument("--port", type=int, required=True)
    arguments = parser.parse_args()
    config = llm_config(arguments.falcon, arguments.model_id)
    run(lambda: build_openai_app({"llm_configs": [config]}), arguments.port)


if __name__ == "__main__":
    main()
