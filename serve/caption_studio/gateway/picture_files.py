"""Pictures that a request names by a file's id → their bytes.

All of a request's files are held at once or none is (gateway.byte_budget): requests that each held
some and waited for the rest would stop one another.
"""

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

        Raises `FileNotFound`, `ImageTooLarge`, `BodyTooLarge`, `Overloaded`, `StoreUnavailable`.
        """
        named = [image for image in asked.images if isinstance(image, FileReference)]
        if self._storage is None or not named:
            return asked
        owner = owner_in(request.scope)
        sizes_bytes = [await self._size_bytes(self._storage, image, owner) for image in named]
        held: HeldBytes = request.scope[HELD]
        held.grow_by(sum(sizes_bytes))
        images: list[Picture] = []
        for image in asked.images:
            if isinstance(image, FileReference):
                images.append(await _bytes(self._storage, image, owner))
            else:
                images.append(image)
        return replace(asked, images=tuple(images))

    async def _size_bytes(self, storage: Storage, image: FileReference, owner: str) -> int:
        file = await storage.threads.run(
            storage.files.find, owner, image.file_id, param=image.param
        )
        if file.bytes > self._max_bytes:
            message = f"The image is over the limit of {self._max_bytes} bytes."
            raise ImageTooLarge(message, param=image.param)
        return file.bytes


async def _bytes(storage: Storage, image: FileReference, owner: str) -> ImageBytes:
    def read() -> bytes:
        with storage.files.reading(owner, image.file_id) as source:
            return source.read()

    return ImageBytes(await storage.threads.run(read), image.param)
