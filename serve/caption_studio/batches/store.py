"""Names → bytes in a folder or a bucket, through fsspec. Blocking: for a worker thread.

A name is a path below the store's root. A value is there whole or not at all: a folder's files are
written under another name first (batches.folder), and a bucket's appear when they are complete.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BufferedReader
from typing import Any

import fsspec  # type: ignore[import-untyped]  # it ships no types
from fsspec.implementations.local import LocalFileSystem  # type: ignore[import-untyped]

from caption_studio.batches import folder as local
from caption_studio.batches.streams import StoredReader, StoredWriter, translated

CHUNK_BYTES = 1024**2


class Store:
    """The values below one folder or URL.

    All methods raise `StoreUnavailable`, and `StoreFull` if there is no room. Nothing is done
    before the first call.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._opened: tuple[Any, str] | None = None

    def get(self, name: str) -> bytes | None:
        """Return the value, None where there is none."""
        with translated():
            files, root = self._files()
            try:
                value: bytes = files.cat_file(f"{root}/{name}")
                return value
            except FileNotFoundError:
                return None

    def put(self, name: str, value: bytes) -> None:
        """Write the value, whether there is one or not."""
        with self.writing(name) as target:
            target.write(value)

    def put_new(self, name: str, value: bytes) -> bool:
        """Write unless there is a value; return whether it was written.

        Atomic in a folder, and in a bucket whose file system has conditional writes (s3fs, gcsfs).
        """
        with translated():
            files, root = self._files()
            path = f"{root}/{name}"
            if isinstance(files, LocalFileSystem):
                return _put_new_locally(path, value)
            try:
                files.pipe_file(path, value, mode="create")
            except FileExistsError:
                return False
            return True

    @contextmanager
    def writing(self, name: str) -> Iterator[StoredWriter]:
        """Give a file to write; it is there under its name once the context ends well."""
        with translated():
            files, root = self._files()
            path = f"{root}/{name}"
            value: local.Aside | _Upload
            if isinstance(files, LocalFileSystem):
                value = local.Aside(path)
            else:
                value = _Upload(files.open(path, "wb"))
        try:
            yield StoredWriter(value.file)
            with translated():
                value.keep()
        except BaseException:
            value.drop()
            raise

    @contextmanager
    def reading(self, name: str) -> Iterator[StoredReader]:
        """Give a file to read. Raises `KeyError` where there is none."""
        with translated():
            source = self._open(name)
        if source is None:
            raise KeyError(name)
        try:
            yield StoredReader(source)
        finally:
            with suppress(Exception):
                source.close()

    def names(self, folder: str) -> dict[str, int]:
        """Return the names in a folder, without it, sorted, each with its size in bytes."""
        with translated():
            files, root = self._files()
            if isinstance(files, LocalFileSystem):
                return local.listed(f"{root}/{folder}")
            try:
                listed = files.ls(f"{root}/{folder}", detail=True)
            except FileNotFoundError:
                return {}
            found = ((_last(entry["name"]), entry["size"] or 0) for entry in listed)
            return dict(sorted(found))

    def unfinished(self, folder: str) -> dict[str, int]:
        """Return what is being written in a folder, or was when its writer was killed: sizes."""
        with translated():
            files, root = self._files()
            if not isinstance(files, LocalFileSystem):
                return {}
            return local.listed(f"{root}/{folder}", unfinished=True)

    def delete_unfinished(self, before_s: float) -> int:
        """Delete what killed writers left, in all folders; return how many.

        `before_s`: what was written to since, in seconds since 1970, is left.
        """
        with translated():
            files, root = self._files()
            if not isinstance(files, LocalFileSystem):
                return 0
            return local.delete_unfinished(root, before_s)

    def delete(self, name: str) -> None:
        """Delete a value, or a folder with all in it, if it is there."""
        with translated():
            files, root = self._files()
            with suppress(FileNotFoundError):
                files.rm(f"{root}/{name}", recursive=True)

    def _open(self, name: str) -> Any:
        files, root = self._files()
        try:
            source = files.open(f"{root}/{name}", "rb")
        except FileNotFoundError:
            return None
        if not isinstance(files, LocalFileSystem):
            source = BufferedReader(source, CHUNK_BYTES)  # fsspec's own readline has no limit
        return source

    def _files(self) -> tuple[Any, str]:
        if self._opened is None:
            # Listings are not cached: other gateways write, too.
            options = {"skip_instance_cache": True, "use_listings_cache": False}
            files, root = fsspec.core.url_to_fs(self._url, **options)
            self._opened = files, str(root).rstrip("/")
        return self._opened


def _last(path: str) -> str:
    return path.rstrip("/").rpartition("/")[2]


def _put_new_locally(path: str, value: bytes) -> bool:
    aside = local.Aside(path)
    try:
        aside.file.write(value)
        return aside.keep_new()
    except BaseException:
        aside.drop()
        raise


class _Upload:
    """A value that is being written to a bucket, as `folder.Aside`."""

    def __init__(self, file: Any) -> None:
        self.file = file

    def keep(self) -> None:
        self.file.close()

    def drop(self) -> None:
        with suppress(Exception):
            self.file.discard()
        with suppress(AttributeError):
            self.file.closed = True  # else its end would write what there is


class StoreFolder:
    """`snapshots.KeyValueStore` in one folder of a store."""

    def __init__(self, store: Store, folder: str) -> None:
        self._store = store
        self._folder = folder

    def keys(self) -> list[str]:
        """See `snapshots.KeyValueStore`."""
        return list(self._store.names(self._folder))

    def get(self, key: str) -> bytes | None:
        """See `snapshots.KeyValueStore`."""
        return self._store.get(f"{self._folder}/{key}")

    def put_new(self, key: str, value: bytes) -> bool:
        """See `snapshots.KeyValueStore`."""
        return self._store.put_new(f"{self._folder}/{key}", value)

    def delete(self, key: str) -> None:
        """See `snapshots.KeyValueStore`."""
        self._store.delete(f"{self._folder}/{key}")
