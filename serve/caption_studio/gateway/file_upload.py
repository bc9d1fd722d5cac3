"""HTTP request → an uploaded file on the disk, within the caps."""

from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import IO

from python_multipart.exceptions import MultipartParseError
from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from caption_studio.batches.storage import Storage
from caption_studio.errors import (
    InvalidValue,
    MalformedForm,
    MissingParameter,
    StoreFull,
    UnsupportedMediaType,
)
from caption_studio.gateway.batch_calls import owner_in
from caption_studio.gateway.body import (
    MULTIPART,
    body_pieces,
    check_charset,
    declared_bytes,
    media_type,
)
from caption_studio.gateway.upload_places import UploadPlaces
from caption_studio.settings import Settings
from caption_studio.wire.files import MAX_FILENAME_CHARS, AskedFile, parse_file_fields

IN_MEMORY_BYTES = 1024**2
"""Of a larger file the rest is in a temporary file, which has no name and ends with the request."""

MAX_FIELDS = 8
FIELD_BYTES = 1024
FORM_BYTES = 64 * 1024
"""Room for the fields beside the file."""

AT_A_TIME = 8
"""Uploads that one gateway takes at once, a key alone half of them: each fills its disk a while."""

MIN_BYTES_PER_S = 256 * 1024
"""An upload that arrives slower does not keep its place."""


@dataclass(frozen=True, slots=True)
class UploadedFile:
    """A file as it was uploaded, and the fields beside it."""

    source: IO[bytes]
    size_bytes: int
    filename: str
    asked: AskedFile


class FileUploads:
    """Reads uploads, a few at a time, that are within the quotas of `storage`."""

    def __init__(self, settings: Settings, storage: Storage) -> None:
        self._storage = storage
        self._max_bytes = settings.batches.max_file_bytes
        edge = settings.gateway
        # As much time for each byte as other bodies have.
        self._timeout_s = edge.upload_timeout_s * max(1, self._max_bytes / edge.max_body_bytes)
        self._places = UploadPlaces(AT_A_TIME)

    @asynccontextmanager
    async def read(self, request: Request) -> AsyncIterator[UploadedFile]:
        """Give the upload, whose file is deleted afterwards.

        Raises as `body.body_pieces`, and:
            MalformedForm: it cannot be parsed, or its charset is not one of ours.
            Overloaded: others are being read.
            QuotaExceeded: there is no room for it in the owner's quota; before it is read.
            RequestError: of `wire.files`, or there is not exactly one file.
            StoreFull: this machine's disk has no room.
            StoreUnavailable: the quota cannot be looked at.
        """
        if media_type(request) != MULTIPART:
            raise UnsupportedMediaType(f"Send the file as Content-Type: {MULTIPART}.")
        check_charset(request)
        owner = owner_in(request.scope)
        size_bytes = declared_bytes(request, self._max_bytes + FORM_BYTES) - FORM_BYTES
        quota, threads = self._storage.files.quota, self._storage.threads
        await threads.run(quota.check_file, owner, max(0, size_bytes))
        with self._places.place(owner):
            form = await self._form(request)
            try:
                yield _uploaded(form.multi_items())
            finally:
                await form.close()

    async def _form(self, request: Request) -> FormData:
        pieces = body_pieces(
            request,
            max_bytes=self._max_bytes + FORM_BYTES,
            timeout_s=self._timeout_s,
            held=None,
            bytes_per_s=MIN_BYTES_PER_S,
        )
        async with aclosing(pieces):
            parser = MultiPartParser(
                request.headers,
                pieces,
                max_files=1,
                max_fields=MAX_FIELDS,
                max_part_size=FIELD_BYTES,
            )
            parser.spool_max_size = IN_MEMORY_BYTES
            try:
                return await parser.parse()
            except OSError as error:
                raise StoreFull("There is no room for the file just now.") from error
            except (MultiPartException, MultipartParseError, ValueError, KeyError) as error:
                message = "We could not parse the multipart body of your request."
                raise MalformedForm(message) from error


def _uploaded(items: list[tuple[str, UploadFile | str]]) -> UploadedFile:
    fields: dict[str, str] = {}
    file: UploadFile | None = None
    for name, value in items:
        if name == "file" and not isinstance(value, str):
            file = value
        elif not isinstance(value, str) or name == "file" or name in fields:
            raise InvalidValue("Each field may be sent once, and only file is a file.", param=name)
        else:
            fields[name] = value
    asked = parse_file_fields(fields)
    if file is None:
        raise MissingParameter("Missing required parameter: file.", param="file")
    if not file.size:
        raise InvalidValue("The file is empty.", param="file")
    filename = (file.filename or "upload")[:MAX_FILENAME_CHARS]
    return UploadedFile(file.file, file.size, filename, asked)
