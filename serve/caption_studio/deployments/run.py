"""A Serve config file → a running service on this machine, until told to stop."""

import logging
import os
import signal
import socket
import tempfile
import threading
import time
from pathlib import Path
from types import FrameType
from typing import Any

import ray
import yaml
from ray import serve
from ray.serve._private.api import serve_start
from ray.serve.schema import ApplicationStatus, ServeDeploySchema

from caption_studio.deployments.environment import serve_environment
from caption_studio.settings import Settings

START_TIMEOUT_S = 1800.0
"""Long enough to fetch Falcon-7B from the hub."""

POLL_S = 0.5

logger = logging.getLogger(__name__)


class StartFailed(Exception):
    """The service could not start; the message says why."""


def run(config_path: Path, *, host: str | None, port: int | None) -> None:
    """Serve `config_path` until SIGINT or SIGTERM, then leave nothing behind.

    `host` and `port` replace those of the file. Raises `StartFailed`.
    """
    config = load_config(config_path, host=host, port=port)
    address = (config.http_options.host, config.http_options.port)
    _check_free(*address)
    stop = threading.Event()
    previous = {number: _on_signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    print("Starting Caption Studio; this takes about a minute …", flush=True)
    started = time.monotonic()
    scratch = tempfile.TemporaryDirectory(prefix="studio-", ignore_cleanup_errors=True)
    os.environ.update(serve_environment(Path(scratch.name)))
    # The dashboard runs arbitrary code for whoever reaches it: none unless asked for.
    ray.init(include_dashboard=False, log_to_driver=True, configure_logging=False)
    try:
        deploy(config)
        _wait_until_running(config, stop)
        if not stop.is_set():
            seconds = time.monotonic() - started
            print(f"Listening on http://{address[0]}:{address[1]} (ready in {seconds:.0f} s)")
            print("Try: caption-studio caption PICTURE    Stop: Ctrl-C", flush=True)
        stop.wait()
        print("Stopping …", flush=True)
    finally:
        serve.shutdown()
        ray.shutdown()
        scratch.cleanup()
        for number, handler in previous.items():
            signal.signal(number, handler)


def deploy(config: ServeDeploySchema) -> Any:
    """Start Serve on the Ray that this process is connected to; return its client.

    As `serve run` does (ray/serve/scripts.py, 2.60): the public serve.run takes no config file.
    """
    client = serve_start(
        http_options=config.http_options.model_dump(),
        proxy_location=config.proxy_location,
        global_logging_config=config.logging_config,
    )
    client.deploy_apps(config)
    return client


def load_config(path: Path, *, host: str | None, port: int | None) -> ServeDeploySchema:
    """Read and check a config file, our settings in it included. Raises `StartFailed`."""
    try:
        config = ServeDeploySchema.model_validate(yaml.safe_load(path.read_text()))
        for application in config.applications:
            Settings.load(application.args)
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise StartFailed(f"{path} is no valid configuration: {error}") from error
    if host is not None:
        config.http_options.host = host
    if port is not None:
        config.http_options.port = port
    return config


def _check_free(host: str, port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise StartFailed(f"Cannot listen on {host}:{port}: {error.strerror}.") from error


def _on_signal(number: int, stop: threading.Event) -> Any:
    def handle(_: int, __: FrameType | None) -> None:
        stop.set()

    return signal.signal(number, handle)


def _wait_until_running(config: ServeDeploySchema, stop: threading.Event) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while not stop.wait(POLL_S):
        applications = serve.status().applications
        wanted = [applications.get(application.name) for application in config.applications]
        for status in wanted:
            if status is not None and status.status == ApplicationStatus.DEPLOY_FAILED:
                raise StartFailed(f"The service could not start: {status.message}")
        if all(s is not None and s.status == ApplicationStatus.RUNNING for s in wanted):
            return
        if time.monotonic() > deadline:
            raise StartFailed(f"The service was not up after {START_TIMEOUT_S:.0f} s.")
