"""Asked → Decoded: a file, an object of a bucket or a URL, read and decoded.

http(s) URLs are fetched as the service fetches them: through its guard, with its limits.
"""

import asyncio
import re

from caption_studio.client.pictures import PictureFailed
from caption_studio.errors import CaptionStudioError, DeadlineExceeded, Overloaded
from caption_studio.images.loader import ImageIntake
from caption_studio.offline.messages import Asked, Decoded, Message, failed
from caption_studio.protocols import ImageLoader
from caption_studio.records import ImageBytes, ImageReference, Picture
from caption_studio.settings import Settings
from caption_studio.training.dataset.sources import Reader

PARAM = "picture"
TRIES = 5
"""Of a decode that found no free thread or no processor in time: others' large pictures may be in
its way."""

_WEB = re.compile(r"https?://", re.IGNORECASE)


class DecodingStage:
    """`Stage` of the decoders. A loader may be given in place of the settings' intake."""

    def __init__(self, settings: Settings, loader: ImageLoader | None = None) -> None:
        self._settings = settings
        self._given = loader
        self._intake: ImageIntake | None = None
        self._reader = Reader()

    async def start(self) -> None:
        """See `Stage`."""
        if self._given is None:
            side_px = self._settings.vision.image_size_px
            self._intake = ImageIntake(self._settings.images, size_px=side_px)
            await self._intake.start()

    def close(self) -> None:
        """See `Stage`. The threads are daemons, and end with the process."""

    async def work(self, message: Message) -> Message:
        """See `Stage`."""
        if not isinstance(message, Asked):
            return message
        if message.problem:
            return failed(message, message.problem)
        try:
            return await self._decoded(message)
        except CaptionStudioError as error:
            return failed(message, error.message)
        except PictureFailed as error:
            return failed(message, str(error))

    async def _decoded(self, asked: Asked) -> Decoded:
        picture: Picture
        if _WEB.match(asked.address):
            picture = ImageReference(asked.address, PARAM)
        else:
            picture = ImageBytes(await self._reader.read(asked.address), PARAM)
        loader = self._given or self._intake
        assert loader is not None, "the stage has not started"
        for left in reversed(range(TRIES)):
            try:
                pixels = (await loader.load(picture)).pixels
                break
            except (Overloaded, DeadlineExceeded) as error:
                if not left:
                    raise
                await asyncio.sleep(error.retry_after_s or 1)
        return Decoded(asked.picture, asked.models, pixels.data, pixels.height_px, pixels.width_px)
