"""Prompts and answers of given lengths, as they stand in a request's body."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers

from benchmarks.scenario import (
    RandomTokens,
    Requests,
    ShareGPT,
    TokenIds,
    TokenRange,
    TraceTokens,
    read_scenario,
)
from benchmarks.workload.bodies import Bodies
from benchmarks.workload.prompts import read_prompts

RANDOM = RandomTokens(
    input_tokens=TokenRange(min=3, max=5),
    output_tokens=TokenRange(min=7, max=7),
    ids=TokenIds(first=10, end=20),
)
PER_ROUND = 100


def body_of(requests: Requests, index: int, *, streamed: bool = False) -> dict[str, Any]:
    bodies = Bodies(requests, urlsplit("http://any"), headers=(), seed=1, per_round=PER_ROUND)
    request = bodies.request(index=index, model=0, streamed=streamed, pictures=[])
    value: dict[str, Any] = json.loads(request.partition(b"\r\n\r\n")[2])
    return value


def test_random_prompts_are_token_ids_of_the_asked_number() -> None:
    requests = Requests(endpoint="completions", prompts=RANDOM)
    bodies = [body_of(requests, index) for index in range(40)]
    assert {len(body["prompt"]) for body in bodies} == {3, 4, 5}
    assert {token for body in bodies for token in body["prompt"]} == set(range(10, 20))
    assert {(body["max_tokens"], body["ignore_eos"]) for body in bodies} == {(7, True)}
    assert body_of(requests, 3) == bodies[3]
    assert len({str(body["prompt"]) for body in bodies}) > 35


def test_a_streamed_one_asks_for_its_usage_too() -> None:
    body = body_of(Requests(endpoint="completions", prompts=RANDOM), 0, streamed=True)
    assert body["stream_options"] == {"include_usage": True}


def traced(tmp_path: Path, rows: list[dict[str, Any]], scale: float = 1.0) -> TraceTokens:
    path = tmp_path / "trace.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return TraceTokens(trace=path, scale=scale)


def row(at_ms: int, inputs: int, outputs: int, names: list[int]) -> dict[str, Any]:
    lengths = {"input_length": inputs, "output_length": outputs}
    return {"timestamp": at_ms, **lengths, "hash_ids": names}


def test_a_traces_prompts_have_its_lengths_and_its_common_beginnings(tmp_path: Path) -> None:
    rows = [row(0, 1100, 5, [1, 2, 3]), row(9, 1030, 6, [1, 2, 4]), row(20, 600, 7, [5, 6])]
    prompts = read_prompts(traced(tmp_path, rows), seed=1, per_round=PER_ROUND)
    asked = [prompts.of(index) for index in (0, 1, 2, 3, PER_ROUND)]
    first, second, third, again, next_round = (json.loads(one.prompt) for one in asked)
    assert [len(one) for one in (first, second, third)] == [1100, 1030, 600]
    assert [one.output_tokens for one in asked[:3]] == [5, 6, 7]
    assert first[:1024] == second[:1024]
    assert first[1024:1030] != second[1024:1030]
    assert first[:50] != third[:50]
    assert again == first  # the trace begins anew when it is used up
    assert next_round[:50] != first[:50]  # a round finds nothing in a cache of the one before
    assert len(next_round) == 1100


def test_a_trace_is_scaled(tmp_path: Path) -> None:
    rows = [row(0, 1100, 5, [1, 2, 3]), row(9, 1030, 600, [1, 2, 4])]
    prompts = read_prompts(traced(tmp_path, rows, scale=0.1), seed=1, per_round=PER_ROUND)
    one, other = (json.loads(prompts.of(index).prompt) for index in (0, 1))
    assert (len(one), len(other)) == (110, 103)
    assert one[:100] == other[:100]
    assert [prompts.of(index).output_tokens for index in (0, 1)] == [1, 60]


def test_a_trace_without_lengths_has_no_prompts(tmp_path: Path) -> None:
    path = tmp_path / "trace.txt"
    path.write_text("1\n2\n")
    with pytest.raises(ValueError, match="no lengths"):
        read_prompts(TraceTokens(trace=path), seed=1, per_round=PER_ROUND)


def talk(*texts: str) -> dict[str, Any]:
    return {"conversations": [{"from": "anyone", "value": text} for text in texts]}


TALKS = [talk("one two three", "four five"), talk(), talk("alone"), talk("one " * 9, "two")]


@pytest.fixture
def talks(tmp_path: Path) -> Path:
    path = tmp_path / "talks.json"
    path.write_text(json.dumps(TALKS))
    return path


@pytest.fixture
def tokenizer(tmp_path: Path) -> Path:
    """One token a word."""
    made = Tokenizer(models.WordLevel({"?": 0}, unk_token="?"))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    path = tmp_path / "tokenizer.json"
    made.save(str(path))
    return path


def test_conversations_are_asked_as_they_were(talks: Path) -> None:
    requests = Requests(prompts=ShareGPT(file=talks))
    bodies = [body_of(requests, index) for index in range(4)]
    contents = [body["messages"][0]["content"] for body in bodies]
    assert sorted(contents[:2]) == ["one " * 9, "one two three"]
    assert contents[2:] == contents[:2]
    assert "ignore_eos" not in bodies[0]


def test_with_a_tokenizer_answers_have_the_recorded_length(talks: Path, tokenizer: Path) -> None:
    prompts = ShareGPT(file=talks, tokenizer=tokenizer, max_input_tokens=8)
    body = body_of(Requests(endpoint="completions", prompts=prompts), 0)
    assert (body["prompt"], body["max_tokens"]) == ("one two three", 2)


@pytest.mark.parametrize("text", ["{}", "[1]", "nothing", '[{"conversations": [{}, {}]}]', "[]"])
def test_what_is_no_conversation_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "talks.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"talks\.json"):
        read_prompts(ShareGPT(file=path), seed=1, per_round=PER_ROUND)


def test_what_is_no_tokenizer_is_refused(talks: Path) -> None:
    with pytest.raises(ValueError, match=r"no tokenizer\.json"):
        read_prompts(ShareGPT(file=talks, tokenizer=talks), seed=1, per_round=PER_ROUND)


@pytest.mark.parametrize(
    ("prompts", "said"),
    [
        ("text: {}\n  prompts: {kind: sharegpt, file: a}", "alone"),
        ("prompts: {kind: trace, trace: a}", "completions only"),
        ("prompts: {kind: random, input_tokens: {min: 9, max: 3}}", "min is above"),
        ("prompts: {kind: trace, trace: a, ids: {first: 9, end: 9}}", "not below"),
    ],
)
def test_prompts_that_cannot_be_are_refused(tmp_path: Path, prompts: str, said: str) -> None:
    path = tmp_path / "scenario.yaml"
    path.write_text(f"name: x\nrequests:\n  {prompts}\n")
    with pytest.raises(ValueError, match=said):
        read_scenario(str(path))


def test_their_files_lie_beside_the_scenario(tmp_path: Path) -> None:
    path = tmp_path / "scenario.yaml"
    path.write_text("name: x\nrequests: {prompts: {kind: sharegpt, file: a, tokenizer: b}}\n")
    prompts = read_scenario(str(path)).requests.prompts
    assert isinstance(prompts, ShareGPT)
    assert (prompts.file, prompts.tokenizer) == (tmp_path / "a", tmp_path / "b")
