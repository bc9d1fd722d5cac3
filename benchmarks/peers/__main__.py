"""`python -m benchmarks.peers`: start, measure and stop every peer; print and write the result."""

import argparse
import signal
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.hardware import describe
from benchmarks.peers.catalogue import ALL, GROUPS, Alone, Group, Peer
from benchmarks.peers.records import RoundRecord
from benchmarks.peers.results import PeerFile, summarise, write_peer
from benchmarks.peers.session import (
    FULL,
    QUICK,
    SMOKE,
    Failures,
    Plan,
    alone_repeats,
    measure,
    measure_alone,
    started,
)
from benchmarks.peers.starts import Workspace
from benchmarks.peers.table import lines

RESULTS = Path(__file__).parents[1] / "results"


class Collected:
    """Results so far for one peer."""

    def __init__(self, peer: Peer | Alone) -> None:
        self.peer = peer
        self.records: list[RoundRecord] = []
        self.start_s: list[float] = []


class Session:
    """One run: the chosen peers, what was found so far, and the files that hold it."""

    def __init__(self, names: Sequence[str], plan: Plan, output: Path, work: Workspace) -> None:
        self._plan, self._output, self._work = plan, output, work
        self._environment = describe()  # once: written results change the working tree
        self._failures = Failures()
        self._chosen = {one.name: Collected(one) for one in ALL if not names or one.name in names}

    def measure(self) -> int:
        """Measure all; return the number of records."""
        self._measure_alone(first=0)
        for group in GROUPS:
            self._measure_group(group)
        self._measure_alone(first=alone_repeats(self._plan))
        return sum(len(collected.records) for collected in self._chosen.values())

    def _measure_alone(self, *, first: int) -> None:
        for collected in self._chosen.values():
            peer = collected.peer
            if isinstance(peer, Alone) and peer.name not in self._failures.reasons:
                _say(peer.name)
                with self._failures.of(peer.name):
                    collected.records += measure_alone(peer, self._plan, self._work, first=first)
                self._write(collected)

    def _measure_group(self, group: Group) -> None:
        chosen = [self._chosen[name] for name in group.peers if name in self._chosen]
        peers = [one.peer for one in chosen if isinstance(one.peer, Peer)]
        with started(peers, self._work, self._failures) as servers:
            for server in servers:
                self._chosen[server.peer.name].start_s.append(server.start_s)
            for load in group.loads:
                _say(f"{load.name}: {', '.join(server.peer.name for server in servers)}")
                measure(servers, load, self._plan, self._failures, self._keep)
                for collected in chosen:  # now: a run may be interrupted
                    self._write(collected)

    def _keep(self, peer: Peer, record: RoundRecord) -> None:
        self._chosen[peer.name].records.append(record)

    def _write(self, collected: Collected) -> None:
        failure = self._failures.reasons.get(collected.peer.name)
        file = PeerFile(
            name=collected.peer.name,
            about=collected.peer.about,
            measured_at=datetime.now(UTC).isoformat(timespec="seconds"),
            environment=asdict(self._environment),
            plan=asdict(self._plan),
            start_s=collected.start_s,
            skipped=failure,
            records=[] if failure else collected.records,
        )
        write_peer(self._output, file)


def main(words: Sequence[str] | None = None) -> int:
    """Run the chosen peers; return the exit status.

    2: the command line is wrong. 1: nothing was measured.
    """
    options = _parser().parse_args(words)
    plan = SMOKE if options.smoke else QUICK if options.quick else FULL
    if not options.smoke and options.output == RESULTS and describe().commit.endswith("+"):
        print("peers: results are of a clean commit; commit, or give --output", file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, _end)
    with tempfile.TemporaryDirectory(prefix="caption-peers-") as folder:
        work = Workspace(Path(folder))
        output = work.folder if options.smoke else options.output
        measured = Session(options.only, plan, output, work).measure()
        print("\n".join(lines(summarise(output))))
    return 0 if measured else 1


def _say(what: str) -> None:
    print(f"{what} …", file=sys.stderr, flush=True)


def _end(*_: object) -> None:
    """Exit through the `finally` blocks that stop the servers; else SIGTERM orphans them."""
    sys.exit(128 + signal.SIGTERM)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.peers",
        description="Measure other ways to serve the same two models, and ours, in one run.",
    )
    names = [peer.name for peer in ALL]
    length = parser.add_mutually_exclusive_group()
    length.add_argument(
        "--quick", action="store_true", help="half as many windows, and shorter: about 25 minutes"
    )
    length.add_argument(
        "--smoke",
        action="store_true",
        help="one short window each, nothing kept: does all work?",
    )
    parser.add_argument(
        "--only",
        nargs="+",
        default=[],
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
