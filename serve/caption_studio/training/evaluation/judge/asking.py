"""Questions → answers of a chat model behind an OpenAI-compatible endpoint, over HTTP.

Bounded in flight, tried again while the endpoint is full, and journaled as they come.
"""

import asyncio
import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx

from caption_studio.training.chat.connection import (
    ANSWER_TIMEOUT_S,
    MAX_ANSWER_BYTES,
    AnswerTooLong,
    http_client,
    key_in_environment,
    whole_answer,
)
from caption_studio.training.chat.failures import error_of
from caption_studio.training.chat.pauses import Patience, stated_pause_s
from caption_studio.training.evaluation.judge.journal import Journal
from caption_studio.training.evaluation.judge.question import Question
from caption_studio.training.evaluation.problem import EvaluationProblem

KEY_VARIABLES = ("CAPTION_STUDIO_JUDGE_KEY", "OPENAI_API_KEY")
IN_FLIGHT = 8
TRIES = 6
FIRST_PAUSE_S = 1.0
MAX_PAUSE_S = 60.0
_AGAIN = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})
_SHOWN_CHARACTERS = 200
_HINTS = dict.fromkeys((401, 403), f" Set its key as {KEY_VARIABLES[0]}.")


class JudgeFailed(Exception):
    """The judge gives no answers; `str` of it is one sentence."""


@dataclass(frozen=True, slots=True)
class Judge:
    """Where to ask: `url` is that of the API, up to `/v1`.

    One try may take `answer_s` seconds, until the last byte of its answer.
    """

    url: str
    model: str
    key: str | None = None
    first_pause_s: float = FIRST_PAUSE_S
    answer_s: float = Patience().answer_s


def judge_key() -> str | None:
    """Return the key in the environment, if there is one."""
    return key_in_environment(KEY_VARIABLES)


def api_url(given: str) -> str:
    """Return the address of the API; one without a path gets `/v1`. Raises `ValueError`."""
    url = (given if "://" in given else f"http://{given}").rstrip("/")
    parts = urlsplit(url) if _can_be_connected_to(url) else urlsplit("")
    if parts.scheme not in ("http", "https") or parts.query or parts.fragment:
        raise ValueError(f"{given} is no address of a judge")
    return url if parts.path else f"{url}/v1"


def _can_be_connected_to(url: str) -> bool:
    """Tell whether the HTTP client will take host and port.

    It would refuse them only after hours of captions. `socket` encodes a host by the IDNA codec,
    which takes no label that is empty or too long.
    """
    try:
        host, port = httpx.URL(url).raw_host.decode(), urlsplit(url).port
        return bool(host.encode("idna")) and port != 0 and not re.search(r"\s", url)
    except (httpx.InvalidURL, ValueError):
        return False


def ask_all(
    judge: Judge,
    questions: Sequence[Question],
    journal: Journal,
    answered: Callable[[], None] = lambda: None,
) -> None:
    """Have each question answered in the journal; those that are there already are not asked.

    Raises `JudgeFailed` at the first that gets no answer after all tries; others that are under
    way are waited for, so that their answers are kept. `EvaluationProblem`: the journal is full.
    """
    asyncio.run(_Asking(judge, journal, answered).all(questions))


