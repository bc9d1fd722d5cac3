"""The Ray that the stages run on: one on this machine, for this command alone, or a cluster's."""

import os
import re
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import ray

from caption_studio.deployments.one_machine.belongings import Belongings, clear_dead
from caption_studio.deployments.one_machine.config_file import StartFailed
from caption_studio.deployments.one_machine.environment import NO_TASK_EVENTS
from caption_studio.deployments.one_machine.ray_start import start_ray
from caption_studio.offline.run import Unfinished

_OUR_ERROR = re.compile(r"^caption_studio\.errors\.[\w.]+: ")
"""What Python writes before the public message of an error of ours."""

ANSWER_S = 5.0
"""How long a cluster has to take a connection."""

NO_METRICS = {"RAY_enable_metrics_collection": "0"}
"""Nobody asks a Ray of this command alone for its metrics, and Ray Data's take ever more memory."""

FOLDER_VARIABLE = "STUDIO_BATCH_FOLDER"
"""Marks the processes of this command, so that the next one can end them if it is killed."""


@contextmanager
def connected(address: str | None) -> Iterator[Mapping[str, float]]:
    """Connect to Ray, and yield the resources of its machines. Raises `StartFailed`.

    Without an address, Ray is started on this machine and ended afterwards. What a killed command
    or service has left is removed first.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    if address is not None:
        with _joined(address):
            yield ray.cluster_resources()
        return
    clear_dead()
    os.environ.pop("RAY_ADDRESS", None)
    belongings = Belongings()
    os.environ.update({FOLDER_VARIABLE: f"{belongings.folder}/", **NO_TASK_EVENTS, **NO_METRICS})
    try:
        start_ray(belongings, logs=False)
        yield ray.cluster_resources()
    finally:
        ray.shutdown()
        belongings.remove()


@contextmanager
def _joined(address: str) -> Iterator[None]:
    try:
        _check_answers(address)
        ray.init(address=address, log_to_driver=False, configure_logging=False)
    except (OSError, RuntimeError, ValueError) as error:
        raise StartFailed(f"No Ray cluster answers at {address}.") from error
    try:
        yield
    finally:
        ray.shutdown()


def _check_answers(address: str) -> None:
    """Raise `OSError` if nobody listens at HOST:PORT. Ray would try for minutes, and print it."""
    host, colon, port = address.rpartition(":")
    if colon and port.isdecimal() and "://" not in address:
        socket.create_connection((host.strip("[]"), int(port)), ANSWER_S).close()


@contextmanager
def ends_told() -> Iterator[None]:
    """Raise `Unfinished` with a sentence for whatever ends a flow: it is the edge of the run."""
    try:
        yield
    except Unfinished:
        raise
    except StartFailed as error:
        raise Unfinished(str(error)) from error
    except Exception as error:  # Ray and the stages' libraries raise anything
        raise Unfinished(f"the run has ended: {reason_of(error)}") from error


def reason_of(error: Exception) -> str:
    """Return what Ray's error is about in a line: the last one of the failed worker's traceback."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return _OUR_ERROR.sub("", lines[-1]) if lines else type(error).__name__
