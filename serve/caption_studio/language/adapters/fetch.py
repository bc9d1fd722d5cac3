"""Source → its adapter's two files in a folder of ours, within limits of bytes and seconds.

Nothing but `adapter_config.json` and the weights is ever read. Blocking: for a worker thread.
"""

import logging
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import fsspec  # type: ignore[import-untyped]  # it ships no types
from huggingface_hub import hf_hub_download
from huggingface_hub.errors import (
    EntryNotFoundError,
    LocalEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from caption_studio.errors import AdapterUnavailable, InvalidAdapter
from caption_studio.language.adapters.source import Folder, HubRepository, RemoteFolder, Source

logger = logging.getLogger(__name__)

CONFIG_FILE = "adapter_config.json"
SAFETENSORS_FILE = "adapter_model.safetensors"
BIN_FILE = "adapter_model.bin"
WEIGHTS_FILES = (SAFETENSORS_FILE, BIN_FILE)
"""The first that exists is used."""

CHUNK_BYTES = 1024**2

Open = Callable[[str], AbstractContextManager[IO[bytes]]]
"""Opens a file of the source by its name. Raises `FileNotFoundError` if it is not there."""


@dataclass(slots=True)
class Bounds:
    """The bytes that are left, and the deadline on the monotonic clock."""

    bytes_left: int
    ends_at_s: float

    def take(self, size_bytes: int) -> None:
        """Use up `size_bytes`. Raises `InvalidAdapter` or `AdapterUnavailable`."""
        self.bytes_left -= size_bytes
        if self.bytes_left < 0:
            raise too_large()
        if time.monotonic() > self.ends_at_s:
            raise unavailable()


def fetch(source: Source, into: Path, *, max_bytes: int, timeout_s: float) -> None:
    """Copy the configuration and the weights from `source` into the folder `into`.

    Raises `InvalidAdapter` if they are not there or too large, `AdapterUnavailable` if the
    source cannot be reached or is too slow.
    """
    bounds = Bounds(max_bytes, time.monotonic() + timeout_s)
    try:
        opener = _opener(source, bounds)
        if not _copy_first((CONFIG_FILE,), opener, into, bounds):
            raise InvalidAdapter(f"There is no {CONFIG_FILE} at the source.", param="source")
        if not _copy_first(WEIGHTS_FILES, opener, into, bounds):
            names = " and no ".join(WEIGHTS_FILES)
            raise InvalidAdapter(f"There is no {names} at the source.", param="source")
    except (InvalidAdapter, AdapterUnavailable):
        raise
    except Exception as error:
        # Each of fsspec's file systems raises its own library's exceptions. Their texts may
        # hold addresses and keys, so only the type is logged.
        logger.warning("an adapter's source failed: %s", type(error).__name__)
        raise unavailable() from error


def too_large() -> InvalidAdapter:
    """Return the error for files over the bound."""
    return InvalidAdapter("The adapter's files are larger than they may be.", param="source")


def unavailable() -> AdapterUnavailable:
    """Return the error for a source that does not give its files just now."""
    return AdapterUnavailable("The adapter's files cannot be fetched from its source just now.")


def _copy_first(names: tuple[str, ...], opener: Open, into: Path, bounds: Bounds) -> bool:
    """Copy the first of the files that exists; return whether one did."""
    for name in names:
        try:
            with opener(name) as source, (into / name).open("wb") as target:
                while chunk := source.read(CHUNK_BYTES):
                    bounds.take(len(chunk))
                    target.write(chunk)
        except FileNotFoundError:
            continue
        return True
    return False


def _opener(source: Source, bounds: Bounds) -> Open:
    if isinstance(source, Folder):
        return _folder_opener(source)
    if isinstance(source, RemoteFolder):
        return _remote_opener(source)
    return _hub_opener(source, bounds)


def _folder_opener(folder: Folder) -> Open:
    def opener(name: str) -> IO[bytes]:
        path = (folder.path / name).resolve()
        if not path.is_file():  # a pipe would never end
            raise FileNotFoundError
        if folder.root is not None and not path.is_relative_to(folder.root):
            raise InvalidAdapter("The source's files lead out of adapters_dir.", param="source")
        return path.open("rb")

    return opener


def _remote_opener(folder: RemoteFolder) -> Open:
    # No cached listing: the folder may have changed since the last read.
    files, root = fsspec.core.url_to_fs(folder.url, skip_instance_cache=True)

    def opener(name: str) -> Any:
        return files.open(f"{root}/{name}", "rb")

    return opener


def _hub_opener(repository: HubRepository, bounds: Bounds) -> Open:
    """Return an opener that reads through the hub's own cache, which may be filled beforehand."""

    def opener(name: str) -> IO[bytes]:
        wanted: dict[str, Any] = {"filename": name, "revision": repository.revision}
        try:
            announced = hf_hub_download(repository.id, **wanted, dry_run=True)
            if (announced.file_size or 0) > bounds.bytes_left:
                bounds.take(announced.file_size or 0)
            return Path(hf_hub_download(repository.id, **wanted)).open("rb")
        except (RepositoryNotFoundError, RevisionNotFoundError) as error:
            raise InvalidAdapter(
                "The hub has no such repository or revision, or does not show it to us.",
                param="source",
            ) from error
        except LocalEntryNotFoundError as error:
            # The hub cannot be reached, and this file is not in its cache. After safetensors
            # the .bin is tried: if it is in the cache, the repository has no safetensors.
            if name == SAFETENSORS_FILE:
                raise FileNotFoundError from error
            raise unavailable() from error
        except EntryNotFoundError as error:
            raise FileNotFoundError from error

    return opener
