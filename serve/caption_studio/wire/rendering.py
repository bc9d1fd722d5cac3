"""One answer in progress: the totals of its deltas, and our own field `caption_studio`.

Not here: each endpoint's format and order (wire.render, wire.responses_render).
"""

import time
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import asdict, replace
from typing import Any

from caption_studio.errors import CaptionStudioError
from caption_studio.records import (
    Answer,
    CaptionDelta,
    CaptionRequest,
    Description,
    Marks,
    StageTimes,
)
from caption_studio.wire.answers import CaptionBody, CaptionStudio, StageTimesBody, Usage
from caption_studio.wire.dialects import WholeChoice
from caption_studio.wire.parts import alt_text, caption_parts

CONFIDENCE_DIGITS = 3


class Counted(ABC):
    """Passes an answer's deltas on, and keeps their totals.

    `usage` counts while the deltas pass, for the metrics too; `failure` is the error that ended
    a stream early. `times` are complete when the last delta has passed; `show_times` puts them
    into the answer.
    """

    def __init__(
        self, request: CaptionRequest, answer: Answer, *, show_times: bool = False
    ) -> None:
        self.request = request
        self.created = int(time.time())
        self.choices = [WholeChoice(index) for index in range(request.choices)]
        self.unfinished = request.choices
        self.show_times = show_times
        self.times = answer.times
        self.model = request.model
        self.has_picture = answer.description is not None
        self.failure: CaptionStudioError | None = None
        self._answer = answer
        self._prompt_tokens: dict[int, int] = {}  # of each prompt
        self._completion_tokens = 0

    @abstractmethod
    async def whole(self) -> bytes:
        """Return the JSON body. Raises `CaptionStudioError`."""

    @abstractmethod
    def events(self) -> AsyncIterator[bytes]:
        """Yield server-sent events. A failure yields an error event and ends the stream."""

    @property
    def usage(self) -> Usage:
        """Tokens of the deltas that have passed."""
        prompt_tokens = sum(self._prompt_tokens.values())
        return Usage(
            prompt_tokens=prompt_tokens,
            completion_tokens=self._completion_tokens,
            total_tokens=prompt_tokens + self._completion_tokens,
        )

    async def deltas(self) -> AsyncIterator[CaptionDelta]:
        """Yield the answer's deltas. Raises `CaptionStudioError`."""
        started_s = time.monotonic()
        async with aclosing(self._answer.rest) as rest:
            for delta in self._answer.first:
                yield self._counted(delta)
            async for group in rest:
                for delta in group:
                    yield self._counted(delta)
        self.times = replace(self._answer.times, generate_s=time.monotonic() - started_s)

    def _counted(self, delta: CaptionDelta) -> CaptionDelta:
        self._prompt_tokens[delta.index // self.request.sampling.n] = delta.prompt_tokens
        self._completion_tokens += delta.completion_tokens
        self.choices[delta.index].add(delta)
        self.unfinished -= delta.finish_reason is not None
        return delta

    def about(
        self, *, description: bool = False, parts: bool = False, times: bool = False
    ) -> CaptionStudio | None:
        """Return the requested content of our own field; None if there is none."""
        seen = self._answer.description
        if seen is None or not (description or parts):
            return CaptionStudio(stage_times=_stage_times(self.times)) if times else None
        return CaptionStudio(
            **(_seen(seen) if description else {}),
            **(self._parts(seen) if parts else {}),
            stage_times=_stage_times(self.times) if times else None,
        )

    def _parts(self, seen: Description) -> dict[str, Any]:
        """Return the parts of a finished answer; a structured one has no caption."""
        about: dict[str, Any] = {
            "alt_text": alt_text(seen.text) or None,
            "adapter": self._answer.adapter,
        }
        about |= _marks(self.choices[0])
        if self.request.sampling.structure is not None:
            return about
        captions = [
            CaptionBody(index=choice.index, **asdict(caption_parts(choice.text)), **_marks(choice))
            for choice in self.choices
        ]
        return {
            **about,
            "caption": captions[0].caption,
            "hashtags": captions[0].hashtags,
            "captions": captions if len(captions) > 1 else None,
        }


def _seen(seen: Description) -> dict[str, Any]:
    """Return what is known of the picture before anything is written about it."""
    return {
        "description": seen.text,
        "confidence": shown_confidence(seen),
        "familiar": seen.familiar,
    }


def shown_confidence(seen: Description) -> float | None:
    """Return a description's confidence to three decimals."""
    return None if seen.confidence is None else round(seen.confidence, CONFIDENCE_DIGITS)


def _marks(choice: WholeChoice) -> dict[str, Any]:
    """Return what was checked of a finished choice."""
    marks = choice.marks or Marks()
    return {
        "controls": dict(marks.held) or None,
        "faithful": marks.faithful,
        "flagged": list(marks.flagged) or None,
    }


def _stage_times(times: StageTimes) -> StageTimesBody:
    return StageTimesBody(**asdict(times))
