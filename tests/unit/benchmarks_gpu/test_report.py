"""What is said of figures, targets and missing pieces."""

import json
from pathlib import Path

import pytest

from benchmarks.gpu import pieces, report
from benchmarks.gpu.limits import Card
from benchmarks.gpu.records import Figure, Found
from benchmarks.gpu.targets import TARGETS, judge

CARD = Card("Some Card 80GB", 80 * 10**9, 3e12, 8e14)


def found(**values: float) -> Found:
    result = Found()
    for name, value in values.items():
        stage, _, figure = name.partition("__")
        result.add(stage, FIGURES.get(figure, figure), value, "x")
    return result


FIGURES = {
    "graphs": "ours, graphs, best",
    "batched": "generate in batches of 64",
    "adapter": "adapter, best",
    "base": "base, best",
    "alone": "1 in flight, p50",
}


def verdicts(result: Found) -> dict[str, bool | None]:
    return {verdict.target.name: verdict.met for verdict in judge(result)}


def test_what_was_not_measured_is_neither_met_nor_missed() -> None:
    assert verdicts(Found()) == dict.fromkeys((target.name for target in TARGETS), None)
    only_half = verdicts(found(captioner__adapter=600))
    assert only_half["captioner-adapter-requests-per-s"] is True
    assert only_half["captioner-adapter-over-base"] is None


def test_targets_are_met_or_missed() -> None:
    good = verdicts(
        found(
            describer__graphs=2100,
            describer__batched=600,
            captioner__adapter=510,
            captioner__base=590,
            chain__best=351,
            chain__alone=149,
        )
    )
    assert set(good.values()) == {True}
    bad = verdicts(
        found(
            describer__graphs=1990,
            describer__batched=700,
            captioner__adapter=490,
            captioner__base=590,
            chain__best=340,
            chain__alone=151,
        )
    )
    assert set(bad.values()) == {False}


@pytest.mark.parametrize(
    ("figure", "share"),
    [
        (Figure("s", "n", 500, "requests/s", 1000), 0.5),
        (Figure("s", "n", 8, "ms", 4), 0.5),
        (Figure("s", "n", 8, "ms"), None),
    ],
)
def test_the_share_of_the_limit(figure: Figure, share: float | None) -> None:
    assert figure.share_of_limit == share


def test_a_missing_piece_is_named_with_what_it_costs() -> None:
    def has(name: str) -> bool:
        return name in ("torch", "transformers")

    assert pieces.lacking("describer", has) is None
    for stage in ("captioner", "chain"):
        missing = pieces.lacking(stage, has)
        assert missing is not None
        assert (missing.piece, stage in missing.reason) == ("peft", True)
    said = {missing.piece: missing.reason for missing in pieces.remarks("0.26.0", has)}
    assert said.keys() == {"vllm", "ray", "fastapi"}
    assert "0.26.0" in said["vllm"]
    assert list(pieces.remarks("0.32.0", lambda _: True)) == []


def test_the_result_has_everything(tmp_path: Path) -> None:
    result = found(describer__graphs=1990)
    result.lacks("vllm", "not installed")
    result.texts["describer-profile.txt"] = "kernels"
    said = list(judge(result))
    table = report.table(CARD, result, said, "random")
    assert "MISSING vllm: not installed" in table
    assert "MISSED       describer-pictures-per-s: 1990, at least 2000" in table
    assert "not measured chain-captions-per-s: at least 350" in table
    path = report.write(tmp_path, CARD, result, said, {"weights": "random"})
    assert path.name == "gpu-some-card-80gb.json"
    value = json.loads(path.read_text())
    assert value["missed"] == ["describer-pictures-per-s"]
    assert value["ratios"] == {"describer-pictures-per-s": 1990}
    assert value["missing"] == [{"piece": "vllm", "reason": "not installed"}]
    assert (tmp_path / "gpu-some-card-80gb-describer-profile.txt").read_text() == "kernels"
