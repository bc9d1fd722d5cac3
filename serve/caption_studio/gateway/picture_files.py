"""Pictures that a request names by a file's id → their bytes."""

from dataclasses import replace

from fastapi import Request

from caption_studio.batches.storage import Storage
from caption_studio.errors import ImageTooLarge
from caption_studio.gateway.batch_calls import owner_in
from caption_studio.gateway.byte_budget import HELD, HeldBytes
from caption_studio.records import CaptionRequest, FileReference, ImageBytes, Picture


class PictureFiles:
    """Reads callers' files. Without `storage` the intake refuses references to them."""

    def __init__(self, storage: Storage | None, max_bytes: int) -> None:
        self._storage = storage
        self._max_bytes = max_bytes

    async def read(self, asked: CaptionRequest, request: Request) -> CaptionRequest:
        """Return the request with the bytes of its files, held as those of its body are.

        Raises `FileNotFound`, `ImageTooLarge`, `Overloaded`, `StoreUnavailable`.
        """
        if self._storage is None or not any(isinstance(p, FileReference) for p in asked.images):
            return asked
        images: list[Picture] = []
        for image in asked.images:
            if isinstance(image, FileReference):
                images.append(await self._bytes(self._storage, image, request))
            else:
                images.append(image)
        return replace(asked, images=tuple(images))

    async def _bytes(self, storage: Storage, image: FileReference, request: Request) -> ImageBytes:
        files, threads, owner = storage.files, storage.threads, owner_in(request.scope)
        file = await threads.run(files.find, owner, image.file_id, param=image.param)
        if file.bytes > self._max_bytes:
            message = f"The image is over the limit of {self._max_bytes} bytes."
            raise ImageTooLarge(message, param=image.param)
        held: HeldBytes = request.scope[HELD]
        held.grow_by(file.bytes)

        def read() -> bytes:
            with files.reading(owner, image.file_id) as source:
                return source.read()

        return ImageBytes(await threads.run(read), image.param)
