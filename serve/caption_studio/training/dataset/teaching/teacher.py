"""Messages → a caption by any OpenAI-compatible teacher, asked until it answers.

Three kinds of failure: the teacher is busy or gone (it is asked again, with pauses, until the
patience of the call is used up), it refuses this call (`NoAnswer`), or it would refuse every call
(`TeacherFails`).
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx

from caption_studio.training.chat.connection import (
    ANSWER_TIMEOUT_S,
    MAX_ANSWER_BYTES,
    AnswerTooLong,
    http_client,
    whole_answer,
)
from caption_studio.training.chat.failures import error_of
from caption_studio.training.chat.pauses import Gate, Patience, backoff_s, stated_pause_s
from caption_studio.training.dataset.items import Answer
from caption_studio.training.dataset.teaching.answers import read_answer, told_of

KEY_VARIABLES = ("CAPTION_STUDIO_TEACHER_KEY", "OPENAI_API_KEY")
MAX_GIVEN_UP = 3
"""Calls in a row whose patience was used up: the teacher is gone, and the command ends."""

MAX_REFUSED_AT_FIRST = 5
"""Calls in a row that were refused, before any was answered: it refuses them all."""

_BUSY = frozenset({408, 409, 425, 429})
_OUT_OF_MONEY = frozenset({"insufficient_quota", "billing_hard_limit_reached"})
_NO_SUCH_MODEL = frozenset({"model_not_found", "invalid_model"})
_NEWER_LIMIT = "max_completion_tokens"


class NoAnswer(Exception):
    """This call has no answer; `str` of it says why."""


class TeacherFails(Exception):
    """No call would be answered; `str` of it is a sentence for the user."""


@dataclass(frozen=True, slots=True)
class Manner:
    """How the teacher is to write. Temperature None: its own default."""

    model: str
    max_tokens: int
    temperature: float | None = None


class _Busy(Exception):
    """The teacher may answer if it is asked again, after `pause_s` if that is stated."""

    def __init__(self, reason: str, pause_s: float | None = None) -> None:
        super().__init__(reason)
        self.pause_s = pause_s


def teacher_url(given: str) -> str:
    """Return the address of the API, such as https://api.openai.com/v1. Raises `ValueError`."""
    url = (given if "://" in given else f"http://{given}").rstrip("/")
    url = url.removesuffix("/chat/completions")
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.port == 0:
        raise ValueError(f"{given} is no address of a teacher")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ValueError(
            "--teacher-url is an address alone, which the card will name; a key goes into "
            f"{KEY_VARIABLES[0]}"
        )
    return url


@asynccontextmanager
async def connected(
    url: str, key: str | None, manner: Manner, in_flight: int, *, accepts_calls: bool
) -> AsyncIterator["Teacher"]:
    """Hold a teacher at `url`, in the form that `teacher_url` returns. See `Teacher`."""
    async with http_client(url, key, in_flight) as http:
        yield Teacher(http, url, manner, accepts_calls=accepts_calls)


