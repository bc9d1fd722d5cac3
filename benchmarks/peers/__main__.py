"""`python -m benchmarks.peers`: start, measure and stop every peer; print and write the result."""

import argparse
import signal
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.fleet import ClientFailed
from benchmarks.hardware import Environment, describe
from benchmarks.peers.catalogue import ALL, Alone, Peer
from benchmarks.peers.records import RoundRecord
from benchmarks.peers.results import PeerFile, summarise, write_peer
from benchmarks.peers.session import FULL, QUICK, SMOKE, Plan, measure
from benchmarks.peers.starts import Workspace
from benchmarks.peers.table import lines
from benchmarks.server import StartFailed

RESULTS = Path(__file__).parents[1] / "results"


class Collected:
    """Results of the rounds so far for one peer."""

    def __init__(self, peer: Peer | Alone) -> None:
        self.peer = peer
        self.records: list[RoundRecord] = []
        self.start_s: list[float] = []
        self.failure: str | None = None

    def measure(self, plan: Plan, work: Workspace, round_: int) -> None:
        """Measure one round; after its first failure a peer is skipped."""
        if self.failure is not None:
            return
        try:
            records, start_s = measure(self.peer, plan, work, round_=round_)
        except (StartFailed, ClientFailed) as error:
            self.failure = str(error)
            return
        self.records += records
        self.start_s += [] if start_s is None else [start_s]


def main(words: Sequence[str] | None = None) -> int:
    """Run the chosen peers; return the exit status.

    2: the command line is wrong. 1: nothing was measured.
    """
    options = _parser().parse_args(words)
    plan = SMOKE if options.smoke else QUICK if options.quick else FULL
    chosen = [Collected(peer) for peer in ALL if not options.only or peer.name in options.only]
    environment = describe()  # once: written results change the working tree
    if not options.smoke and options.output == RESULTS and environment.commit.endswith("+"):
        print("peers: results are of a clean commit; commit, or give --output", file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, _end)
    with tempfile.TemporaryDirectory(prefix="caption-peers-") as folder:
        work = Workspace(Path(folder))
        output = work.folder if options.smoke else options.output
        for round_ in range(plan.rounds):
            for collected in chosen:
                print(f"round {round_ + 1}: {collected.peer.name} …", file=sys.stderr, flush=True)
                collected.measure(plan, work, round_)
                write_peer(
                    output, _file(collected, plan, environment)
                )  # now: a run may be interrupted
        print("\n".join(lines(summarise(output))))
    return 0 if any(collected.records for collected in chosen) else 1


def _end(*_: object) -> None:
    """Exit through the `finally` blocks that stop the servers; else SIGTERM orphans them."""
    sys.exit(128 + signal.SIGTERM)


def _file(collected: Collected, plan: Plan, environment: Environment) -> PeerFile:
    return PeerFile(
        name=collected.peer.name,
        about=collected.peer.about,
        measured_at=datetime.now(UTC).isoformat(timespec="seconds"),
        environment=asdict(environment),
        plan=asdict(plan),
        start_s=collected.start_s,
        skipped=collected.failure,
        records=[] if collected.failure else collected.records,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.peers",
        description="Measure other ways to serve the same two models, and ours, in one run.",
    )
    names = [peer.name for peer in ALL]
    length = parser.add_mutually_exclusive_group()
    length.add_argument(
        "--quick", action="store_true", help="each started once, 3 short windows: 20 minutes"
    )
    length.add_argument(
        "--smoke", action="store_true", help="one window of 2 s each, nothing kept: does all work?"
    )
    parser.add_argument(
        "--only",
        nargs="+",
        choices=names,
        metavar="NAME",
        help=f"measure these anew and keep the others' figures: {', '.join(names)}",
    )
    parser.add_argument(
        "--output", type=Path, default=RESULTS, metavar="DIR", help="default: benchmarks/results"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
