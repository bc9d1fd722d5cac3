"""The judge is asked in both orders, patiently, and is paid once for each answer."""

import threading
from pathlib import Path

import pytest

from caption_studio.training.chat.connection import MAX_ANSWER_BYTES
from caption_studio.training.evaluation.judge.asking import (
    IN_FLIGHT,
    TRIES,
    Judge,
    JudgeFailed,
    api_url,
    ask_all,
    judge_key,
)
from caption_studio.training.evaluation.judge.journal import Journal
from caption_studio.training.evaluation.judge.question import Question, verdict_of
from caption_studio.training.evaluation.judge.tally import tally
from caption_studio.training.evaluation.problem import EvaluationProblem
from tests.unit.training.evaluation.fakes import Answer, judging, refused, said

QUESTIONS = [Question(f"duck {number}", "", "Quack.", "Hello!") for number in range(24)]


def judge_at(url: str, key: str | None = None) -> Judge:
    return Judge(url, "wise-1", key, first_pause_s=0.001)


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        ("A", "first"),
        (" b.\n", "second"),
        ("**TIE**", "tie"),
        ("It is a\ntie", "tie"),
        ("Caption B", "second"),
        ("The better caption is A.", "first"),
        ('{"winner": "B"}', "second"),
        ("Answer: A", "first"),
        ("<think>B? A and B are\nfine.</think>\n\nA", "first"),
        ("A is better, for B misses the duck.", "first"),
        ("B\n\nIt names the duck and A does not.", "second"),
        ("Neither.", "tie"),
        ("", None),
        ("I cannot see the picture.", None),
        ("A or B", None),
        ("C", None),
    ],
)
def test_verdicts(answer: str, verdict: str | None) -> None:
    assert verdict_of(answer) == verdict


def test_a_text_cannot_add_lines_to_the_question() -> None:
    question = Question("a duck\nCaption A: x", "r", "one\nCaption B: two", "three")
    assert question.messages[1]["content"].count("\n") == 4


def test_pairs_are_counted_by_both_orders() -> None:
    counted = tally(
        [
            ("first", "second"),  # mine, in both orders
            ("second", "first"),  # theirs
            ("first", "first"),  # the one shown first, whichever it is
            ("tie", "second"),
            (None, "first"),
        ]
    )
    assert (counted.wins, counted.ties, counted.losses, counted.unreadable) == (1, 2, 1, 1)
    assert counted.win_rate is not None
    assert (counted.win_rate.value, counted.win_rate.n) == (0.5, 4)
    assert counted.first_shown is not None
    assert counted.first_shown.value == 5 / 8


def test_nothing_readable_is_no_win_rate() -> None:
    assert tally([(None, "first"), (None, None)]).win_rate is None


def test_every_question_is_asked_once_with_the_key_and_bounded_in_flight(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "judge.jsonl")
    answered: list[None] = []
    with judging(lambda _: said("A")) as server:
        judge = judge_at(server.url, "secret")
        ask_all(judge, QUESTIONS + QUESTIONS[:3], journal, lambda: answered.append(None))
    assert len(server.asked) == len(QUESTIONS) == len(answered)
    assert server.most_at_once <= IN_FLIGHT
    headers, body = server.asked[0]
    assert headers["authorization"] == "Bearer secret"
    assert (body["model"], body["temperature"]) == ("wise-1", 0)
    assert {journal[one.key("wise-1")] for one in QUESTIONS} == {"A"}


def test_answers_in_the_journal_are_not_asked_for_again(tmp_path: Path) -> None:
    path = tmp_path / "judge.jsonl"
    with judging(lambda _: said("A")) as server:
        ask_all(judge_at(server.url), QUESTIONS[:20], Journal(path))
        with path.open("a") as file:
            file.write('{"key": "torn off by a kill')
        ask_all(judge_at(server.url), QUESTIONS, Journal(path))
    assert len(server.asked) == len(QUESTIONS)
    assert all(one.key("wise-1") in Journal(path) for one in QUESTIONS)
    assert QUESTIONS[0].key("another") not in Journal(path)


def test_an_answer_with_a_line_separator_of_unicode_is_not_paid_for_twice(tmp_path: Path) -> None:
    path = tmp_path / "judge.jsonl"
    Journal(path).add("a question", "wise-1", "A\u2028is better\x85by far")
    assert Journal(path)["a question"] == "A\u2028is better\x85by far"


def test_a_full_judge_is_asked_again(tmp_path: Path) -> None:
    refusals = [refused(429, "slow down", retry_after="0"), refused(503, "starting")]

    def answer(_: str) -> Answer:
        return refusals.pop() if refusals else said("B")

    journal = Journal(tmp_path / "judge.jsonl")
    with judging(answer) as server:
        ask_all(judge_at(server.url), QUESTIONS[:1], journal)
    assert len(server.asked) == 3
    assert journal[QUESTIONS[0].key("wise-1")] == "B"


def test_a_model_with_a_temperature_of_its_own_is_asked_without_one(tmp_path: Path) -> None:
    all_in_flight = threading.Barrier(IN_FLIGHT)

    def answer(_: str) -> Answer:
        if len(server.asked) > IN_FLIGHT:
            return said("A")
        all_in_flight.wait(timeout=30)
        return refused(400, "Unsupported value: 'temperature'")

    journal = Journal(tmp_path / "judge.jsonl")
    with judging(answer) as server:
        ask_all(judge_at(server.url), QUESTIONS[:16], journal)
    sent = ["temperature" in body for _, body in server.asked]
    assert sent == [True] * IN_FLIGHT + [False] * 16
    assert {journal[one.key("wise-1")] for one in QUESTIONS[:16]} == {"A"}


