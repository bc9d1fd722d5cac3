"""`python -m benchmarks.starts.stages`: what a replica's start is made of, part by part.

Each start is a process of its own, without Ray Serve around it, on a machine that does nothing
else. A captioner is started in two ways, round by round: with the engine's process started early
(`language.engine_process`), and as vLLM starts it by itself.
"""

import argparse
import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

from benchmarks.hardware import describe
from benchmarks.starts.figures import mean_parts, spread

DESCRIBER, EARLY, LATE = "describer", "captioner, process early", "captioner, process by vLLM"
WAYS = (DESCRIBER, EARLY, LATE)
TIMEOUT_S = 600.0


@dataclass(frozen=True)
class StageStart:
    """Seconds of each part, one after the other, and processor seconds with the children's."""

    parts_s: dict[str, float]
    processor_s: float

    @property
    def total_s(self) -> float:
        """The seconds of all parts."""
        return sum(self.parts_s.values())


class _Clock:
    """Names what has passed since it was last asked, or since the process began."""

    def __init__(self) -> None:
        self.parts_s: dict[str, float] = {}
        self._last_s = psutil.Process().create_time()

    def passed(self, part: str) -> None:
        now_s = time.time()
        self.parts_s[part] = self.parts_s.get(part, 0.0) + now_s - self._last_s
        self._last_s = now_s


def start_describer(clock: _Clock) -> Callable[[], None]:
    """Start one as a replica does; return how to end it."""
    from caption_studio.deployments import describer
    from caption_studio.settings import Settings

    clock.passed("Python, Ray, Serve")
    from caption_studio.vision.engine import DescriberEngine
    from caption_studio.vision.git import load

    clock.passed("torch and transformers imported")
    settings = Settings()
    model = load(settings.vision)
    clock.passed("model loaded")
    engine = DescriberEngine(
        model,
        max_rows=settings.vision.max_batch_size,
        max_waiting=describer.MAX_ONGOING_REQUESTS,
        eager=settings.vision.enforce_eager,
    )
    engine.start()
    clock.passed("engine warmed up")
    return engine.close


def start_captioner(clock: _Clock, *, early: bool) -> Callable[[], None]:
    """Start one as a replica does; return how to end it."""
    from caption_studio.deployments import captioner  # noqa: F401  # what a replica imports
    from caption_studio.language.engine_environment import set_for_all_platforms
    from caption_studio.language.engine_process import EarlyProcess
    from caption_studio.settings import Settings

    clock.passed("Python, Ray, Serve")
    settings = Settings()
    set_for_all_platforms(settings.language)
    process = EarlyProcess() if early else None
    from caption_studio.language import engine as module

    clock.passed("vLLM imported")
    engine = module.FalconEngine(settings.language, process=process)

    def told(make: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def made(arguments: Any) -> Any:
            clock.passed("configuration read")
            llm = make(arguments)
            clock.passed("engine's process")
            return llm

        return made

    with _replaced(module.AsyncLLM, "from_engine_args", told):
        asyncio.run(engine.start())
    clock.passed("adapters loaded")
    return engine.stop


@contextmanager
def _replaced(owner: Any, name: str, wrap: Callable[[Any], Any]) -> Iterator[None]:
    original = getattr(owner, name)
    setattr(owner, name, wrap(original))
    try:
        yield
    finally:
        setattr(owner, name, original)


def _work(way: str) -> None:
    clock = _Clock()
    if way == DESCRIBER:
        end = start_describer(clock)
    else:
        end = start_captioner(clock, early=way == EARLY)
    used_s = 0.0
    for process in [psutil.Process(), *psutil.Process().children(recursive=True)]:
        times = process.cpu_times()
        used_s += times.user + times.system
    print(json.dumps(asdict(StageStart(clock.parts_s, used_s))), flush=True)
    end()


def measure(way: str) -> StageStart:
    """Start one in a new process. Raises `subprocess.CalledProcessError`."""
    words = [sys.executable, "-m", "benchmarks.starts.stages", "--work", way]
    done = subprocess.run(words, stdout=subprocess.PIPE, text=True, timeout=TIMEOUT_S, check=True)
    return StageStart(**json.loads(done.stdout.splitlines()[-1]))


def lines(found: dict[str, list[StageStart]]) -> list[str]:
    """Return the table for the terminal."""
    table: list[str] = []
    for way, starts in found.items():
        table.append(
            f"{way}: {spread([one.total_s for one in starts])} s,"
            f" {spread([one.processor_s for one in starts])} processor seconds"
        )
        parts = mean_parts([one.parts_s for one in starts])
        table += [f"    {part:32} {seconds:6.2f} s" for part, seconds in parts.items()]
    return table


def main(words: Sequence[str] | None = None) -> int:
    """Measure, print and write."""
    parser = argparse.ArgumentParser("python -m benchmarks.starts.stages", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--output", type=Path, metavar="FILE", help="JSON")
    parser.add_argument("--work", choices=WAYS, help=argparse.SUPPRESS)
    options = parser.parse_args(words)
    if options.work:
        _work(options.work)
        return 0
    found: dict[str, list[StageStart]] = {way: [] for way in WAYS}
    for number in range(options.rounds):
        for way in WAYS if number % 2 == 0 else reversed(WAYS):
            found[way].append(measure(way))
    print("\n".join(lines(found)))
    if options.output is not None:
        value = {
            "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "starts": {way: [asdict(one) for one in starts] for way, starts in found.items()},
            "environment": asdict(describe()),
        }
        options.output.write_text(json.dumps(value, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
