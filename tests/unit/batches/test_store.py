"""What a store promises, in a folder and in a bucket (fsspec's in memory)."""

import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec  # type: ignore[import-untyped]
import pytest

from caption_studio.batches.store import Store, StoreFolder
from caption_studio.errors import StoreFull, StoreUnavailable


@pytest.fixture(params=["folder", "bucket"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    if request.param == "folder":
        yield Store(str(tmp_path / "store"))
        return
    yield Store("memory://bucket/store")
    fsspec.filesystem("memory").store.clear()


def test_a_value_is_there_once_it_is_written(store: Store) -> None:
    assert store.get("a/b") is None
    store.put("a/b", b"one")
    store.put("a/b", b"two")
    assert store.get("a/b") == b"two"
    assert store.names("a") == {"b": 3}
    store.delete("a/b")
    store.delete("a/b")
    assert store.get("a/b") is None
    assert store.names("nothing") == {}


def test_only_one_writes_what_is_new(store: Store) -> None:
    assert store.put_new("a/b", b"first")
    assert not store.put_new("a/b", b"second")
    assert store.get("a/b") == b"first"


def test_a_stream_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    store = Store(str(tmp_path))

    def half() -> None:
        with store.writing("a/b") as target:
            target.write(b"half")
            raise KeyError

    with pytest.raises(KeyError):
        half()
    assert store.get("a/b") is None
    assert store.names("a") == {}
    with store.writing("a/b") as target:
        target.write(b"who")
        target.write(b"le")
    with store.reading("a/b") as source:
        assert source.read() == b"whole"


def test_lines_are_read_up_to_a_limit(store: Store) -> None:
    store.put("a", b"one\ntwo\n")
    with store.reading("a") as source:
        assert [source.readline(2), source.readline(9), source.readline(9)] == [
            b"on",
            b"e\n",
            b"two\n",
        ]


def test_reading_what_is_not_there_says_so(store: Store) -> None:
    with pytest.raises(KeyError), store.reading("a/b"):
        pass


def test_a_folder_is_deleted_with_all_in_it(store: Store) -> None:
    store.put("a/b/c", b"")
    store.put("a/d", b"")
    store.delete("a")
    assert store.names("a") == {}


def test_a_part_of_it_is_a_store_for_snapshots(store: Store) -> None:
    folder = StoreFolder(store, "lease")
    assert folder.put_new("1", b"x")
    assert (folder.keys(), folder.get("1")) == (["1"], b"x")
    folder.delete("1")
    assert folder.keys() == []


def test_a_listing_leaves_out_what_vanishes_and_nothing_else(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    store.put("a/b", b"1")
    (tmp_path / "a" / "gone").symlink_to(tmp_path / "nowhere")
    assert store.names("a") == {"b": 1}


def test_files_are_the_users_own(tmp_path: Path) -> None:
    Store(str(tmp_path / "store")).put("a/b", b"secret")
    assert stat.S_IMODE((tmp_path / "store").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "store" / "a").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "store" / "a" / "b").stat().st_mode) == 0o600


class Failing:
    """A file system all of whose calls end in an error."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def __getattr__(self, name: str) -> Any:
        def fails(*_: Any, **__: Any) -> Any:
            raise self._error

        return fails


@pytest.mark.parametrize(
    ("error", "expected", "status"),
    [
        (PermissionError(errno.EACCES, "403 on s3://secret-bucket"), StoreUnavailable, 503),
        (ConnectionError("no route to 10.0.0.1"), StoreUnavailable, 503),
        (ValueError("the library's own"), StoreUnavailable, 503),
        (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), StoreFull, 507),
        (OSError(errno.EDQUOT, os.strerror(errno.EDQUOT)), StoreFull, 507),
    ],
)
def test_a_stores_failure_is_ours_and_tells_nothing(
    error: Exception, expected: type[StoreUnavailable], status: int
) -> None:
    store = Store("s3://secret-bucket")
    store._opened = Failing(error), "secret-bucket"
    for use in (
        lambda: store.get("a"),
        lambda: store.put("a", b""),
        lambda: store.put_new("a", b""),
        lambda: store.names("a"),
        lambda: store.delete("a"),
    ):
        with pytest.raises(StoreUnavailable) as failed:
            use()
        assert type(failed.value) is expected
        assert failed.value.status == status
        assert "secret" not in failed.value.message


@pytest.mark.parametrize("mistake", [ValueError, KeyError, OSError, RuntimeError])
def test_a_mistake_of_ours_does_not_look_like_a_store_that_fails(
    store: Store, mistake: type[Exception]
) -> None:
    store.put("a/b", b"whole")

    def write() -> None:
        with store.writing("a/b") as target:
            target.write(b"half")
            raise mistake("ours")

    def read() -> None:
        with store.reading("a/b"):
            raise mistake("ours")

    for use in (write, read):
        with pytest.raises(mistake, match="ours") as raised:
            use()
        assert type(raised.value) is mistake


class FailingFile:
    """An open file all of whose calls end in an error, and a file system that gives it."""

    def open(self, *_: Any) -> Any:
        return self

    def readable(self) -> bool:
        return True

    def fail(self, *_: Any) -> None:
        raise OSError(errno.ENOSPC, "no room at s3://secret-bucket")

    def close(self) -> None:
        self.closed = True  # as a real file, which fails here only once
        self.fail()

    seekable = readable
    closed = False
    write = readline = read = readinto = seek = tell = discard = fail


def test_each_call_of_an_open_file_that_fails_is_ours() -> None:
    store = Store("s3://secret-bucket")
    store._opened = FailingFile(), "secret-bucket"
    for use in (
        lambda file: file.write(b"x"),
        lambda file: file.tell(),
        lambda file: None,  # its end
    ):
        with pytest.raises(StoreFull), store.writing("a") as target:
            use(target)
    store._opened = FailingFile(), "secret-bucket"
    with store.reading("a") as source:
        for read in (source.read, source.readline):
            with pytest.raises(StoreFull):
                read(9)


def test_a_scheme_that_is_not_installed_is_unavailable() -> None:
    with pytest.raises(StoreUnavailable):
        Store("nosuchscheme://a/b").get("c")


def test_a_folder_that_cannot_be_made_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreUnavailable):
        Store(str(tmp_path / "file" / "store")).put("a", b"")