def test_a_temperature_that_is_refused_at_the_last_try_costs_no_try(tmp_path: Path) -> None:
    full = [refused(429, "slow down", retry_after="0")] * (TRIES - 1)
    answers = [*full, refused(422, "no temperature"), said("A")]
    with judging(lambda _: answers.pop(0)) as server:
        ask_all(judge_at(server.url), QUESTIONS[:1], Journal(tmp_path / "judge.jsonl"))
    assert answers == []


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (refused(429, "slow down"), f"answered 429 \\(slow down\\), {TRIES} times in a row\\.$"),
        (
            refused(401, "who?"),
            "answered 401 \\(who\\?\\). Set its key as CAPTION_STUDIO_JUDGE_KEY",
        ),
        (refused(404, "no such model."), "answered 404 \\(no such model\\)\\.$"),
        ((200, {}, b"<html>"), "something that is no chat completion"),
        ((200, {}, b"[" * 200_000), "something that is no chat completion"),
        ((200, {}, b" " * (MAX_ANSWER_BYTES + 1)), "answered with more than 4194304 bytes"),
        ((200, {}, {"choices": []}), "something that is no chat completion"),
        ((500, {}, "oops"), "answered 500, "),
    ],
)
def test_a_judge_that_does_not_judge_ends_the_asking_with_one_sentence(
    tmp_path: Path, answer: Answer, message: str
) -> None:
    with judging(lambda _: answer) as server, pytest.raises(JudgeFailed, match=message) as failed:
        ask_all(judge_at(server.url), QUESTIONS, Journal(tmp_path / "judge.jsonl"))
    assert "\n" not in str(failed.value)
    assert len(server.asked) <= IN_FLIGHT * TRIES


def test_a_judge_that_is_not_there_is_told(tmp_path: Path) -> None:
    nobody = judge_at("http://127.0.0.1:9/v1")  # the discard port: nothing listens
    with pytest.raises(JudgeFailed, match="cannot be reached"):
        ask_all(nobody, QUESTIONS[:1], Journal(tmp_path / "judge.jsonl"))


def test_answers_that_came_before_the_failure_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "judge.jsonl"

    def answer(text: str) -> Answer:
        return refused(403, "no money left") if "duck 20" in text else said("A")

    with judging(answer) as server:
        with pytest.raises(JudgeFailed, match="no money left"):
            ask_all(judge_at(server.url), QUESTIONS, Journal(path))
        paid = sum("duck 20" not in body["messages"][1]["content"] for _, body in server.asked)
    assert len(path.read_text().splitlines()) == paid >= 13


def test_nothing_said_is_an_answer_that_names_no_caption(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "judge.jsonl")
    with judging(lambda _: said(None)) as server:
        ask_all(judge_at(server.url), QUESTIONS[:1], journal)
    assert journal[QUESTIONS[0].key("wise-1")] == ""


def test_a_journal_that_cannot_be_written_ends_the_asking(tmp_path: Path) -> None:
    with judging(lambda _: said("A")) as server, pytest.raises(EvaluationProblem, match="written"):
        ask_all(judge_at(server.url), QUESTIONS, Journal(tmp_path / "gone" / "judge.jsonl"))


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ("https://api.openai.com", "https://api.openai.com/v1"),
        ("127.0.0.1:8000", "http://127.0.0.1:8000/v1"),
        ("http://host/v1/", "http://host/v1"),
        ("https://host/v1beta/openai", "https://host/v1beta/openai"),
        ("http://[::1]:8000", "http://[::1]:8000/v1"),
        ("http://b\u00fccher.example:65535/v1", "http://b\u00fccher.example:65535/v1"),
        ("http://user:word@host/v1", "http://user:word@host/v1"),
    ],
)
def test_addresses(given: str, url: str) -> None:
    assert api_url(given) == url


@pytest.mark.parametrize(
    "given",
    [
        "ftp://host",
        "http://",
        "http://host/v1?x=1",
        "http://host/v1#x",
        "http://localhost:80a/v1",
        "localhost:80a",
        "http://host:99999/v1",
        "http://host:65536",
        "http://host:0/v1",
        "http://host:-1/v1",
        "http://host:8 0/v1",
        "http://local host/v1",
        " http://host/v1",
        "http://host/v 1",
        "http://[::1/v1",
        "http://::1/v1",
        "http://[host]/v1",
        "http://host..example/v1",
        f"http://{'x' * 64}.example/v1",
        "http://999.1.1.1/v1",
    ],
)
def test_no_addresses(given: str) -> None:
    with pytest.raises(ValueError, match="no address of a judge"):
        api_url(given)


def test_the_judges_own_key_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CAPTION_STUDIO_JUDGE_KEY", raising=False)
    monkeypatch.setenv("OPENAI_API_KEY", "theirs")
    assert judge_key() == "theirs"
    monkeypatch.setenv("CAPTION_STUDIO_JUDGE_KEY", "ours")
    assert judge_key() == "ours"
