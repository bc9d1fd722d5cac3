"""A stand-in for the service, on a real port, for tests of the command line's client."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from tests.answering import Answer, answering


def captioned(text: str = "What a view! \U0001f388", **extra: Any) -> Answer:
    """The answer to a picture."""
    message = {"role": "assistant", "content": text}
    return (
        200,
        {},
        {
            "model": "caption-demo",
            "choices": [{"index": 0, "message": message}],
            "caption_studio": {"description": "three balloons", **extra},
        },
    )


def refused(status: int, code: str, message: str, **headers: str) -> Answer:
    error = {"message": message, "type": "x", "param": None, "code": code}
    return (
        status,
        {name.replace("_", "-"): value for name, value in headers.items()},
        {"error": error},
    )


class StubService:
    """Answers POSTs by `answer`, which gets the picture's URL; keeps all that it was asked.

    `respond` answers everything; a subclass may do so by itself.
    """

    def __init__(self, answer: Callable[[str], Answer]) -> None:
        self.answer = answer
        self.requests: list[tuple[str, str, dict[str, str], Any]] = []
        self.url = ""

    def respond(self, method: str, path: str, headers: dict[str, str], body: Any) -> Answer:
        self.requests.append((method, path, headers, body))
        if method == "GET":
            return 200, {}, {"data": [{"id": "falcon-demo"}, {"id": "caption-demo"}]}
        return self.answer(body["messages"][0]["content"][0]["image_url"]["url"])


@contextmanager
def serving(
    answer: Callable[[str], Answer] = lambda _: captioned(),
    kind: type[StubService] = StubService,
) -> Iterator[StubService]:
    stub = kind(answer)
    with answering(stub.respond) as stub.url:
        yield stub
