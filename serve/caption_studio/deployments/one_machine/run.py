"""A Serve config file → a running service on this machine, until told to stop.

SIGUSR1 reads the file again and rolls the change out. SIGHUP ends the service, because its terminal
has closed.
"""

import os
import signal
import socket
import threading
import time
from pathlib import Path
from types import FrameType
from typing import Any

import ray
from ray import serve
from ray.serve.schema import (
    ApplicationStatus,
    ApplicationStatusOverview,
    DeploymentStatus,
    ServeDeploySchema,
)

from caption_studio.deployments.one_machine.belongings import Belongings, clear_dead
from caption_studio.deployments.one_machine.config_file import (
    StartFailed,
    load_config,
    longest_request_s,
    pages,
)
from caption_studio.deployments.one_machine.drain import drain
from caption_studio.deployments.one_machine.environment import serve_environment
from caption_studio.deployments.one_machine.libraries import check_libraries
from caption_studio.deployments.one_machine.ray_start import start_ray
from caption_studio.deployments.one_machine.resources import missing
from caption_studio.deployments.one_machine.serve_start import start_serve

START_TIMEOUT_S = 1800.0
"""Long enough to fetch Falcon-7B from the hub."""

POLL_S = 0.5
_SMALLER = "--config gpu-one shares one GPU, --config cpu and --config demo need none."
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def run(config_path: Path, *, host: str | None, port: int | None) -> None:
    """Serve `config_path` until SIGINT, SIGTERM or SIGHUP, then leave nothing behind.

    It first removes what a killed service has left behind.

    `host` and `port` replace those of the file. Raises `StartFailed`.
    """
    config = load_config(config_path, host=host, port=port)
    for line in clear_dead():
        print(line, flush=True)
    _check_free(config.http_options.host, config.http_options.port)
    if "RAY_ADDRESS" not in os.environ:  # other machines of a cluster may run the models
        check_libraries()
    stop, reload = threading.Event(), threading.Event()
    previous = _listen_to_signals(stop, reload)
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    print("Starting Caption Studio; this takes about a minute …", flush=True)
    started = time.monotonic()
    belongings = Belongings()
    longest_s = longest_request_s(config)
    os.environ.update(serve_environment(belongings.folder, longest_request_s=longest_s))
    try:
        start_ray(belongings)
        _check_fits(config, config_path)
        _listen_to_signals(stop, reload)  # again: Ray has set a SIGTERM handler that aborts
        deploy(config)
        _wait_until_running(config, stop)
        if not stop.is_set():
            _say_ready(config, time.monotonic() - started)
        belongings.note()
        while not stop.wait(POLL_S):
            belongings.keep_noting()
            if reload.is_set():
                reload.clear()
                config = _redeploy(config, config_path, stop)
        print("Stopping; a second signal does not wait for what is under way …", flush=True)
        stop.clear()
        drain(belongings.folder, timeout_s=longest_request_s(config), hurry=stop.is_set)
    finally:
        if ray.is_initialized():  # else Serve would start Ray, to end there what it has not started
            serve.shutdown()
            ray.shutdown()
        belongings.remove()
        for number, handler in previous.items():
            signal.signal(number, handler)


def _say_ready(config: ServeDeploySchema, seconds: float) -> None:
    host, port = config.http_options.host, config.http_options.port
    print(f"Listening on http://{host}:{port} (ready in {seconds:.0f} s)")
    for page in pages(config):
        print(f"Open {page}")
    print("Try: caption-studio caption PICTURE    Stop: Ctrl-C", flush=True)


def _check_fits(config: ServeDeploySchema, path: Path) -> None:
    """Raise `StartFailed` if Ray lacks what the replicas ask for."""
    if "RAY_ADDRESS" in os.environ:  # an existing cluster may grow
        return
    lack = missing(config, ray.cluster_resources())
    if lack is not None:
        raise StartFailed(f"{path} does not fit this machine. {lack} {_SMALLER}")


def _redeploy(running: ServeDeploySchema, path: Path, stop: threading.Event) -> ServeDeploySchema:
    """Roll out the file's applications; return the config that then serves, `running` on failure.

    Host and port do not change.
    """
    print(f"Reading {path} again …", flush=True)
    options = running.http_options
    try:
        changed = load_config(path, host=options.host, port=options.port)
        deploy(changed)
        _wait_until_running(changed, stop)
    except StartFailed as error:
        print(f"{error}\nThe configuration stays as it was.", flush=True)
        deploy(running)
        return running
    if not stop.is_set():
        print("The changed configuration serves.", flush=True)
    return changed


def deploy(config: ServeDeploySchema) -> Any:
    """Start Serve on the Ray that this process is connected to; return its client.

    As `serve run` does (ray/serve/scripts.py, 2.60): the public serve.run takes no config file.
    """
    client = start_serve(config)
    client.deploy_apps(config)
    return client


def _check_free(host: str, port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise StartFailed(f"Cannot listen on {host}:{port}: {error.strerror}.") from error
        except (TypeError, ValueError) as error:  # such as a NUL in the host
            raise StartFailed(f"Cannot listen on {host!r}:{port}: {error}.") from error


def _listen_to_signals(stop: threading.Event, reload: threading.Event) -> dict[int, Any]:
    """Have signals set the events; return the handlers that were there before."""
    events = {**dict.fromkeys(STOP_SIGNALS, stop), signal.SIGUSR1: reload}

    def handle(number: int, _: FrameType | None) -> None:
        events[signal.Signals(number)].set()

    return {number: signal.signal(number, handle) for number in events}


def _wait_until_running(config: ServeDeploySchema, stop: threading.Event) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while not stop.wait(POLL_S):
        applications = serve.status().applications
        wanted = [applications.get(application.name) for application in config.applications]
        for status in wanted:
            if status is not None and status.status == ApplicationStatus.DEPLOY_FAILED:
                raise StartFailed(f"The service could not start. {_reasons(status)}")
        if all(s is not None and s.status == ApplicationStatus.RUNNING for s in wanted):
            return
        if time.monotonic() > deadline:
            raise StartFailed(f"The service was not up after {START_TIMEOUT_S:.0f} s.")


def _reasons(application: ApplicationStatusOverview) -> str:
    """Return Serve's message, and the last line of each failed deployment's error."""
    raised = [
        f"{name}: {deployment.message.strip().splitlines()[-1]}"
        for name, deployment in application.deployments.items()
        if deployment.status == DeploymentStatus.DEPLOY_FAILED and deployment.message.strip()
    ]
    return "\n".join([application.message, *raised])
