import json
from pathlib import Path

from benchmarks.peers.records import RoundRecord, Row
from benchmarks.peers.results import SUMMARY, PeerFile, read_peers, summarise, write_peer
from benchmarks.peers.table import lines


def peer(name: str, answers: int = 0, *, skipped: str | None = None) -> PeerFile:
    rows = [Row(0.1, 0.5, None, 20, True)] * answers
    rounds = [RoundRecord("text-64-whole", i, 0.0, 1.0, rows) for i in range(3)]
    return PeerFile(
        name=name,
        about="a toy",
        measured_at="2026-01-01T00:00:00+00:00",
        environment={"commit": "abc"},
        plan={"rounds": 3},
        start_s=[1.0],
        skipped=skipped,
        records=[] if skipped else rounds,
    )


def test_a_peer_measured_again_replaces_only_itself(tmp_path: Path) -> None:
    write_peer(tmp_path, peer("ours-base", 90))
    write_peer(tmp_path, peer("vllm-base", 50))
    write_peer(tmp_path, peer("vllm-base", 100))
    assert summarise(tmp_path)["ratios"] == {"text-whole-base-over-vllm": 0.9}
    assert set(read_peers(tmp_path)) == {"ours-base", "vllm-base"}


def test_the_summary_is_a_file_that_says_when_and_at_which_commit(tmp_path: Path) -> None:
    write_peer(tmp_path, peer("ours-base", 90))
    summarise(tmp_path)
    summary = json.loads((tmp_path / SUMMARY).read_text())
    about = summary["peers"]["ours-base"]
    assert about["environment"] == {"commit": "abc"}
    assert about["measured_at"].startswith("2026-01-01")
    assert summary["figures"]["ours-base"]["text-64-whole"]["requests_per_s"] == 90


def test_a_skipped_peer_is_named_with_its_reason(tmp_path: Path) -> None:
    write_peer(tmp_path, peer("ours-merged", skipped="mode: no such setting"))
    summary = summarise(tmp_path)
    assert summary["skipped"] == {"ours-merged": "mode: no such setting"}
    assert "ours-merged" not in summary["figures"]


def test_the_table_tells_met_from_missed(tmp_path: Path) -> None:
    write_peer(tmp_path, peer("ours-base", 90))
    write_peer(tmp_path, peer("vllm-base", 90))
    write_peer(tmp_path, peer("serve-llm", 60))
    write_peer(tmp_path, peer("notebook", skipped="no such model"))
    shown = list(lines(summarise(tmp_path)))
    (met,) = [line for line in shown if "text-whole-base-over-vllm " in line]
    (missed,) = [line for line in shown if "text-whole-base-over-serve-llm " in line]
    assert met.startswith("met")
    assert missed.startswith("MISSED")
    assert "skipped  notebook: no such model" in shown
