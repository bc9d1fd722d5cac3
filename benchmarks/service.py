"""A config of Caption Studio → the running service, by the command that users start it with."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from benchmarks.ports import free_port
from benchmarks.server import Server, running

COMMAND = Path(sys.executable).with_name("caption-studio")


@dataclass(frozen=True)
class Serving:
    """The running service; `start_s` is the time until it was ready."""

    url: str
    pid: int
    start_s: float


def service(
    config: Mapping[str, Any],
    path: Path,
    port: int,
    environment: Mapping[str, str] | None = None,
    *,
    start_timeout_s: float = Server.start_timeout_s,
) -> Server:
    """Write the config to `path`; return the server that runs it at the port."""
    path.write_text(yaml.safe_dump(config))
    return Server(
        [str(COMMAND), "serve", "--config", str(path), "--port", str(port)],
        f"http://127.0.0.1:{port}/readyz",
        environment or {},
        start_timeout_s=start_timeout_s,
    )


@contextmanager
def serving(
    config: Mapping[str, Any],
    folder: Path,
    environment: Mapping[str, str],
    *,
    start_timeout_s: float = Server.start_timeout_s,
) -> Iterator[Serving]:
    """Run the service for the length of the context; `service.log` in `folder` has its output.

    Raises `server.StartFailed`.
    """
    port = free_port()
    path = folder / "config.yaml"
    server = service(config, path, port, environment, start_timeout_s=start_timeout_s)
    with running(server, folder / "service.log") as started:
        yield Serving(f"http://127.0.0.1:{port}", started.pid, started.start_s)
