"""What goes from stage to stage, as bytes between processes: Asked ─▶ Decoded ─▶ Seen ─▶ Done.

A picture that fails at any stage is `Done` at once, with an error in each of its rows. Later stages
pass it on.
"""

from typing import Any

import msgspec


class Asked(msgspec.Struct, frozen=True, tag=True):
    """A picture and the models (voices) whose captions it lacks.

    `address` is an absolute path or a URL; `picture` is its name in the table. `problem` says why
    it cannot be read.
    """

    picture: str
    address: str
    models: tuple[str, ...]
    problem: str = ""


class Decoded(msgspec.Struct, frozen=True, tag=True):
    """Its pixels at the describer's input size: uint8 [height_px, width_px, 3], RGB."""

    picture: str
    models: tuple[str, ...]
    pixels: bytes
    height_px: int
    width_px: int


class Seen(msgspec.Struct, frozen=True, tag=True):
    """Its description; `is_shared` if it is that of a picture with equal pixels."""

    picture: str
    models: tuple[str, ...]
    text: str
    confidence: float | None
    familiar: bool | None
    is_shared: bool


class Done(msgspec.Struct, frozen=True, tag=True):
    """Its rows of the table, one for each model, and the tokens that their captions took."""

    picture: str
    rows: tuple[dict[str, Any], ...]
    is_shared: bool = False
    tokens_in: int = 0
    tokens_out: int = 0

    @property
    def error(self) -> str | None:
        """Why a row has no caption, None if all have one."""
        return next((row["error"] for row in self.rows if "error" in row), None)


Message = Asked | Decoded | Seen | Done

_encoder = msgspec.msgpack.Encoder()
_decoder: msgspec.msgpack.Decoder[Message] = msgspec.msgpack.Decoder(Message)


def encode(message: Message) -> bytes:
    """Return the message as bytes."""
    return _encoder.encode(message)


def decode(data: bytes) -> Message:
    """Return the message that `encode` made the bytes of."""
    return _decoder.decode(data)


def failed(message: Asked | Decoded | Seen, reason: str) -> Done:
    """Return the rows of a picture that gets no caption."""
    name = message.picture
    rows = [{"picture": name, "model": model, "error": reason} for model in message.models]
    return Done(name, tuple(rows))
