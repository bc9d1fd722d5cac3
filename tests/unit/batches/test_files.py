"""Files of owners: found by their owner only, bounded, and gone when they expire."""

import os
from io import BytesIO
from pathlib import Path

import pytest

from caption_studio.batches.ids import created_at_s, owner_of, result_file_id
from caption_studio.batches.layout import content, open_mark, record
from caption_studio.batches.store import Store
from caption_studio.errors import FileNotFound, QuotaExceeded
from tests.unit.batches.support import OTHER, OWNER, Clock, House


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def house(tmp_path: Path, clock: Clock) -> House:
    return House(tmp_path, clock, max_files=3, max_file_bytes=100, max_key_bytes=100)


def upload(house: House, content: bytes = b"x", owner: str = OWNER, keep_s: int = 5000) -> str:
    file = house.files.create(
        owner,
        BytesIO(content),
        size_bytes=len(content),
        filename="a.png",
        purpose="vision",
        keep_s=keep_s,
    )
    house.clock.now_s += 1
    return file.id


def test_a_file_is_its_owners(house: House) -> None:
    file_id = upload(house, b"content")
    assert house.files.find(OWNER, file_id).bytes == 7
    with house.files.reading(OWNER, file_id) as source:
        assert source.read() == b"content"
    for use in (house.files.find, house.files.delete):
        with pytest.raises(FileNotFound):
            use(OTHER, file_id)
    with pytest.raises(FileNotFound), house.files.reading(OTHER, file_id):
        pass
    assert house.files.listed(OTHER, limit=10) == ([], False)
    house.files.delete(OWNER, file_id)
    with pytest.raises(FileNotFound):
        house.files.find(OWNER, file_id)


def test_only_a_file_that_is_not_there_is_not_found(house: House) -> None:
    file_id = upload(house)

    def mistake() -> None:
        with house.files.reading(OWNER, file_id):
            raise KeyError("ours")

    with pytest.raises(KeyError, match="ours"):
        mistake()


@pytest.mark.parametrize("file_id", ["../../etc/passwd", "file-1", "", "file-" + "0" * 24, "x/y"])
def test_what_is_no_id_is_no_file(house: House, file_id: str) -> None:
    with pytest.raises(FileNotFound):
        house.files.find(OWNER, file_id)


def test_pages_follow_one_another_in_both_orders(house: House) -> None:
    ids = [upload(house) for _ in range(3)]
    for newest_first in (False, True):
        expected = ids[::-1] if newest_first else ids
        page, more = house.files.listed(OWNER, limit=2, newest_first=newest_first)
        assert ([file.id for file in page], more) == (expected[:2], True)
        rest, more = house.files.listed(
            OWNER, limit=2, newest_first=newest_first, after=page[-1].id
        )
        assert ([file.id for file in rest], more) == (expected[2:], False)
    assert house.files.listed(OWNER, limit=9, purpose="batch") == ([], False)


def test_number_and_size_are_bounded_for_each_owner(house: House) -> None:
    with pytest.raises(QuotaExceeded):
        upload(house, b"x" * 101)
    for _ in range(3):
        upload(house, b"x" * 30)
    with pytest.raises(QuotaExceeded):
        upload(house)
    assert upload(house, owner=OTHER)


def test_an_expired_file_is_gone_and_then_deleted(house: House, clock: Clock) -> None:
    short, long = upload(house, keep_s=3600), upload(house, keep_s=7200)
    clock.now_s += 3600
    with pytest.raises(FileNotFound):
        house.files.find(OWNER, short)
    assert [file.id for file in house.files.listed(OWNER, limit=9)[0]] == [long]
    assert house.files.sweep() == 1
    assert set(house.store.names(f"files/{OWNER}")) == {f"{long}.json", f"{long}.data"}


def test_the_rest_of_a_failed_upload_is_deleted_in_the_end(house: House, clock: Clock) -> None:
    file_id = upload(house, keep_s=10**6)
    house.store.delete(f"files/{OWNER}/{file_id}.json")
    assert house.files.sweep() == 0
    clock.now_s += 25 * 3600
    assert house.files.sweep() == 1
    assert house.store.names(f"files/{OWNER}") == {}


