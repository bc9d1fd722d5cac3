"""Names of pictures are found wherever they are, and their bytes are read."""

import asyncio
import errno
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import fsspec
import httpx
import pytest

from caption_studio.client.pictures import MAX_BYTES, PictureFailed
from caption_studio.training.dataset.sources import Reader, find, stamp
from caption_studio.training.rows import DataSetError


def names(*sources: object) -> list[str]:
    return [item.picture for item in find([str(source) for source in sources])]


@pytest.fixture
def bucket() -> Iterator[str]:
    """A bucket in memory, which fsspec reads as it reads others."""
    files = fsspec.filesystem("memory")
    for name in ("b.png", "deep/a.JPG", "notes.txt"):
        files.pipe(f"/bakery/{name}", name.encode())
    yield "memory://bakery"
    files.rm("/bakery", recursive=True)


def read(name: str, answer: Callable[[httpx.Request], httpx.Response] | None = None) -> bytes:
    async def run() -> bytes:
        transport = httpx.MockTransport(answer) if answer else None
        http = httpx.AsyncClient(transport=transport, follow_redirects=True)
        async with Reader(http, pause_s=0.001) as reader:
            return await reader.read(name)

    return asyncio.run(run())


def test_folders_patterns_files_urls_and_lists(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    for name in ("b/2.png", "b/1.jpg", "b/notes.md", "c.webp"):
        (tmp_path / name).write_bytes(b"x")
    listed = tmp_path / "list.txt"
    listed.write_text(f"# mine\n\nhttps://x.example/1.png \n{tmp_path}/c.webp\n")
    assert names(tmp_path / "b", listed, tmp_path / "c*", "HTTP://x.example/p") == [
        f"{tmp_path}/b/1.jpg",
        f"{tmp_path}/b/2.png",
        "https://x.example/1.png",
        f"{tmp_path}/c.webp",
        f"{tmp_path}/c.webp",
        "HTTP://x.example/p",
    ]


def test_one_source_that_is_none_is_noted_and_the_others_go_on(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"x")
    (tmp_path / "empty").mkdir()
    none, good = find([str(tmp_path / "empty"), str(tmp_path / "a.png")])
    assert none.problem.startswith("the folder holds no pictures")
    assert (good.picture, good.problem) == (f"{tmp_path}/a.png", "")


def test_a_list_of_lists_is_refused(tmp_path: Path) -> None:
    listed = tmp_path / "list.txt"
    listed.write_text("list.txt\n")
    with pytest.raises(DataSetError, match="names another list"):
        find([str(listed)])
    listed.write_bytes(b"\xff\xfe")
    with pytest.raises(DataSetError, match="it is no text"):
        find([str(listed)])


def test_a_bucket_is_listed_and_read(bucket: str) -> None:
    assert names(bucket) == ["memory:///bakery/b.png", "memory:///bakery/deep/a.JPG"]
    assert names(f"{bucket}/*.png") == ["memory:///bakery/b.png"]
    assert names(f"{bucket}/notes.txt") == ["memory:///bakery/notes.txt"]
    assert read("memory:///bakery/deep/a.JPG") == b"deep/a.JPG"
    with pytest.raises(PictureFailed, match="there is no such object"):
        read("memory:///bakery/absent.png")
    with pytest.raises(DataSetError, match="holds no pictures"):
        find([f"{bucket}/*.gif"])


class ClosedBucket(fsspec.AbstractFileSystem):  # type: ignore[misc]  # it ships no types
    """A bucket that answers 403, as the packages of buckets tell it."""

    protocol = "closed"

    def isfile(self, path: str) -> bool:
        return False

    def find(self, path: str, *_: object, **__: object) -> object:
        raise PermissionError("Access Denied")

    def _open(self, path: str, *_: object, **__: object) -> object:
        raise PermissionError("Access Denied")


def test_a_bucket_that_answers_403_is_told() -> None:
    fsspec.register_implementation("closed", ClosedBucket, clobber=True)
    with pytest.raises(DataSetError, match=r"^closed://bakery cannot be listed: access is denied"):
        find(["closed://bakery"])
    with pytest.raises(PictureFailed, match="the object cannot be read: access is denied"):
        read("closed://bakery/a.png")


def test_a_bucket_without_its_package_names_the_package() -> None:
    if "s3fs" in fsspec.available_protocols():
        pytest.skip("s3fs is installed")
    try:
        import s3fs  # noqa: F401
    except ImportError:
        with pytest.raises(DataSetError, match=r"pip install 'caption-studio\[s3\]'"):
            find(["s3://bakery/pictures"])


def test_a_name_that_is_no_text_is_noted(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"x")
    bad = bytes(tmp_path) + b"/\xff.png"
    with open(bad, "wb") as file:
        file.write(b"x")
    items = find([str(tmp_path)])
    assert [item.problem for item in items] == ["", "its name is no UTF-8"]


def test_a_url_is_asked_again_while_its_host_is_busy() -> None:
    answers = [httpx.Response(503), httpx.Response(429), httpx.Response(200, content=b"picture")]
    assert read("http://x.example/a", lambda _: answers.pop(0)) == b"picture"


def raises(error: Exception) -> Callable[[httpx.Request], httpx.Response]:
    def answer(_: httpx.Request) -> httpx.Response:
        raise error

    return answer


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (lambda _: httpx.Response(404), "HTTP status 404"),
        (lambda _: httpx.Response(503), "HTTP status 503"),
        (lambda _: httpx.Response(200), "the file is empty"),
        (lambda _: httpx.Response(200, content=bytes(MAX_BYTES + 1)), "gave more than"),
        (lambda r: httpx.Response(302, headers={"location": str(r.url)}), "cannot be fetched"),
        (raises(httpx.ConnectError("away")), "gave no answer"),
    ],
)
def test_a_url_without_a_picture_is_told(
    answer: Callable[[httpx.Request], httpx.Response], said: str
) -> None:
    with pytest.raises(PictureFailed, match=said):
        read("https://x.example/a.png", answer)


def test_a_stamp_changes_with_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(b"x")
    first = stamp(str(path))
    path.write_bytes(b"xy")
    assert first
    assert stamp(str(path)) != first
    assert stamp("https://x.example/a.png") == stamp(str(tmp_path / "absent")) == ""


def test_what_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.png")
    with pytest.raises(PictureFailed, match="this is no file"):
        read(str(tmp_path / "a.png"))


def test_a_folder_that_cannot_be_read_is_noted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("open", "shut"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.png").write_bytes(b"x")
    scandir = os.scandir

    def refusing(folder: str) -> object:
        if str(folder).endswith("shut"):
            raise PermissionError(errno.EACCES, "Permission denied", str(folder))
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", refusing)
    found = {item.picture: item.problem for item in find([str(tmp_path)])}
    assert found == {
        str(tmp_path / "open" / "a.png"): "",
        str(tmp_path / "shut"): "this folder cannot be read",
    }