class _Asking:
    def __init__(self, judge: Judge, journal: Journal, answered: Callable[[], None]) -> None:
        self._judge = judge
        self._journal = journal
        self._answered = answered
        self._failure: JudgeFailed | EvaluationProblem | None = None
        self._takes_temperature = True
        self._was_reached = False

    async def all(self, questions: Sequence[Question]) -> None:
        waiting = {question.key(self._judge.model): question for question in questions}
        left = iter(waiting.items())
        async with http_client(self._judge.url, self._judge.key, IN_FLIGHT) as http:

            async def work() -> None:
                for key, question in left:
                    if self._failure is not None:
                        return
                    try:
                        await self._one(http, key, question)
                    except (JudgeFailed, EvaluationProblem) as error:
                        self._failure = self._failure or error
                        return

            await asyncio.gather(*(work() for _ in range(IN_FLIGHT)))
        if self._failure is not None:
            raise self._failure

    async def _one(self, http: httpx.AsyncClient, key: str, question: Question) -> None:
        if key not in self._journal:
            answer = await self._answer(http, question)
            self._journal.add(key, self._judge.model, answer)
        self._answered()

    async def _answer(self, http: httpx.AsyncClient, question: Question) -> str:
        pause_s = self._judge.first_pause_s
        for tried in range(1, TRIES + 1):
            response, problem = await self._sent(http, question)
            if response is not None:
                if response.is_success:
                    return _content(self._judge, response)
                if response.status_code not in _AGAIN:
                    raise JudgeFailed(f"{problem}.{_HINTS.get(response.status_code, '')}")
            if tried == TRIES or self._failure is not None:
                break
            await asyncio.sleep(_pause_s(response, pause_s))
            pause_s = min(2 * pause_s, MAX_PAUSE_S)
        raise JudgeFailed(f"{problem}, {tried} times in a row.")

    async def _sent(
        self, http: httpx.AsyncClient, question: Question
    ) -> tuple[httpx.Response | None, str]:
        """Return the response, if there is one, and what is wrong if it is no success.

        Raises `JudgeFailed` for an address where nothing ever answered.
        """
        where = f"The judge at {self._judge.url}"
        try:
            response = await self._posted(http, question)
        except httpx.ConnectError as error:
            if not self._was_reached:  # a wrong address, more likely than a restart
                raise JudgeFailed(f"{where} cannot be reached.") from error
            return None, f"{where} cannot be reached"
        except httpx.TimeoutException:
            return None, f"{where} gave no answer within {ANSWER_TIMEOUT_S:.0f} s"
        except TimeoutError:
            return None, f"{where} did not end its answer within {self._judge.answer_s:.0f} s"
        except AnswerTooLong as error:
            too_long = f"{where} answered with more than {MAX_ANSWER_BYTES} bytes."
            raise JudgeFailed(too_long) from error
        except httpx.HTTPError as error:
            return None, f"{where} broke the connection off ({type(error).__name__})"
        self._was_reached = True
        return response, f"{where} answered {response.status_code}{_message(response)}"

    async def _posted(self, http: httpx.AsyncClient, question: Question) -> httpx.Response:
        """Post the question at temperature 0.

        Some models take no temperature but their own. A question that was sent with one is then
        posted again without, and so are all later ones.
        """
        url = f"{self._judge.url}/chat/completions"
        body: dict[str, Any] = {"model": self._judge.model, "messages": question.messages}
        if self._takes_temperature:
            steady = {**body, "temperature": 0}
            response = await whole_answer(http, url, steady, self._judge.answer_s)
            if response.status_code not in (400, 422) or "temperature" not in response.text:
                return response
            self._takes_temperature = False
        return await whole_answer(http, url, body, self._judge.answer_s)


def _content(judge: Judge, response: httpx.Response) -> str:
    try:
        content = response.json()["choices"][0]["message"]["content"]
    except (ValueError, KeyError, TypeError, IndexError, RecursionError) as error:
        raise JudgeFailed(
            f"The judge at {judge.url} answered with something that is no chat completion."
        ) from error
    return content if isinstance(content, str) else ""


def _message(response: httpx.Response) -> str:
    message = " ".join(str(error_of(response).get("message") or "").split())
    return f" ({message[:_SHOWN_CHARACTERS].rstrip('.')})" if message else ""


def _pause_s(response: httpx.Response | None, pause_s: float) -> float:
    """Return what the endpoint asks for, else a random time of about `pause_s`."""
    stated_s = None if response is None else stated_pause_s(response.headers)
    if stated_s is not None:
        return min(stated_s, MAX_PAUSE_S)
    return pause_s * random.uniform(0.5, 1.5)
