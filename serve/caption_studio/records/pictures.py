"""A picture as it was named, as bytes and as pixels."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ImageReference:
    """A picture as the caller named it: a data URL or an http(s) URL.

    `param` is the field it stood in, for errors about it.
    """

    url: str
    param: str


@dataclass(frozen=True, slots=True)
class ImageBytes:
    """An encoded picture, as it came over the wire. `param` is the field it came from."""

    data: bytes
    param: str


@dataclass(frozen=True, slots=True)
class FileReference:
    """A picture that the caller uploaded before, by its file's id. `param` is the field."""

    file_id: str
    param: str


Picture = ImageReference | ImageBytes | FileReference
"""A picture in a request: a reference, or uploaded with it or before it."""


@dataclass(frozen=True, slots=True)
class Pixels:
    """A decoded picture at the model's input size: uint8 [height_px, width_px, 3], RGB."""

    data: bytes
    height_px: int
    width_px: int


@dataclass(frozen=True, slots=True)
class Loaded:
    """A picture at the model's input size, with the seconds it took.

    `fetch_s` is the wait for a place and the fetch from the URL (0 if the picture came with the
    request), `decode_queue_s` the wait for a worker, and `decode_s` the time to read base64, decode
    and resize.
    """

    pixels: Pixels
    fetch_s: float
    decode_queue_s: float
    decode_s: float
