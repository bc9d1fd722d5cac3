"""Decoded → Seen: the describer's engine, each picture described once whatever its models."""

from collections.abc import Awaitable, Callable

from caption_studio.errors import CaptionStudioError, EngineDied
from caption_studio.offline.messages import Decoded, Message, Seen, failed
from caption_studio.records import Described, Pixels, RequestClass
from caption_studio.settings import Settings
from caption_studio.vision.description_cache import DescriptionCache

Describe = Callable[[Pixels, RequestClass], Awaitable[Described]]


class DescribingStage:
    """`Stage` of the describers: the service's engine behind its cache of descriptions.

    The cache knows pictures by their pixels, so equal ones are described once. `most` pictures wait
    or are described at a time. What describes may be given in place of an engine.
    """

    def __init__(self, settings: Settings, *, most: int, describe: Describe | None = None) -> None:
        self._settings = settings
        self._most = most
        self._describe = describe
        self._cache: DescriptionCache | None = None
        self._close: Callable[[], None] = lambda: None

    async def start(self) -> None:
        """See `Stage`."""
        describe = self._describe or self._engine()
        self._cache = DescriptionCache(describe, size=self._settings.vision.cache_size)

    def _engine(self) -> Describe:
        """Start an engine, and return what describes with it."""
        # torch takes seconds to import, and the driver needs none of it.
        from caption_studio.vision.engine import DescriberEngine
        from caption_studio.vision.git import load

        vision = self._settings.vision
        engine = DescriberEngine(
            load(vision),
            max_rows=vision.max_batch_size,
            max_waiting=self._most,
            eager=vision.enforce_eager,
            stall_s=self._settings.gateway.describe_timeout_s / 2,
        )
        engine.start()
        self._close = engine.close
        return engine.describe

    def close(self) -> None:
        """See `Stage`."""
        self._close()

    async def work(self, message: Message) -> Message:
        """See `Stage`."""
        if not isinstance(message, Decoded):
            return message
        assert self._cache is not None, "the stage has not started"
        pixels = Pixels(message.pixels, message.height_px, message.width_px)
        try:
            described = await self._cache.describe(pixels)
        except EngineDied:
            raise
        except CaptionStudioError as error:
            return failed(message, error.message)
        seen = described.description
        return Seen(
            message.picture,
            message.models,
            seen.text,
            seen.confidence,
            seen.familiar,
            is_shared=described.cache in ("hit", "shared"),
        )
