"""A group of peers → the records of its loads: all started, then each measured in turn."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from benchmarks.fleet import ClientFailed, Fleet
from benchmarks.frozen import Freezable
from benchmarks.load.worker import Endpoint
from benchmarks.peers import engine
from benchmarks.peers.catalogue import Alone, Peer
from benchmarks.peers.loads import Load
from benchmarks.peers.records import RoundRecord, Row, from_json
from benchmarks.peers.starts import ADAPTER, FALCON, ROOT, Workspace
from benchmarks.peers.usage import Usage, usage
from benchmarks.ports import free_port
from benchmarks.run import Repeat, judge, run
from benchmarks.server import StartFailed, run_program, running

MERGE_TIMEOUT_S = 120.0
ALONE_START_TIMEOUT_S = 240.0
ALONE_LOADS = 4
"""The most loads that a program of `Alone` measures."""

ALONE_WARMUP_S, ALONE_WINDOW_S = 1.5, 4.5


@dataclass(frozen=True)
class Plan:
    """In each of `rounds` every peer has one window of each load, of this share of its length."""

    rounds: int
    share: float = 1.0


FULL = Plan(rounds=5)
QUICK = Plan(rounds=3, share=0.7)
SMOKE = Plan(rounds=1, share=0.3)


@dataclass(frozen=True)
class Running:
    """A peer's server, frozen but while it is asked."""

    peer: Peer
    endpoint: Endpoint
    pid: int
    processes: Freezable
    start_s: float


class Failures:
    """Why peers were given up, by name; a peer that failed once is not asked again."""

    def __init__(self) -> None:
        self.reasons: dict[str, str] = {}

    @contextmanager
    def of(self, name: str) -> Iterator[None]:
        """Keep what made the peer of this name fail, and go on."""
        try:
            yield
        except (StartFailed, ClientFailed) as error:
            self.reasons[name] = str(error)


@contextmanager
def started(peers: Sequence[Peer], work: Workspace, failures: Failures) -> Iterator[list[Running]]:
    """Run the peers' servers side by side for the length of the context, all of them frozen."""
    with ExitStack() as stack:
        servers: list[Running] = []
        for peer in peers:
            with failures.of(peer.name):
                servers.append(_started(peer, work, stack))
        yield servers


def _started(peer: Peer, work: Workspace, stack: ExitStack) -> Running:
    if peer.needs_merged:
        _make_merged(work)
    port = free_port()
    server = stack.enter_context(running(peer.server(work, port), work.log(peer.name)))
    processes = Freezable(server.pid)
    stack.callback(processes.thaw)  # the frozen cannot end
    processes.freeze()
    endpoint = Endpoint(f"http://127.0.0.1:{port}")
    return Running(peer, endpoint, server.pid, processes, server.start_s)


def measure(
    servers: Sequence[Running],
    load: Load,
    plan: Plan,
    failures: Failures,
    keep: Callable[[Peer, RoundRecord], object],
) -> None:
    """Measure all rounds of a load; every other round asks the servers in reverse order.

    `keep` is given each record.
    """
    with ExitStack() as stack:
        fleets: dict[str, Fleet] = {}
        for server in servers:
            model, name = server.peer.model, server.peer.name
            with failures.of(name), server.processes.thawed():
                _first_answers(server, load)
                scenario = load.scenario(model, share=plan.share)
                fleets[name] = stack.enter_context(Fleet(server.endpoint, scenario))
        for round_ in range(plan.rounds):
            for server in servers if round_ % 2 == 0 else reversed(servers):
                name = server.peer.name
                if name not in failures.reasons:
                    with failures.of(name):
                        keep(server.peer, _window(server, fleets[name], load, plan, round_))


def _first_answers(server: Running, load: Load) -> None:
    first = run(server.endpoint, load.first_requests(server.peer.model)).repeats[0]
    if not any(sample.ok for sample in first.round.samples):
        raise StartFailed(f"no answer: {first.round.samples[0].error}")


def _window(server: Running, fleet: Fleet, load: Load, plan: Plan, round_: int) -> RoundRecord:
    before: list[Usage] = []

    def begin() -> None:
        server.processes.thaw()
        before.append(usage(server.pid))

    try:
        repeat = judge(fleet.round(round_, on_prepared=begin))
        after = usage(server.pid)
    finally:
        server.processes.freeze()
    answers = sum(sample.ok for sample in repeat.round.samples)
    spent = after.processor_s_since(before[0])
    return RoundRecord(
        load.name,
        round_,
        plan.share * load.warmup_s,
        plan.share * load.window_s,
        _rows(repeat),
        client_cpu_share=sum(effort.cpu_share for effort in repeat.round.efforts),
        client_limits=tuple(repeat.client_limits),
        processor_ms={part: s * 1e3 / answers for part, s in spent.items()} if answers else {},
        memory_bytes=after.memory_bytes,
    )


def _rows(repeat: Repeat) -> list[Row]:
    return [
        Row(sample.scheduled_s, sample.done_s, sample.first_s, sample.completion_tokens, sample.ok)
        for sample in repeat.round.samples
    ]


def measure_alone(peer: Alone, plan: Plan, work: Workspace, *, first: int) -> list[RoundRecord]:
    """Return half of a program's rounds, rounded up, numbered from `first` on.

    Raises `StartFailed`.
    """
    if peer.needs_merged:
        _make_merged(work)
    output = work.folder / f"{peer.name}.json"
    repeats = alone_repeats(plan)
    warmup_s, window_s = plan.share * ALONE_WARMUP_S, plan.share * ALONE_WINDOW_S
    program = peer.command(
        work,
        *("--warmup-s", warmup_s, "--window-s", window_s),
        *("--repeats", repeats, "--output", output),
    )
    timeout_s = ALONE_START_TIMEOUT_S + ALONE_LOADS * repeats * (warmup_s + window_s)
    run_program(program, work.log(peer.name), timeout_s)
    records = [from_json(value) for value in json.loads(output.read_text())]
    return [record.numbered(first + record.round) for record in records]


def alone_repeats(plan: Plan) -> int:
    """Return the windows of one run of such a program, which runs before and after all groups."""
    return (plan.rounds + 1) // 2


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
