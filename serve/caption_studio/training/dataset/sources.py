"""Arguments of the command line → pictures by name; a name → the bytes of its picture.

A name is a path, an http(s) URL, or a URL that fsspec knows (s3://, gs://). URLs are fetched from
here, as `curl` would: the list is the caller's own. What comes back is read as a picture or not at
all.
"""

import asyncio
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import fsspec  # type: ignore[import-untyped]  # it ships no types
import httpx

from caption_studio.client.pictures import MAX_BYTES, STDIN, SUFFIXES, PictureFailed, find_pictures
from caption_studio.client.pictures import Picture as NamedPicture
from caption_studio.training.dataset.items import Item
from caption_studio.training.dataset.texts import well_formed
from caption_studio.training.rows import DataSetError

LIST_SUFFIX = ".txt"
FETCH_TIMEOUT_S = 30.0
TRIES = 3
_PATTERN = frozenset("*?[")
_MAX_REDIRECTS = 5


def find(sources: Sequence[str]) -> list[Item]:
    """Return the pictures of all sources in their order, folders sorted by name.

    Raises `DataSetError` if a list or bucket cannot be read, or if there is no picture at all.
    """
    items = [item for source in sources for item in _found(source)]
    if all(item.problem for item in items):
        reason = f"{items[0].picture}: {items[0].problem}" if items else "no picture was named"
        raise DataSetError(f"There is nothing to describe. {reason}.")
    return items


def stamp(name: str) -> str:
    """Return what changes when the file is written anew; empty for what is not a file here."""
    if "://" in name:
        return ""
    try:
        status = os.stat(name)
    except (OSError, ValueError):
        return ""
    return f"{status.st_size}-{status.st_mtime_ns}"


class Reader:
    """Reads pictures by their names; an async context manager that holds its connections."""

    def __init__(self, http: httpx.AsyncClient | None = None, *, pause_s: float = 1.0) -> None:
        self._http = http or httpx.AsyncClient(
            follow_redirects=True,
            max_redirects=_MAX_REDIRECTS,
            timeout=FETCH_TIMEOUT_S,
            headers={"User-Agent": "caption-studio"},
        )
        self._pause_s = pause_s

    async def __aenter__(self) -> "Reader":
        """Return itself; connections are opened as they are needed."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None
    ) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def read(self, name: str) -> bytes:
        """Return the encoded picture. Raises `PictureFailed`."""
        if _is_web(name):
            data = await self._fetch(name)
        elif "://" in name:
            data = await asyncio.to_thread(_from_bucket, name)
        else:
            data = await asyncio.to_thread(_from_file, name)
        return NamedPicture(name, data=data).read()

    async def _fetch(self, url: str) -> bytes:
        """Fetch from a host that may be slow or busy: with a deadline, a few times."""
        for attempt in range(TRIES):
            if attempt:
                await asyncio.sleep(self._pause_s * attempt)
            try:
                async with asyncio.timeout(FETCH_TIMEOUT_S):
                    return await self._get(url)
            except _Busy as error:
                reason = str(error)
            except (TimeoutError, httpx.TransportError):
                reason = "the URL gave no answer"
            except (httpx.HTTPError, httpx.InvalidURL) as error:
                raise PictureFailed("the URL cannot be fetched") from error
        raise PictureFailed(reason)

    async def _get(self, url: str) -> bytes:
        body = bytearray()
        async with self._http.stream("GET", url) as answer:
            if answer.status_code == 429 or answer.status_code >= 500:
                raise _Busy(f"the URL answered with HTTP status {answer.status_code}")
            if answer.status_code != 200:
                raise PictureFailed(f"the URL answered with HTTP status {answer.status_code}")
            async for piece in answer.aiter_bytes():
                body += piece
                if len(body) > MAX_BYTES:
                    raise PictureFailed(f"the URL gave more than {MAX_BYTES} bytes")
        return bytes(body)


class _Busy(Exception):
    """The host may answer if it is asked again."""


def _found(source: str) -> Iterator[Item]:
    if source == STDIN:
        raise DataSetError("A picture from standard input has no name that a row could keep.")
    if "://" in source and not _is_web(source):
        yield from map(Item, _in_bucket(source))
    elif source.lower().endswith(LIST_SUFFIX) and not _is_web(source):
        for line in _lines(Path(source)):
            yield from [Item(line)] if "://" in line else _found(line)
    else:
        for picture in find_pictures([source]):
            name = well_formed(picture.name)
            odd = "its name is no UTF-8" if name != picture.name else ""
            if not (_is_web(name) or os.path.lexists(picture.name)):
                odd = "there is no such file"
            yield Item(name, problem=picture.problem or odd)


def _lines(path: Path) -> list[str]:
    """Return the lines of a list, without empty ones and comments."""
    try:
        lines = [line.strip() for line in path.read_text(encoding="utf-8-sig").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no text"
        raise DataSetError(f"{path} cannot be read: {reason}.") from error
    named = [line for line in lines if line and not line.startswith("#")]
    if any(line.lower().endswith(LIST_SUFFIX) and "://" not in line for line in named):
        raise DataSetError(f"{path} names another list: a list names pictures.")
    return named


def _is_web(name: str) -> bool:
    return name[:8].lower().startswith(("http://", "https://"))


def _in_bucket(url: str) -> list[str]:
    try:
        files, path = _file_system(url)
        if _PATTERN & set(path):
            found = files.glob(path)
        else:
            found = [path] if files.isfile(path) else files.find(path)
            if found != [path]:
                found = [one for one in found if os.path.splitext(one)[1].lower() in SUFFIXES]
        names = [str(files.unstrip_protocol(one)) for one in sorted(found)]
    except DataSetError:
        raise
    except Exception as error:  # each of fsspec's file systems raises its own library's exceptions
        raise DataSetError(f"{url} cannot be listed: {_reason(error)}.") from error
    if not names:
        raise DataSetError(f"{url} holds no pictures.")
    return names


def _from_file(name: str) -> bytes:
    # A pipe or device that lies in a folder may never give a byte, or never end.
    if os.path.exists(name) and not (os.path.isfile(name) or os.path.isdir(name)):
        raise PictureFailed("this is no file")
    return NamedPicture(name).read()


def _from_bucket(url: str) -> bytes:
    try:
        files, path = _file_system(url)
        with files.open(path, "rb") as file:
            return bytes(file.read(MAX_BYTES + 1))
    except FileNotFoundError as error:
        raise PictureFailed("there is no such object") from error
    except DataSetError as error:
        raise PictureFailed(str(error).rstrip(".")) from error
    except Exception as error:  # as above
        raise PictureFailed(f"the object cannot be read: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    """Return why a bucket gives nothing; a 403 comes as a `PermissionError`."""
    return "access is denied" if isinstance(error, PermissionError) else type(error).__name__


def _file_system(url: str) -> tuple[Any, str]:
    scheme = url.partition("://")[0]
    try:
        files, path = fsspec.core.url_to_fs(url)
    except ImportError as error:
        raise DataSetError(
            f"{scheme}:// needs its own package: pip install 'caption-studio[{scheme}]'."
        ) from error
    except ValueError as error:
        raise DataSetError(f"{scheme}:// is no kind of place that is known.") from error
    return files, path
