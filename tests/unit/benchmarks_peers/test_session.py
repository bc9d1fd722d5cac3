"""Peers side by side: each is asked in turn, and the others stand still meanwhile."""

import itertools
import sys
import time
from pathlib import Path

import psutil
import pytest

from benchmarks.peers.catalogue import Peer
from benchmarks.peers.loads import Load
from benchmarks.peers.records import RoundRecord
from benchmarks.peers.session import Failures, Plan, alone_repeats, measure, started
from benchmarks.peers.starts import Workspace
from benchmarks.server import Server

TOY = Path(__file__).with_name("toy_peer.py")
LOAD = Load("toy", captions=False, in_flight=2, warmup_s=0.2, window_s=1.0)


def toy(name: str, folder: Path) -> Peer:
    def server(work: Workspace, port: int) -> Server:
        words = [sys.executable, str(TOY), str(port), name, str(folder / "asked")]
        return Server(words, f"http://127.0.0.1:{port}/health", {}, 20.0, 1.0)

    return Peer(name, "a toy", "toy", server)


def test_peers_are_asked_in_turn_and_in_reverse_while_the_others_are_stopped(
    tmp_path: Path,
) -> None:
    failures, kept = Failures(), list[tuple[str, RoundRecord]]()
    stopped: list[list[str]] = []

    def keep(peer: Peer, record: RoundRecord) -> None:
        kept.append((peer.name, record))
        stopped.append([psutil.Process(server.pid).status() for server in servers])

    peers = [toy(name, tmp_path) for name in ("one", "broken", "two")]
    with started(peers, Workspace(tmp_path), failures) as servers:
        pids = [server.pid for server in servers]
        measure(servers, LOAD, Plan(rounds=3), failures, keep)
    assert [name for name, _ in kept] == ["one", "two", "two", "one", "one", "two"]
    assert [record.round for _, record in kept] == [0, 0, 1, 1, 2, 2]
    assert all(record.rows and record.processor_ms for _, record in kept)
    assert set(itertools.chain(*stopped)) == {psutil.STATUS_STOPPED}
    assert list(failures.reasons) == ["broken"]
    asked = (tmp_path / "asked").read_text().split()
    turns = [name for name, _ in itertools.groupby(asked) if name != "broken"]
    first_answers = ["one", "two"]
    assert turns == [*first_answers, "one", "two", "one", "two"]
    assert not any(map(psutil.pid_exists, pids))


def test_a_peer_that_does_not_start_is_left_out(tmp_path: Path) -> None:
    def server(work: Workspace, port: int) -> Server:
        return Server(
            [sys.executable, "-c", "raise SystemExit('no model')"], f"http://127.0.0.1:{port}/", {}
        )

    failures = Failures()
    peers = [Peer("absent", "", "", server), toy("one", tmp_path)]
    with started(peers, Workspace(tmp_path), failures) as servers:
        assert [one.peer.name for one in servers] == ["one"]
    assert "no model" in failures.reasons["absent"]


def test_a_stopped_server_goes_on_for_as_long_as_it_is_asked(tmp_path: Path) -> None:
    with started([toy("one", tmp_path)], Workspace(tmp_path), Failures()) as (server,):
        process = psutil.Process(server.pid)
        with server.processes.thawed():
            deadline = time.monotonic() + 10
            while process.status() == psutil.STATUS_STOPPED and time.monotonic() < deadline:
                time.sleep(0.01)
            assert process.status() != psutil.STATUS_STOPPED
        assert process.status() == psutil.STATUS_STOPPED


@pytest.mark.parametrize("rounds", [1, 2, 3, 6])
def test_a_program_without_server_has_at_least_as_many_windows(rounds: int) -> None:
    assert rounds <= 2 * alone_repeats(Plan(rounds)) <= rounds + 1
