"""A teacher is asked until it answers, and no longer than that."""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import httpx
import pytest

from caption_studio.training.chat.connection import MAX_ANSWER_BYTES
from caption_studio.training.chat.pauses import Patience, backoff_s, stated_pause_s
from caption_studio.training.dataset.items import Answer
from caption_studio.training.dataset.teaching.teacher import (
    Manner,
    NoAnswer,
    Teacher,
    TeacherFails,
    teacher_url,
)

QUICK = Patience(total_s=5.0, first_pause_s=0.001, longest_pause_s=0.002)
OVER = Patience(total_s=0.0, first_pause_s=0.001, longest_pause_s=0.002)
ASKED = [{"role": "user", "content": "a caption, please"}]
GOOD = httpx.Response(
    200,
    json={
        "choices": [{"message": {"content": "A boat!"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 7, "completion_tokens": 3},
    },
)


def busy(status: int = 429, **headers: str) -> httpx.Response:
    return httpx.Response(status, headers={"retry-after": "0", **headers})


class Played:
    """Plays answers in turn, the last one again and again; an exception is raised."""

    def __init__(self, *answers: httpx.Response | Exception) -> None:
        self.answers = answers
        self.bodies: list[Any] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.bodies.append(json.loads(request.content))
        answer = self.answers[min(len(self.bodies), len(self.answers)) - 1]
        if isinstance(answer, Exception):
            raise answer
        return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)


def ask(
    played: Callable[[httpx.Request], httpx.Response],
    *,
    times: int = 1,
    patience: Patience = QUICK,
    temperature: float | None = None,
    accepts_calls: bool = False,
) -> list[Answer | Exception]:
    """Ask a few times, one after another; return what came of each."""

    async def run() -> list[Answer | Exception]:
        async with httpx.AsyncClient(transport=httpx.MockTransport(played)) as http:
            manner = Manner("t", 50, temperature)
            teacher = Teacher(
                http, "http://teacher/v1", manner, patience, accepts_calls=accepts_calls
            )
            found: list[Answer | Exception] = []
            for _ in range(times):
                try:
                    found.append(await teacher.ask(ASKED))
                except (NoAnswer, TeacherFails) as error:
                    found.append(error)
            return found

    return asyncio.run(run())


def test_an_answer_is_read_with_its_tokens() -> None:
    played = Played(GOOD)
    assert ask(played) == [Answer("A boat!", "stop", tokens_in=7, tokens_out=3)]
    assert played.bodies == [{"model": "t", "messages": ASKED, "max_tokens": 50}]


@pytest.mark.parametrize(
    "failure",
    [
        busy(429),
        busy(500),
        busy(503),
        busy(529),
        busy(408),
        httpx.ReadTimeout("slow"),
        httpx.RemoteProtocolError("broken off"),
    ],
)
def test_a_busy_teacher_is_asked_again(failure: httpx.Response | Exception) -> None:
    played = Played(failure, failure, GOOD)
    assert ask(played)[0] == Answer("A boat!", "stop", tokens_in=7, tokens_out=3)
    assert len(played.bodies) == 3


def test_a_teacher_that_goes_away_after_an_answer_may_come_back() -> None:
    played = Played(GOOD, httpx.ConnectError("away"), GOOD)
    assert all(isinstance(one, Answer) for one in ask(played, times=2))
    assert isinstance(ask(Played(httpx.ConnectError("away")))[0], TeacherFails)


def test_patience_ends_for_a_call_and_then_for_all() -> None:
    played = Played(busy(500))
    one, two, three = ask(played, times=3, patience=OVER)
    assert isinstance(one, NoAnswer)
    assert isinstance(two, NoAnswer)
    assert isinstance(three, TeacherFails)
    assert "HTTP status 500" in str(three)


def test_a_refused_call_is_no_failure_of_all_once_one_was_answered() -> None:
    played = Played(GOOD, httpx.Response(400, json={"error": {"message": "No.", "code": None}}))
    found = ask(played, times=12)
    assert all(isinstance(one, NoAnswer) for one in found[1:])
    assert str(found[1]) == "the teacher refused: No (HTTP status 400)"
    assert len(played.bodies) == 12


@pytest.mark.parametrize("status", [400, 403])
def test_a_refused_call_is_no_failure_of_all_if_an_earlier_command_was_answered(
    status: int,
) -> None:
    found = ask(Played(httpx.Response(status)), times=6, accepts_calls=True)
    assert all(isinstance(one, NoAnswer) for one in found)


def test_a_forbidden_call_is_refused_alone_once_one_was_answered() -> None:
    forbidden = httpx.Response(403, json={"error": {"message": "Moderated."}})
    one, two, three = ask(Played(GOOD, forbidden, GOOD), times=3)
    assert isinstance(one, Answer)
    assert isinstance(two, NoAnswer)
    assert isinstance(three, Answer)
    (first,) = ask(Played(forbidden))
    assert isinstance(first, TeacherFails)
    assert str(first).startswith("The teacher refuses the key: Moderated")


def test_a_wrong_key_ends_all_whatever_was_answered_before() -> None:
    (found,) = ask(Played(httpx.Response(401)), accepts_calls=True)
    assert isinstance(found, TeacherFails)


def test_an_address_where_nobody_answers_ends_all_whatever_was_answered_before() -> None:
    (found,) = ask(Played(httpx.ConnectError("away")), accepts_calls=True)
    assert isinstance(found, TeacherFails)


def test_the_limit_of_tokens_is_sent_under_its_newer_name_where_that_is_wanted() -> None:
    error = {
        "message": "Unsupported parameter: use 'max_completion_tokens'.",
        "param": "max_tokens",
    }
    played = Played(httpx.Response(400, json={"error": error}), GOOD)
    assert all(isinstance(one, Answer) for one in ask(played, times=2, temperature=0.5))
    assert [body.get("max_completion_tokens") for body in played.bodies] == [None, 50, 50]
    assert {body["temperature"] for body in played.bodies} == {0.5}


def test_calls_side_by_side_all_find_the_newer_name_of_the_limit() -> None:
    calls, sent = 8, 0
    all_sent = asyncio.Event()

    async def played(request: httpx.Request) -> httpx.Response:
        nonlocal sent
        if "max_completion_tokens" in json.loads(request.content):
            return httpx.Response(200, content=GOOD.content)
        sent += 1
        if sent == calls:
            all_sent.set()
        await all_sent.wait()
        return httpx.Response(400, json={"error": {"param": "max_tokens", "message": "No."}})

    async def run() -> list[Answer]:
        async with httpx.AsyncClient(transport=httpx.MockTransport(played)) as http:
            teacher = Teacher(http, "http://teacher/v1", Manner("t", 50), QUICK)
            return await asyncio.gather(*(teacher.ask(ASKED) for _ in range(calls)))

    assert [answer.text for answer in asyncio.run(run())] == ["A boat!"] * calls


def test_a_refusal_in_its_own_field_is_known_as_one() -> None:
    message = {"content": None, "refusal": "I can't."}
    (answer,) = ask(Played(httpx.Response(200, json={"choices": [{"message": message}]})))
    assert answer == Answer("I can't.", "refusal")


@pytest.mark.parametrize(
    "usage",
    [
        None,
        3,
        {"prompt_tokens": "x"},
        {"prompt_tokens": True},
        {"prompt_tokens": 10**400},
        {"prompt_tokens": -1},
        {"prompt_tokens": 1e300},
    ],
)
def test_tokens_that_are_no_numbers_count_nothing(usage: Any) -> None:
    value = {"choices": [{"message": {"content": "A"}}], "usage": usage}
    (answer,) = ask(Played(httpx.Response(200, json=value)))
    assert answer == Answer("A") or isinstance(answer, NoAnswer)


def test_an_answer_of_opening_brackets_fails_its_call_alone() -> None:
    brackets = httpx.Response(200, content=b"[" * 200_000)
    found, good = ask(Played(brackets, GOOD), times=2)
    assert isinstance(found, NoAnswer)
    assert isinstance(good, Answer)


class Dripping(httpx.AsyncByteStream):
    """Sends a piece again and again, without an end."""

    def __init__(self, piece: bytes) -> None:
        self._piece = piece

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            yield self._piece
            await asyncio.sleep(0.001)


class Once(httpx.AsyncByteStream):
    """Sends a body as it comes over the wire."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._body


@pytest.mark.parametrize("status", [200, 400])
@pytest.mark.parametrize(
    ("piece", "patience", "said"),
    [
        (b" ", Patience(total_s=0.0, answer_s=0.05), "did not end its answer within 0 s"),
        (b" " * 2**20, QUICK, f"has more than {MAX_ANSWER_BYTES} bytes"),
    ],
)
def test_an_answer_without_an_end_fails_its_call_alone(
    status: int, piece: bytes, patience: Patience, said: str
) -> None:
    answer = httpx.Response(status, stream=Dripping(piece))
    (found,) = ask(lambda _: answer, patience=patience)
    assert isinstance(found, NoAnswer)
    assert said in str(found)


def test_a_compressed_answer_is_read() -> None:
    packed = httpx.Response(
        200, headers={"content-encoding": "gzip"}, stream=Once(gzip.compress(GOOD.content))
    )
    (answer,) = ask(lambda _: packed)
    assert answer == Answer("A boat!", "stop", tokens_in=7, tokens_out=3)


def test_a_stated_pause_is_kept_by_all_calls() -> None:
    times: list[float] = []

    def played(request: httpx.Request) -> httpx.Response:
        times.append(asyncio.get_running_loop().time())
        return busy(429, **{"retry-after": "0.2"}) if len(times) == 1 else GOOD

    async def run() -> None:
        transport = httpx.MockTransport(played)
        async with httpx.AsyncClient(transport=transport) as http:
            teacher = Teacher(http, "http://teacher/v1", Manner("t", 50), QUICK)
            first = asyncio.create_task(teacher.ask(ASKED))
            await asyncio.sleep(0.05)
            await asyncio.gather(first, teacher.ask(ASKED))

    asyncio.run(run())
    assert min(times[1:]) - times[0] >= 0.2


@pytest.mark.parametrize(
    ("stated", "pause_s"),
    [
        ("3", 3.0),
        ("0.5", 0.5),
        ("-2", 0.0),
        ("", None),
        ("soon", None),
        ("inf", None),
        ("nan", None),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0),
    ],
)
def test_retry_after_is_a_number_or_a_date(stated: str, pause_s: float | None) -> None:
    assert stated_pause_s({"retry-after": stated}) == pause_s


def test_a_date_to_come_is_waited_for() -> None:
    stated = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)
    assert 50 < (stated_pause_s({"retry-after": stated}) or 0) <= 60


def test_pauses_grow_up_to_a_longest() -> None:
    patience = Patience(first_pause_s=1.0, longest_pause_s=8.0)
    for attempt, most in enumerate((1.0, 2.0, 4.0, 8.0, 8.0)):
        assert all(most / 10 <= backoff_s(attempt, patience) <= most for _ in range(50))


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ("https://api.openai.com/v1/", "https://api.openai.com/v1"),
        ("127.0.0.1:8000/v1", "http://127.0.0.1:8000/v1"),
        ("http://x/v1/chat/completions", "http://x/v1"),
    ],
)
def test_the_address_of_a_teacher(given: str, url: str) -> None:
    assert teacher_url(given) == url
