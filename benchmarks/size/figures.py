"""What was seen at one size → a row of the result file, and the table for the terminal."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

PARTS = ("controller", "Ray's store", "raylet", "HAProxy", "gateway", "stage")
"""Whose CPU time is shown: see `benchmarks.processes`."""


@dataclass(frozen=True)
class Spell:
    """CPU seconds by part in some time, with the requests that were answered in it.

    `requests_per_s` and latencies leave out the client's start and warm-up, which `answers` has.
    """

    seconds: float
    cpu_s: Mapping[str, float]
    answers: int = 0
    failures: int = 0
    requests_per_s: float = 0.0
    p50_ms: float = 0.0
    p99_ms: float = 0.0


@dataclass(frozen=True)
class Seen:
    """A size: half of the replicas are gateways.

    `replica_bytes` is the memory that one more took. `change_s` is the time in which a change of
    settings reached every replica of the stage, `status_s` that of one question for the status.
    `loop_s` has the controller's control loop: its mean and longest of the last hundred.
    """

    replicas: int
    start_s: float
    replica_bytes: float
    change_s: float
    status_s: float
    loop_s: Mapping[str, float]
    idle: Spell
    loaded: Spell


def row(seen: Seen) -> dict[str, Any]:
    """Return the figures; CPU as parts of a core when idle, in milliseconds a request else."""
    loaded, idle = seen.loaded, seen.idle
    return {
        "replicas": seen.replicas,
        "start_s": seen.start_s,
        "replica_mb": seen.replica_bytes / 1e6,
        "change_s": seen.change_s,
        "status_ms": 1e3 * seen.status_s,
        "loop_ms": {name: 1e3 * value for name, value in seen.loop_s.items()},
        "idle_cores": {part: idle.cpu_s.get(part, 0.0) / idle.seconds for part in PARTS},
        "requests_per_s": loaded.requests_per_s,
        "failures": loaded.failures,
        "p50_ms": loaded.p50_ms,
        "p99_ms": loaded.p99_ms,
        "loaded_controller_cores": loaded.cpu_s.get("controller", 0.0) / loaded.seconds,
        "request_cpu_ms": {
            part: 1e3 * loaded.cpu_s.get(part, 0.0) / max(1, loaded.answers)
            for part in ("HAProxy", "gateway", "stage")
        },
    }


def lines(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the table."""
    return [
        f"{'replicas':>8} {'MB each':>8} {'start s':>8} {'loop ms':>8} {'change s':>8}"
        f" {'ctl core':>8} {'gcs core':>8} {'stage core':>10} {'req/s':>6} {'p50 ms':>7}"
        f" {'p99 ms':>7} {'HAP ms':>7}",
        *(
            f"{one['replicas']:>8} {one['replica_mb']:8.0f} {one['start_s']:8.1f}"
            f" {one['loop_ms']['mean']:8.1f} {one['change_s']:8.2f}"
            f" {one['idle_cores']['controller']:8.3f} {one['idle_cores'][PARTS[1]]:8.3f}"
            f" {one['idle_cores']['stage']:10.3f} {one['requests_per_s']:6.0f}"
            f" {one['p50_ms']:7.1f} {one['p99_ms']:7.1f} {one['request_cpu_ms']['HAProxy']:7.2f}"
            for one in rows
        ),
    ]
