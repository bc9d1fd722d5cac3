"""Stand-ins for the pipeline's stages, through the protocols; tested in unit/test_fakes.py."""

from collections.abc import AsyncGenerator, Sequence

from caption_studio.language.answer import Choices
from caption_studio.records import (
    CaptionDelta,
    Description,
    Picture,
    Pixels,
    Prompt,
    Sampling,
)

PIXEL = Pixels(b"\x10\x20\x30", height_px=1, width_px=1)


class FakeLoader:
    """Gives one pixel for every reference, or raises."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.failure = failure
        self.loaded: list[Picture] = []

    async def load(self, picture: Picture) -> Pixels:
        if self.failure is not None:
            raise self.failure
        self.loaded.append(picture)
        return PIXEL


class FakeDescriber:
    """Says the same of every picture, or raises."""

    def __init__(
        self, text: str = "a red boat", failure: Exception | None = None, ready: bool = True
    ) -> None:
        self.text = text
        self.failure = failure
        self.ready_failure = None if ready else failure
        self.calls = 0

    async def describe(self, pixels: Pixels, *, request_id: str) -> Description:
        self.calls += 1
        if self.failure is not None:
            raise self.failure
        return Description(self.text)

    async def check_ready(self) -> None:
        if self.ready_failure is not None:
            raise self.ready_failure


class FakeCaptioner:
    """Writes `pieces`, one token each, for every choice; raises `failure` after `fail_after`.

    What it yields has gone through the same cutter as a real engine's text.
    """

    def __init__(
        self,
        pieces: Sequence[str] = (' "Sea', ' you"', " and on"),
        *,
        failure: Exception | None = None,
        fail_after: int = 0,
    ) -> None:
        self.pieces = pieces
        self.failure = failure
        self.fail_after = fail_after
        self.prompts: list[Prompt] = []
        self.closed = 0

    async def generate(
        self, prompt: Prompt, *, stream: bool
    ) -> AsyncGenerator[tuple[CaptionDelta, ...]]:
        self.prompts.append(prompt)
        choices = Choices(prompt.sampling.n, prompt.answer, prompt_tokens=7)
        try:
            for number, piece in enumerate(self.pieces):
                if self.failure is not None and number == self.fail_after:
                    raise self.failure
                for index in range(prompt.sampling.n):
                    last = number == len(self.pieces) - 1
                    choices.feed(index, piece, 1, "stop" if last else None)
                if stream and choices.has_text:
                    yield choices.flush()
            if group := choices.flush():
                yield group
        finally:
            self.closed += 1

    async def check_ready(self) -> None:
        return None


def sampling(**changes: object) -> Sampling:
    """Plain sampling options, with changes."""
    values: dict[str, object] = {"max_tokens": 20, "temperature": 0.0, "top_p": 1.0}
    return Sampling(**{**values, **changes})  # type: ignore[arg-type]
