from dataclasses import replace

import pytest

from benchmarks.peers.catalogue import ALL, ALONE, GROUPS, PEERS
from benchmarks.peers.ratio_intervals import ratio_interval
from benchmarks.peers.records import RoundRecord, Row
from benchmarks.peers.summary import Figure, figure, figures
from benchmarks.peers.verdict import RATIOS, judge


def rate(
    requests_per_s: float, *, tokens: float = 20.0, e2e_s: float = 1.0, rounds: int = 3
) -> Figure:
    return Figure(
        rounds=rounds,
        requests_per_s=requests_per_s,
        lowest_per_s=requests_per_s,
        highest_per_s=requests_per_s,
        tokens_per_s=requests_per_s * tokens,
        mean_tokens=tokens,
        e2e_p50_s=e2e_s,
        failed=0,
        client_cpu_share=0.1,
    )


def round_of(answers: int, *, number: int) -> RoundRecord:
    rows = [Row(0.0, 0.5, None, 20, True)] * answers
    return RoundRecord("text-64-whole", number, warmup_s=0.0, window_s=1.0, rows=rows)


def test_a_figure_is_the_median_of_its_rounds() -> None:
    found = figure([round_of(answers, number=i) for i, answers in enumerate((10, 90, 20))])
    assert found.requests_per_s == 20
    assert (found.lowest_per_s, found.highest_per_s, found.rounds) == (10, 90, 3)


def test_figures_are_kept_apart_by_peer_and_load() -> None:
    found = figures({"a": [round_of(1, number=0)], "b": [round_of(2, number=0)]})
    assert found["a", "text-64-whole"].requests_per_s == 1
    assert found["b", "text-64-whole"].requests_per_s == 2


def test_a_ratio_is_ours_over_the_peers_beside_its_target() -> None:
    found = {
        ("ours-base", "text-64-whole"): rate(90),
        ("vllm-base", "text-64-whole"): rate(100),
    }
    judged = judge(found)
    assert judged["ratios"]["text-whole-base-over-vllm"] == pytest.approx(0.9)
    assert judged["targets"] == {"text-whole-base-over-vllm": 1.0}
    assert judged["intervals"] == {}


def test_texts_of_unlike_length_are_not_compared() -> None:
    found = {
        ("ours-base", "text-64-whole"): rate(100, tokens=19),
        ("vllm-base", "text-64-whole"): rate(100, tokens=20),
    }
    judged = judge(found)
    assert "text-whole-base-over-vllm" not in judged["ratios"]
    assert any("19.0 against 20.0 tokens" in note for note in judged["notes"])
    assert any("in tokens/s: 0.95" in note for note in judged["notes"])


def test_captions_are_compared_however_long_they_are() -> None:
    found = {
        ("ours-adapter", "captions-64"): rate(80, tokens=22),
        ("notebook", "captions-64"): rate(10, tokens=24),
    }
    assert judge(found)["ratios"]["captions-adapter-over-notebook"] == 8.0


def test_a_peer_that_answered_nothing_gives_no_ratio() -> None:
    found = {
        ("ours-adapter", "captions-64"): rate(80),
        ("notebook", "captions-64"): rate(0),
    }
    judged = judge(found)
    assert judged["ratios"] == {}
    assert "captions-adapter-over-notebook: notebook answered nothing" in judged["notes"]


def test_what_was_not_measured_is_said() -> None:
    judged = judge({})
    assert judged["ratios"] == {}
    assert len(judged["notes"]) == len(RATIOS)


def test_both_engines_share_the_machine_by_taking_turns() -> None:
    found = {
        ("ours-adapter", "captions-64"): rate(42),
        ("alone-describer", "alone-describe-64"): rate(100),
        ("alone-adapter", "captions-64"): rate(150),
    }
    # 1 / (1/100 + 1/150) = 60 pictures a second through both.
    assert judge(found)["ratios"]["captions-adapter-over-engines-sharing"] == pytest.approx(0.7)


def test_the_stack_adds_what_the_engines_do_not_take() -> None:
    found = {
        ("ours-merged", "captions-1"): rate(5, e2e_s=0.200),
        ("alone-describer", "alone-describe-1"): rate(30, e2e_s=0.030),
        ("alone-merged", "captions-1"): rate(7, e2e_s=0.150),
    }
    limit = judge(found)["limits"]["added-ms-at-1-merged"]
    assert limit == {"value": pytest.approx(20.0), "at_most": 8.0}


def test_a_lone_caption_is_held_to_the_notebooks() -> None:
    found = {
        ("ours-adapter", "captions-1"): rate(5, e2e_s=0.060),
        ("notebook", "captions-1"): rate(5, e2e_s=0.080),
    }
    limit = judge(found)["limits"]["lone-caption-adapter-over-notebook"]
    assert limit == {"value": pytest.approx(0.75), "at_most": 0.75}


def test_a_ratio_has_the_interval_of_its_paired_rounds() -> None:
    """A machine that is twice as slow in one round is so for both."""
    ours = replace(rate(90), rates_per_s={0: 100.0, 1: 50.0, 2: 90.0})
    peer = replace(rate(100), rates_per_s={0: 100.0, 1: 52.0, 2: 91.0})
    judged = judge({("ours-base", "text-64-whole"): ours, ("vllm-base", "text-64-whole"): peer})
    low, high = judged["intervals"]["text-whole-base-over-vllm"]
    assert 0.9 < low < 0.98 < high < 1.05


def test_one_round_has_no_interval() -> None:
    assert ratio_interval({0: 1.0}, {0: 2.0}) is None
    assert ratio_interval({0: 1.0, 1: 1.0}, {0: 2.0, 2: 2.0}) is None


def test_too_few_rounds_are_noted() -> None:
    notes = judge({("ours-base", "text-64-whole"): rate(100, rounds=1)})["notes"]
    assert any("1 rounds only" in note for note in notes)


def test_a_client_that_was_the_limit_is_noted() -> None:
    doubted = replace(round_of(10, number=0), client_limits=["requests were sent late"])
    trusted = [round_of(10, number=number) for number in (1, 2)]
    notes = judge(figures({"ours-base": [doubted, *trusted]}))["notes"]
    assert "ours-base text-64-whole: the client was the limit in 1 of 3 rounds" in notes


def test_both_peers_of_a_ratio_get_its_load_side_by_side() -> None:
    for ratio in RATIOS:
        assert any(
            {ratio.ours, ratio.peer} <= set(group.peers)
            and ratio.load in {load.name for load in group.loads}
            for group in GROUPS
        ), ratio.name


def test_names_are_unique() -> None:
    assert len({peer.name for peer in ALL}) == len(ALONE) + len(PEERS)
    assert len({ratio.name for ratio in RATIOS}) == len(RATIOS)
