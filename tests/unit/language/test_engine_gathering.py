"""What leaves vLLM's process after each step, over outputs in the form of vLLM's."""

from types import SimpleNamespace
from typing import Any

import pytest

from caption_studio.language import engine_gathering
from caption_studio.language.engine_gathering import ASKED, Gather, Gathering

QUOTES = (7, 8)


class Clock:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        monkeypatch.setattr(engine_gathering.time, "monotonic", lambda: self.now)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def requests(**asked: Any) -> dict[str, Any]:
    """Requests as they come: a tuple was a message in between, and is a list."""
    extra = {id_: {ASKED: [*one] if isinstance(one, tuple) else one} for id_, one in asked.items()}
    return {
        id_: SimpleNamespace(sampling_params=SimpleNamespace(extra_args=one))
        for id_, one in extra.items()
    }


def output(id_: str, *tokens: int, finish: str | None = None, stats: object = None) -> Any:
    return SimpleNamespace(
        request_id=id_, new_token_ids=[*tokens], finish_reason=finish, prefill_stats=stats
    )


def group(*outputs: Any, **more: object) -> Any:
    says = {"scheduler_stats": None, "utility_output": None, "finished_requests": None}
    return SimpleNamespace(outputs=[*outputs], **{**says, **more})


def step(gathering: Gathering, *outputs: Any) -> list[tuple[str, list[int]]]:
    passed = gathering.pass_on({0: group(*outputs)})
    return [(one.request_id, one.new_token_ids) for g in passed.values() for one in g.outputs]


def test_a_whole_answer_without_an_end_of_ours_leaves_once() -> None:
    gathering = Gathering(requests(a=Gather("")))
    assert step(gathering, output("a", 1)) == []
    assert step(gathering, output("a", 2, 3)) == []
    assert step(gathering, output("a", 4, finish="length")) == [("a", [1, 2, 3, 4])]


def test_the_figures_of_the_first_token_leave_with_the_last() -> None:
    gathering = Gathering(requests(a=Gather("")))
    step(gathering, output("a", 1, stats="cached"))
    step(gathering, output("a", 2))
    ((sent,),) = (
        found.outputs
        for found in gathering.pass_on({0: group(output("a", 3, finish="stop"))}).values()
    )
    assert sent.prefill_stats == "cached"


def test_a_token_that_may_end_the_answer_leaves_at_once_and_so_does_the_next() -> None:
    gathering = Gathering(requests(a=Gather('"')))
    gathering.learn('"', QUOTES)
    assert step(gathering, output("a", 1)) == []
    assert step(gathering, output("a", 7)) == [("a", [1, 7])]
    assert step(gathering, output("a", 2)) == [("a", [2])]
    assert step(gathering, output("a", 3)) == []
    assert step(gathering, output("a", 4)) == []
    assert step(gathering, output("a", 8)) == [("a", [3, 4, 8])]


def test_one_of_several_characters_is_enough() -> None:
    gathering = Gathering(requests(a=Gather('!"')))
    gathering.learn("!", [5])
    gathering.learn('"', QUOTES)
    assert step(gathering, output("a", 5)) == [("a", [5])]


def test_nothing_is_kept_for_a_character_that_was_not_learnt() -> None:
    gathering = Gathering(requests(a=Gather("?")))
    assert step(gathering, output("a", 1)) == [("a", [1])]
    assert step(gathering, output("a", 2)) == [("a", [2])]


def test_a_stream_begins_at_once_and_goes_on_by_time(clock: Clock) -> None:
    gathering = Gathering(requests(a=Gather("", 0.03)))
    sent = []
    for token in range(8):
        sent += step(gathering, output("a", token))
        clock.now += 0.012
    assert [tokens for _, tokens in sent] == [[0], [1, 2, 3], [4, 5, 6]]
    assert step(gathering, output("a", 8, finish="stop")) == [("a", [7, 8])]


def test_who_does_not_ask_gets_each_token() -> None:
    gathering = Gathering(requests(a=None, b=Gather("")))
    assert step(gathering, output("a", 1), output("b", 2)) == [("a", [1])]
    assert step(gathering, output("a", 3), output("b", 4)) == [("a", [3])]


def test_a_failure_brings_what_was_kept() -> None:
    gathering = Gathering(requests(a=Gather("")))
    step(gathering, output("a", 1))
    assert step(gathering, output("a", finish="error")) == [("a", [1])]


def test_a_message_with_other_news_leaves_without_outputs() -> None:
    gathering = Gathering(requests(a=Gather("")))
    passed = gathering.pass_on(
        {0: group(output("a", 1)), 1: group(output("a", 2), scheduler_stats="figures"), 2: group()}
    )
    assert {client: one.outputs for client, one in passed.items()} == {1: [], 2: []}


def test_the_tokens_of_requests_that_were_aborted_are_forgotten() -> None:
    all_requests = requests(a=Gather(""), b=Gather(""))
    gathering = Gathering(all_requests)
    step(gathering, output("a", 1), output("b", 2))
    del all_requests["a"]
    step(gathering, output("b", 3))
    assert list(gathering._kept) == ["b"]
    assert step(gathering, output("b", 4, finish="stop")) == [("b", [2, 3, 4])]


@pytest.mark.parametrize("asked", [None, {}, "x", 1, [], ["a"], ["a", "b", 0], [1, None, 0]])
def test_what_others_ask_under_our_name_changes_nothing(asked: object) -> None:
    gathering = Gathering(requests(a=asked))
    assert step(gathering, output("a", 1)) == [("a", [1])]


@pytest.mark.parametrize("extra_args", [None, {}, {"theirs": 1}])
def test_requests_of_others_are_passed_on(extra_args: Any) -> None:
    params = SimpleNamespace(extra_args=extra_args)
    gathering = Gathering({"a": SimpleNamespace(sampling_params=params)})
    assert step(gathering, output("a", 1)) == [("a", [1])]


def test_the_first_tokens_of_a_stream_leave_at_once(clock: Clock) -> None:
    gathering = Gathering(requests(a=Gather("", 0.03, first=3)))
    sent = []
    for token in range(7):
        sent += step(gathering, output("a", token))
        clock.now += 0.012
    assert [tokens for _, tokens in sent] == [[0], [1], [2], [3, 4, 5]]


def test_a_token_that_may_end_a_stream_does_not_delay_its_next_piece(clock: Clock) -> None:
    gathering = Gathering(requests(a=Gather('"', 0.03, first=1)))
    gathering.learn('"', QUOTES)
    sent = []
    for token in (1, 2, 7, 3, 4, 5, 6):
        sent += step(gathering, output("a", token))
        clock.now += 0.012
    assert [tokens for _, tokens in sent] == [[1], [2, 7], [3], [4, 5, 6]]