def test_the_results_of_an_open_batch_are_not_taken_for_a_failed_upload(
    tmp_path: Path, clock: Clock
) -> None:
    house = House(tmp_path, clock)
    batch_id = house.batch(["x"]).request.id
    name = content(OWNER, result_file_id(batch_id, "output"))
    house.store.put(name, b"fresh")
    clock.now_s += 25 * 3600
    assert house.files.sweep() == 0
    assert house.store.get(name) == b"fresh"
    house.store.delete(open_mark(OWNER, batch_id))
    assert house.files.sweep() == 1


class Late(Store):
    """A store in which a record appears once the files are listed."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.late: dict[str, bytes] = {}

    def names(self, folder: str) -> dict[str, int]:
        found = super().names(folder)
        if folder.startswith("files/"):
            while self.late:
                self.put(*self.late.popitem())
        return found


def test_content_whose_record_comes_meanwhile_stays(tmp_path: Path, clock: Clock) -> None:
    store = Late(str(tmp_path))
    house = House(tmp_path, clock, store)
    file_id = upload(house, keep_s=10**6)
    kept = store.get(record(OWNER, file_id))
    assert kept is not None
    store.delete(record(OWNER, file_id))
    clock.now_s += 25 * 3600
    store.late[record(OWNER, file_id)] = kept
    assert house.files.sweep() == 0
    assert house.files.find(OWNER, file_id).id == file_id


def test_an_id_tells_when_it_was_made(house: House, clock: Clock) -> None:
    before_s = clock.now_s
    assert created_at_s(upload(house)) == pytest.approx(before_s)


def test_a_named_key_may_be_replaced_and_the_files_stay() -> None:
    assert owner_of("bakery", b"1") == owner_of("bakery", b"2")
    assert owner_of(None, b"1") != owner_of(None, b"2")
    assert owner_of("1", b"") != owner_of(None, b"1")


def test_what_others_leave_in_the_store_stops_no_expiry(
    house: House, clock: Clock, tmp_path: Path
) -> None:
    expired = upload(house)
    for name in ("files/.DS_Store", f"files/{OWNER}/.nfs0001", f"files/{OWNER}/notes.txt"):
        (tmp_path / name).touch()
    (tmp_path / "batches").mkdir(exist_ok=True)
    (tmp_path / "batches" / ".DS_Store").touch()
    clock.now_s += 6000
    assert house.files.sweep() == 1
    assert house.batches.sweep() == 0
    with pytest.raises(FileNotFound):
        house.files.find(OWNER, expired)


def killed_upload(house: House, size_bytes: int) -> Path:
    """Leave what a gateway leaves that is killed while it keeps an upload."""
    whole = upload(house)
    path = Path(house.store._url) / "files" / OWNER / f"{whole}.data.unfinished-0"
    house.files.delete(OWNER, whole)
    path.write_bytes(bytes(size_bytes))
    os.utime(path, (house.clock.now_s, house.clock.now_s))
    return path


def test_what_a_killed_gateway_was_writing_counts_until_it_is_deleted(
    house: House, clock: Clock
) -> None:
    left = killed_upload(house, 60)
    assert house.files.listed(OWNER, limit=9) == ([], False)
    with pytest.raises(QuotaExceeded):
        upload(house, b"x" * 50)
    clock.now_s += 1800
    assert house.files.sweep() == 0, "it may still be written"
    clock.now_s += 3600
    assert house.files.sweep() == 1
    assert not left.exists()
    assert upload(house, b"x" * 50)


def test_what_a_killed_gateway_was_writing_of_a_batch_is_deleted_too(
    house: House, clock: Clock
) -> None:
    batch = house.batch(["x"])
    folder = Path(house.store._url) / "batches" / OWNER / batch.request.id
    left = folder / "ended.json.unfinished-0"
    left.write_bytes(b"{")
    os.utime(left, (clock.now_s, clock.now_s))
    clock.now_s += 4000
    assert house.files.sweep() == 1
    assert [path.name for path in folder.iterdir()] == ["request.json"]
