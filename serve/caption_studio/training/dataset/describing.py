"""Picture → description: by a running service, or by a describer in this process."""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Protocol

from caption_studio.client.pictures import Picture, PictureFailed
from caption_studio.client.service import AllFail, Service
from caption_studio.errors import ImageError, NotReady, ServiceError
from caption_studio.images.decode import decode
from caption_studio.records import Described, ImageBytes, Pixels
from caption_studio.settings import ImageSettings, VisionSettings
from caption_studio.training.rows import DataSetError


class Describer(Protocol):
    """What looks at pictures."""

    async def describe(self, picture: Picture) -> str:
        """Return the description; `picture` has its bytes.

        Raises `PictureFailed` for this one, `AllFail` if no other would be described either.
        """
        ...


class ServiceDescriber:
    """Asks a running service for captions of one token, for the description that comes along."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def describe(self, picture: Picture) -> str:
        """Return the description. See `Describer`."""
        answer = await self._service.caption(picture, max_tokens=1)
        if answer.description is None:
            raise AllFail("the service gives no descriptions: it is no Caption Studio")
        return answer.description


class EngineDescriber:
    """Gives pixels of the model's size to an engine in this process."""

    def __init__(self, engine: Callable[[Pixels], Awaitable[Described]], size_px: int) -> None:
        self._engine = engine
        self._size_px = size_px

    async def describe(self, picture: Picture) -> str:
        """Return the description. See `Describer`."""
        image = ImageBytes(picture.read(), param="picture")
        try:
            pixels = await asyncio.to_thread(
                decode, image, size_px=self._size_px, settings=ImageSettings()
            )
            return (await self._engine(pixels)).description.text
        except NotReady as error:
            raise AllFail("the describer does not work any more") from error
        except (ImageError, ServiceError) as error:
            raise PictureFailed(error.message.rstrip(".")) from error


@asynccontextmanager
async def through_service(
    url: str, api_key: str | None, in_flight: int
) -> AsyncIterator[Describer]:
    """Hold a describer behind the service at `url`, in the form that `service_url` returns."""
    async with Service(url, model=None, api_key=api_key, in_flight=in_flight) as service:
        yield ServiceDescriber(service)


@asynccontextmanager
async def in_process(model: str, in_flight: int) -> AsyncIterator[Describer]:
    """Hold a describer in this process: on a GPU where there is one, else on all processors.

    `model` is a folder, a hub id or `embedded:NAME`. Raises `DataSetError` if it cannot be loaded.
    """
    # torch and transformers take seconds to import.
    import torch

    from caption_studio.model_files import PullFailed, model_folder
    from caption_studio.vision.engine import DescriberEngine
    from caption_studio.vision.git import load

    try:
        folder = Path(model_folder(model, None))
        size_px = json.loads((folder / "config.json").read_text())["vision_config"]["image_size"]
        settings = VisionSettings(
            model=str(folder),
            image_size_px=size_px,
            device="cuda" if torch.cuda.is_available() else "cpu",
            threads=os.cpu_count() or 1,
            enforce_eager=True,
        )
        loaded = load(settings)
    except (OSError, ValueError, KeyError, TypeError, PullFailed) as error:
        raise DataSetError(f"{model} cannot be loaded as a describer: {error}") from error
    engine = DescriberEngine(loaded, max_rows=in_flight, max_waiting=in_flight, eager=True)
    engine.start()
    try:
        yield EngineDescriber(engine.describe, size_px)
    finally:
        engine.close()
