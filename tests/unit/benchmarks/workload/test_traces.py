"""Recorded traces, and those drawn from published statistics."""

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks.workload.trace_like import PUBLISHED, drawn, main
from benchmarks.workload.traces import read_trace

MOONCAKE = """\
{"timestamp": 3000, "input_length": 6755, "output_length": 500, "hash_ids": [0, 1, 2]}

{"timestamp": 27, "input_length": 7000, "output_length": 490, "hash_ids": [0, 3]}
"""
BURSTGPT = """\
Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type
5,ChatGPT,472,18,490,Conversation log
45,GPT-4,1087,230,1317,API log
118,GPT-4,417,0,417,Conversation log
"""


def test_mooncakes_form_is_read_in_the_order_of_its_times(tmp_path: Path) -> None:
    path = tmp_path / "trace.jsonl"
    path.write_text(MOONCAKE)
    trace = read_trace(path)
    assert trace.times_s.tolist() == [0.027, 3.0]
    assert trace.input_tokens is not None
    assert trace.output_tokens is not None
    assert trace.input_tokens.tolist() == [7000, 6755]
    assert trace.output_tokens.tolist() == [490, 500]
    assert trace.blocks == ((0, 3), (0, 1, 2))


def test_burstgpts_form_is_read_without_its_failures(tmp_path: Path) -> None:
    path = tmp_path / "trace.csv"
    path.write_text(BURSTGPT)
    trace = read_trace(path)
    assert trace.times_s.tolist() == [5.0, 45.0]
    assert trace.input_tokens is not None
    assert trace.input_tokens.tolist() == [472, 1087]
    assert trace.blocks is None


def test_times_alone_are_a_trace_too(tmp_path: Path) -> None:
    path = tmp_path / "trace.txt"
    path.write_text("4.5\n3\n")
    trace = read_trace(path)
    assert trace.times_s.tolist() == [3.0, 4.5]
    assert trace.input_tokens is None


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.jsonl", MOONCAKE + '{"timestamp": 1}\n', "line 4"),
        ("a.jsonl", MOONCAKE + "[1]\n", "line 4"),
        ("a.jsonl", MOONCAKE.replace("6755", "0"), "line 1"),
        ("a.jsonl", MOONCAKE.replace("3000", "NaN"), "line 1"),
        ("a.jsonl", "", "no requests"),
        ("a.csv", BURSTGPT + "x,ChatGPT,1,1,2,API log\n", "line 5"),
        ("a.csv", "time,tokens\n1,2\n", "line 2"),
        ("a.txt", "one\n", "one"),
    ],
)
def test_what_is_no_trace_is_refused_with_its_line(
    tmp_path: Path, name: str, text: str, said: str
) -> None:
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(ValueError, match=said):
        read_trace(path)


def test_a_drawn_trace_has_the_published_statistics(tmp_path: Path) -> None:
    path = tmp_path / "trace.jsonl"
    assert main(["mooncake", "--out", str(path), "--duration-s", "3600"]) == 0
    trace, published = read_trace(path), PUBLISHED["mooncake"]
    assert trace.input_tokens is not None
    assert trace.output_tokens is not None
    assert trace.blocks is not None
    assert len(trace.times_s) == pytest.approx(published.per_s * 3600, rel=0.03)
    assert np.mean(trace.input_tokens) == pytest.approx(published.input_tokens, rel=0.03)
    assert np.mean(trace.output_tokens) == pytest.approx(published.output_tokens, rel=0.03)
    known: set[int] = set()
    repeated = total = 0
    for names in trace.blocks:
        repeated += sum(name in known for name in names)
        total += len(names)
        known.update(names)
    assert repeated / total == pytest.approx(published.shared, abs=0.03)


def test_a_seed_draws_the_same_trace_again() -> None:
    one, same, other = (
        [json.dumps(row) for row in drawn(PUBLISHED["mooncake"], 60.0, 2.0, seed)]
        for seed in (1, 1, 2)
    )
    assert one == same != other


def test_too_long_a_trace_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["mooncake", "--out", str(tmp_path / "a.jsonl"), "--duration-s", "999999"]
    assert main([*words, "--per-s", "100"]) == 2
    assert "1,000,000" in capsys.readouterr().err