class Teacher:
    """Asks for captions; calls may run side by side.

    `accepts_calls`: it answered an earlier command, so that what it refuses are single calls.
    """

    def __init__(
        self,
        http: httpx.AsyncClient,
        url: str,
        manner: Manner,
        patience: Patience | None = None,
        *,
        accepts_calls: bool = False,
    ) -> None:
        self._http = http
        self._url = url
        self._manner = manner
        self._patience = patience or Patience()
        self._gate = Gate()
        self._limit_name = "max_tokens"
        self._has_answered = False  # this command, so that its address is right
        self._accepts_calls = accepts_calls
        self._refused = self._given_up = 0  # in a row

    async def ask(self, messages: Sequence[dict[str, Any]]) -> Answer:
        """Return the answer. Raises `NoAnswer` or `TeacherFails`."""
        loop = asyncio.get_running_loop()
        ends_s = loop.time() + self._patience.total_s
        attempt = 0
        while True:
            await self._gate.wait()
            try:
                answer = await self._try(messages)
            except _Busy as error:
                stated_s = error.pause_s or 0.0
                if stated_s > self._patience.total_s:
                    raise TeacherFails(
                        f"{_begun(str(error))}, and wants to be left alone for {stated_s:.0f} s."
                    ) from error
                self._gate.close_for(stated_s)
                # Added to a stated pause, so that not all calls come back at one moment.
                pause_s = stated_s + backoff_s(attempt, self._patience)
                if loop.time() + pause_s > ends_s:
                    raise self._gave_up(str(error)) from error
                await asyncio.sleep(pause_s)
                attempt += 1
                continue
            self._has_answered = self._accepts_calls = True
            self._refused = self._given_up = 0
            return answer

    async def _try(self, messages: Sequence[dict[str, Any]]) -> Answer:
        # Another call may change the name while this one is under way.
        limit_name = self._limit_name
        answer = await self._send(messages, limit_name)
        error = error_of(answer)
        if answer.status_code == 400 and limit_name != _NEWER_LIMIT and _wants_newer_limit(error):
            self._limit_name = _NEWER_LIMIT
            answer = await self._send(messages, _NEWER_LIMIT)
            error = error_of(answer)
        if answer.status_code != 200:
            raise self._failure(answer, str(error.get("code")))
        try:
            return read_answer(answer)
        except ValueError as nonsense:
            raise self._refusal(str(nonsense)) from nonsense

    async def _send(self, messages: Sequence[dict[str, Any]], limit_name: str) -> httpx.Response:
        manner = self._manner
        body: dict[str, Any] = {"model": manner.model, "messages": list(messages)}
        body[limit_name] = manner.max_tokens
        if manner.temperature is not None:
            body["temperature"] = manner.temperature
        try:
            return await whole_answer(
                self._http, f"{self._url}/chat/completions", body, self._patience.answer_s
            )
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            if not self._has_answered:
                raise TeacherFails(f"No teacher answers at {self._url}.") from error
            raise _Busy(f"no teacher answers at {self._url} any more") from error
        except httpx.TimeoutException as error:
            raise _Busy(f"the teacher gave no answer within {ANSWER_TIMEOUT_S:.0f} s") from error
        except TimeoutError as error:
            within = f"within {self._patience.answer_s:.0f} s"
            raise _Busy(f"the teacher did not end its answer {within}") from error
        except httpx.TransportError as error:
            raise _Busy("the connection to the teacher broke off") from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise self._refusal("the teacher's answer cannot be read") from error
        except AnswerTooLong as error:
            reason = f"the teacher's answer has more than {MAX_ANSWER_BYTES} bytes"
            raise self._refusal(reason) from error

    def _failure(self, answer: httpx.Response, code: str) -> Exception:
        status = answer.status_code
        message = told_of(answer)
        # OpenRouter answers 403 to a key that is wrong, and to one call whose text is moderated.
        if status == 401 or (status == 403 and not self._accepts_calls):
            return TeacherFails(
                f"The teacher refuses the key: {message}. The key is read from "
                f"{' or '.join(KEY_VARIABLES)}."
            )
        if status == 402 or code in _OUT_OF_MONEY:
            return TeacherFails(f"The teacher wants to be paid first: {message}.")
        if code in _NO_SUCH_MODEL:
            return TeacherFails(f"The teacher has no model {self._manner.model}: {message}.")
        if status in (404, 405) or status < 400:
            return TeacherFails(
                f"There are no chat completions at {self._url}, or no model "
                f"{self._manner.model}: {message}."
            )
        if status in _BUSY or status >= 500:
            return _Busy(f"the teacher answered {message}", stated_pause_s(answer.headers))
        return self._refusal(f"the teacher refused: {message}")

    def _refusal(self, reason: str) -> Exception:
        self._refused += 1
        if not self._accepts_calls and self._refused >= MAX_REFUSED_AT_FIRST:
            return TeacherFails(f"No call was answered, {self._refused} in a row: {reason}.")
        return NoAnswer(reason)

    def _gave_up(self, reason: str) -> Exception:
        self._given_up += 1
        if self._given_up >= MAX_GIVEN_UP:
            return TeacherFails(f"{_begun(reason)}, for {self._patience.total_s:.0f} s now.")
        return NoAnswer(reason)


def _wants_newer_limit(error: dict[str, Any]) -> bool:
    """Return whether the teacher wants the limit under its newer name, as OpenAI's thinkers do."""
    return error.get("param") == "max_tokens" or _NEWER_LIMIT in str(error.get("message"))


def _begun(reason: str) -> str:
    return reason[0].upper() + reason[1:]
