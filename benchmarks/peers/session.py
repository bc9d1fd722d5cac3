"""A peer → the records of its loads: started, warmed up, measured, stopped."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass, replace

from benchmarks.load.worker import Endpoint
from benchmarks.peers import engine
from benchmarks.peers.catalogue import Alone, Peer
from benchmarks.peers.loads import Load
from benchmarks.peers.records import RoundRecord, Row, from_json
from benchmarks.peers.starts import ADAPTER, FALCON, ROOT, Workspace
from benchmarks.peers.usage import usage
from benchmarks.ports import free_port
from benchmarks.run import Repeat, run
from benchmarks.server import StartFailed, run_program, running

MERGE_TIMEOUT_S = 120.0
ALONE_START_TIMEOUT_S = 240.0
ALONE_LOADS = 4
"""The most loads that a program of `Alone` measures."""


@dataclass(frozen=True)
class Plan:
    """Rounds and windows. Each of `rounds` starts every peer anew, one after the other.

    A start has `repeats` windows of each load; a median needs at least 3 windows in all.
    """

    rounds: int
    repeats: int
    warmup_s: float
    window_s: float

    @property
    def load_s(self) -> float:
        """Seconds that one load takes in one start."""
        return self.repeats * (self.warmup_s + self.window_s)


FULL = Plan(rounds=3, repeats=1, warmup_s=3.0, window_s=12.0)
QUICK = Plan(rounds=1, repeats=3, warmup_s=2.0, window_s=5.0)
SMOKE = Plan(rounds=1, repeats=1, warmup_s=0.0, window_s=2.0)


def measure(
    peer: Peer | Alone, plan: Plan, work: Workspace, *, round_: int
) -> tuple[list[RoundRecord], float | None]:
    """Return a peer's records of one round and its seconds from start to ready.

    Raises `StartFailed`.
    """
    if peer.needs_merged:
        _make_merged(work)
    if isinstance(peer, Alone):
        return _measure_alone(peer, plan, work, round_), None
    port = free_port()
    with running(peer.server(work, port), work.log(peer.name)) as started:
        endpoint = Endpoint(f"http://127.0.0.1:{port}")
        records = []
        for load in peer.loads:
            records += _measure_load(endpoint, started.pid, peer, load, plan, round_)
    return records, started.start_s


def _measure_load(
    endpoint: Endpoint, pid: int, peer: Peer, load: Load, plan: Plan, round_: int
) -> list[RoundRecord]:
    first = run(endpoint, load.first_requests(peer.model)).repeats[0]
    if not any(sample.ok for sample in first.round.samples):
        raise StartFailed(f"no answer: {first.round.samples[0].error}")
    scenario = load.scenario(
        peer.model, warmup_s=plan.warmup_s, window_s=plan.window_s, repeats=plan.repeats
    )
    before = usage(pid)
    repeats = run(endpoint, scenario).repeats
    after = usage(pid)
    answers = sum(sample.ok for repeat in repeats for sample in repeat.round.samples)
    processor_ms = {
        part: seconds * 1e3 / answers
        for part, seconds in after.processor_s_since(before).items()
        if answers
    }
    records = [
        _record(load, round_ * plan.repeats + number, plan, repeat)
        for number, repeat in enumerate(repeats)
    ]
    return [
        replace(record, processor_ms=processor_ms, memory_bytes=after.memory_bytes)
        for record in records
    ]


def _record(load: Load, number: int, plan: Plan, repeat: Repeat) -> RoundRecord:
    rows = [
        Row(sample.scheduled_s, sample.done_s, sample.first_s, sample.completion_tokens, sample.ok)
        for sample in repeat.round.samples
    ]
    return RoundRecord(
        load.name,
        number,
        plan.warmup_s,
        plan.window_s,
        rows,
        client_cpu_share=sum(effort.cpu_share for effort in repeat.round.efforts),
        client_limits=tuple(repeat.client_limits),
    )


def _measure_alone(peer: Alone, plan: Plan, work: Workspace, round_: int) -> list[RoundRecord]:
    output = work.folder / f"{peer.name}.json"
    program = peer.command(
        work,
        *("--warmup-s", plan.warmup_s, "--window-s", plan.window_s),
        *("--repeats", plan.repeats, "--output", output),
    )
    timeout_s = ALONE_START_TIMEOUT_S + ALONE_LOADS * plan.load_s
    run_program(program, work.log(peer.name), timeout_s)
    records = [from_json(value) for value in json.loads(output.read_text())]
    return [record.numbered(round_ * plan.repeats + record.round) for record in records]


def _make_merged(work: Workspace) -> None:
    if work.merged.exists():
        return
    subprocess.run(
        [
            *(sys.executable, "-m", "benchmarks.peers.merge", "--falcon", FALCON),
            *("--adapter", ADAPTER, "--output", work.merged),
        ],
        cwd=ROOT,
        env={**os.environ, **engine.ENVIRONMENT},
        timeout=MERGE_TIMEOUT_S,
        check=True,
        capture_output=True,
    )
