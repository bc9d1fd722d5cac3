"""Arguments of the command line → pictures: files, folders, patterns, URLs, standard input."""

import base64
import glob
import mimetypes
import os
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

STDIN = "-"
SUFFIXES = frozenset({".gif", ".heic", ".heif", ".jfif", ".jpe", ".jpeg", ".jpg", ".png", ".webp"})
"""Files that count as pictures in a folder. A file given by name is sent whatever its suffix."""

MAX_BYTES = 48 * 1024**2
"""In base64 this fills the largest body that the service takes by default."""

_URL = re.compile(r"https?://", re.IGNORECASE)
_HAS_PATTERN = re.compile(r"[*?\[]")


class PictureFailed(Exception):
    """This picture gets no caption; `str` of it says why, in one line."""


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture to be captioned, or the reason why there is none."""

    name: str
    problem: str | None = None
    data: bytes | None = None

    def url(self) -> str:
        """Return the value for `image_url`. Raises `PictureFailed`."""
        if self.problem is None and self.data is None and _URL.match(self.name):
            return self.name
        data = self.read()
        media_type = mimetypes.guess_type(self.name)[0] or ""
        if not media_type.startswith("image/"):
            media_type = "image/jpeg"  # the service looks at the bytes
        return f"data:{media_type};base64,{base64.b64encode(data).decode()}"

    def read(self) -> bytes:
        """Return the bytes of the picture, from the file of its name. Raises `PictureFailed`."""
        if self.problem is not None:
            raise PictureFailed(self.problem)
        data = _read(Path(self.name)) if self.data is None else self.data
        if not data:
            raise PictureFailed("the file is empty")
        if len(data) > MAX_BYTES:
            raise PictureFailed(f"the file has more than {MAX_BYTES} bytes")
        return data


def find_pictures(arguments: Sequence[str]) -> list[Picture]:
    """Return the pictures that the arguments name, in their order, folders sorted by name."""
    return [picture for argument in arguments for picture in _named_by(argument)]


def _named_by(argument: str) -> Iterator[Picture]:
    if argument == STDIN:
        yield _from_stdin()
    elif _URL.match(argument) or os.path.isfile(argument):
        yield Picture(argument)
    elif os.path.isdir(argument):
        yield from _in_folder(argument)
    elif _HAS_PATTERN.search(argument) and not os.path.lexists(argument):
        yield from _matching(argument)
    else:
        yield Picture(argument)  # reading it raises the reason


def _from_stdin() -> Picture:
    if sys.stdin.isatty():
        return Picture(STDIN, problem="standard input is a terminal: pipe a picture into it")
    return Picture(STDIN, data=sys.stdin.buffer.read(MAX_BYTES + 1))


def _in_folder(folder: str) -> Iterator[Picture]:
    unreadable: list[OSError] = []
    found = sorted(
        os.path.join(parent, name)
        for parent, _, names in os.walk(folder, onerror=unreadable.append)
        for name in names
        if os.path.splitext(name)[1].lower() in SUFFIXES and not name.startswith(".")
    )
    for error in unreadable:
        yield Picture(str(error.filename), problem="this folder cannot be read")
    if not (found or unreadable):
        kinds = ", ".join(sorted(SUFFIXES))
        yield Picture(folder, problem=f"the folder holds no pictures ({kinds})")
    yield from map(_found, found)


def _matching(pattern: str) -> Iterator[Picture]:
    matches = sorted(glob.glob(pattern, recursive=True))
    if not matches:
        yield Picture(pattern, problem="no file matches the pattern")
    for match in matches:
        if os.path.isdir(match):
            # A folder that matches is searched too; it is no error if it has no pictures.
            yield from (picture for picture in _in_folder(match) if picture.name != match)
        else:
            yield _found(match)


def _found(name: str) -> Picture:
    """Return a picture that was not named itself: a pipe among others may never give a byte."""
    is_other = not os.path.isfile(name) and os.path.exists(name)
    return Picture(name, problem="this is no file" if is_other else None)


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        raise PictureFailed(_REASONS.get(type(error), "the file cannot be read")) from error
    except ValueError as error:  # a NUL in the name
        raise PictureFailed("this is no file name") from error


_REASONS: dict[type[OSError], str] = {
    FileNotFoundError: "there is no such file",
    PermissionError: "you may not read this file",
    IsADirectoryError: "this is a folder",
}
