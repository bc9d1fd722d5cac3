"""Seen → Done: the captions of a picture, as a running service would answer with them.

Each caption goes through the service's own pipeline and rendering, with a description that is known
already: prompts, defaults, controls, checks and guards are the service's, and so are the rows.
"""

import asyncio
import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from caption_studio.errors import CaptionStudioError, EngineDied
from caption_studio.language.adapters.configured import ConfiguredAdapters
from caption_studio.offline.messages import Done, Message, Seen
from caption_studio.pipeline import CaptionPipeline
from caption_studio.protocols import Captioner
from caption_studio.records import (
    CaptionRequest,
    Described,
    Description,
    Loaded,
    Picture,
    Pixels,
    RequestClass,
)
from caption_studio.settings import Settings
from caption_studio.structure.check import StructureCheck
from caption_studio.voices.catalog import ConfiguredVoices
from caption_studio.voices.guards.guards import Guards
from caption_studio.wire.parse import parse_chat
from caption_studio.wire.render import Rendering

_NO_USAGE = {"prompt_tokens": 0, "completion_tokens": 0}
_NO_PIXELS = Loaded(Pixels(b"", 0, 0), fetch_s=0.0, decode_queue_s=0.0, decode_s=0.0)


class KnownPicture:
    """Loader and describer of one picture that is described already."""

    def __init__(self, description: Description) -> None:
        self._described = Described(description, queue_s=0.0, describe_s=0.0)

    async def load(self, _: Picture) -> Loaded:
        """See `protocols.ImageLoader`."""
        return _NO_PIXELS

    async def describe(
        self,
        _: Pixels,
        *,
        request_id: str,
        traceparent: str | None,
        request_class: RequestClass,
    ) -> Described:
        """See `protocols.Describer`."""
        return self._described

    async def check_ready(self) -> None:
        """See `protocols.Stage`."""


class CaptioningStage:
    """`Stage` of the captioners, for these models. A captioner may be given, which has started."""

    def __init__(
        self, settings: Settings, models: Sequence[str], captioner: Captioner | None = None
    ) -> None:
        self._settings = settings
        self._models = models
        self._captioner = captioner
        self._engine: Any = None
        self._requests: dict[str, CaptionRequest] = {}

    async def start(self) -> None:
        """See `Stage`."""
        settings = self._settings
        self._adapters = ConfiguredAdapters(settings.language)
        self._voices = ConfiguredVoices(settings, self._adapters)
        self._guard = Guards(settings.guards)
        await self._guard.start()
        self._requests = {model: request_of(model, settings) for model in self._models}
        if self._captioner is None:
            # vLLM takes seconds to import, and the driver needs none of it.
            from caption_studio.language.engine import FalconEngine

            stall_s = settings.gateway.request_timeout_s / 2
            self._engine = FalconEngine(settings.language, stall_s=stall_s)
            await self._engine.start()
            self._captioner = self._engine

    def close(self) -> None:
        """See `Stage`."""
        if self._engine is not None:
            self._engine.stop()

    async def work(self, message: Message) -> Message:
        """See `Stage`."""
        if not isinstance(message, Seen):
            return message
        written = await asyncio.gather(*(self._row(message, model) for model in message.models))
        return Done(
            message.picture,
            tuple(row for row, _ in written),
            is_shared=message.is_shared,
            tokens_in=sum(usage["prompt_tokens"] for _, usage in written),
            tokens_out=sum(usage["completion_tokens"] for _, usage in written),
        )

    async def _row(self, seen: Seen, model: str) -> tuple[dict[str, Any], Mapping[str, int]]:
        """Return the row and the usage; a failure does not say what it has used."""
        row: dict[str, Any] = {"picture": seen.picture, "model": model}
        try:
            body = await self._answer(seen, model)
        except EngineDied:
            raise
        except CaptionStudioError as error:
            return {**row, "description": seen.text, "error": error.message}, _NO_USAGE
        text = body["choices"][0]["message"]["content"]
        return {**row, **body["caption_studio"], "caption": text}, body["usage"]

    async def _answer(self, seen: Seen, model: str) -> dict[str, Any]:
        """Return the service's answer. Raises `CaptionStudioError`."""
        known = KnownPicture(Description(seen.text, seen.confidence, seen.familiar))
        assert self._captioner is not None, "the stage has not started"
        pipeline = CaptionPipeline(
            known,
            known,
            self._captioner,
            self._adapters,
            StructureCheck(),
            self._voices,
            self._guard,
            describe_timeout_s=self._settings.gateway.describe_timeout_s,
        )
        request = replace(self._requests[model], request_id=uuid.uuid4().hex)
        answer = await pipeline.answer(request)
        body: dict[str, Any] = json.loads(await Rendering(request, answer).whole())
        return body


def request_of(model: str, settings: Settings) -> CaptionRequest:
    """Return what a caller asks for who names a model and a picture, and nothing else."""
    picture = {"type": "image_url", "image_url": {"url": "https://example.com/picture"}}
    body = {"model": model, "messages": [{"role": "user", "content": [picture]}]}
    return parse_chat(json.dumps(body).encode(), request_id="", settings=settings)
