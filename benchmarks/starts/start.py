"""A checkout → one start of its service: seconds, and processor seconds of each process."""

import base64
import json
import os
import time
import urllib.request
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import yaml

from benchmarks.ports import free_port
from benchmarks.scenario import PictureKind
from benchmarks.server import running
from benchmarks.service import service
from benchmarks.starts.watch import Watch, watched
from benchmarks.workload.pictures import paint

KIND = PictureKind(width_px=320, height_px=240)
START_TIMEOUT_S = 600.0
ANSWER_TIMEOUT_S = 60.0
SETTLE_S = 5.0
"""After the first answer, before the idle service is watched."""


@dataclass(frozen=True)
class Start:
    """One start. `ready_s` and `first_answer_s` count from the command's start.

    `processor_s` is what each part had used at the first answer; `idle_share` is each part's
    processor seconds a second afterwards, without requests.
    """

    ready_s: float
    first_answer_s: float
    processor_s: dict[str, float]
    idle_share: dict[str, float]

    @property
    def total_s(self) -> float:
        """The processor seconds of all parts."""
        return sum(self.processor_s.values())


def measure(tree: Path, folder: Path, number: int, *, idle_s: float) -> Start:
    """Start the demo of the checkout `tree`, ask for one caption, watch it idle, and stop it.

    Raises `server.StartFailed`.
    """
    port = free_port()
    path = os.pathsep.join([str(tree / "serve"), str(tree)])
    config = yaml.safe_load((tree / "deploy" / "demo.yaml").read_text())
    server = service(
        config,
        folder / "config.yaml",
        port,
        {"PYTHONPATH": path},
        start_timeout_s=START_TIMEOUT_S,
    )
    body = _body(number)
    began_s = time.monotonic()
    with ExitStack() as stack:
        watches: list[Watch] = []
        started = stack.enter_context(
            running(
                server,
                folder / "service.log",
                on_start=lambda pid: watches.append(stack.enter_context(watched(pid))),
            )
        )
        _ask(port, body)
        first_answer_s = time.monotonic() - began_s
        (watch,) = watches
        used_s = watch.processor_s()
        return Start(started.start_s, first_answer_s, used_s, _idle(watch, idle_s))


def _idle(watch: Watch, seconds: float) -> dict[str, float]:
    time.sleep(SETTLE_S)
    before_s, began_s = watch.processor_s(), time.monotonic()
    time.sleep(seconds)
    after_s, passed_s = watch.processor_s(), time.monotonic() - began_s
    return {part: (used - before_s.get(part, 0.0)) / passed_s for part, used in after_s.items()}


def _ask(port: int, body: bytes) -> None:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/v1/chat/completions",
        body,
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=ANSWER_TIMEOUT_S) as answer:
        json.load(answer)


def _body(number: int) -> bytes:
    picture = base64.b64encode(paint(KIND, seed=0, number=number)).decode()
    url = {"url": f"data:image/jpeg;base64,{picture}"}
    content = [{"type": "image_url", "image_url": url}]
    return json.dumps({"messages": [{"role": "user", "content": content}]}).encode()
