"""What an owner keeps is bounded, answers of its batches included."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from caption_studio.batches import answering
from caption_studio.batches.kept import Asked
from caption_studio.batches.layout import journal_folder
from caption_studio.batches.records import Counts
from caption_studio.batches.states import BatchState
from caption_studio.errors import QuotaExceeded
from tests.unit.batches.support import ENDPOINT, OTHER, OWNER, Clock, FakeCaller, House, line

pytestmark = pytest.mark.anyio


def again(house: House, batch: BatchState) -> BatchState:
    return house.batches.create(OWNER, Asked(ENDPOINT, batch.request.input_file_id))


def lines(count: int) -> list[str]:
    return [line(f"line-{number}") for number in range(count)]


def test_a_batch_counts_as_the_result_files_that_it_will_have(tmp_path: Path) -> None:
    house = House(tmp_path, Clock(), max_files=4)
    batch = house.batch(lines(1))
    with pytest.raises(QuotaExceeded):
        again(house, batch)
    house.upload(lines(1))
    with pytest.raises(QuotaExceeded):
        house.upload(lines(1))
    assert house.batch(lines(1), OTHER)


def test_the_answers_of_a_batch_count_while_it_works(tmp_path: Path) -> None:
    house = House(tmp_path, Clock(), max_file_bytes=1000, max_key_bytes=1000)
    batch = house.batch(lines(1))
    house.batches.journal(OWNER, batch.request.id).append([bytes(900)], Counts(1, 0))
    with pytest.raises(QuotaExceeded):
        house.upload(lines(1))
    with pytest.raises(QuotaExceeded):
        again(house, batch)


async def test_a_batch_whose_answers_are_too_much_ends_with_what_it_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answering, "WATCH_S", 0.01)
    monkeypatch.setattr(answering, "FLUSH_LINES", 5)
    house = House(tmp_path, Clock(), max_file_bytes=100_000, max_key_bytes=100_000)
    caller = house.caller

    async def slow(*args: Any, **kwargs: Any) -> Any:
        await asyncio.sleep(0.005)
        return await FakeCaller.call(caller, *args, **kwargs)

    caller.call = slow  # type: ignore[method-assign]
    batch = house.batch(lines(500))
    await house.runner().turn()
    state = house.state(batch)
    assert state.status == "failed"
    assert state.ended is not None
    assert [error.code for error in state.ended.errors] == ["quota_exceeded"]
    done, left = house.results(batch, "output"), house.results(batch, "error")
    assert {result["error"]["code"] for result in left} == {"quota_exceeded"}
    names = sorted(result["custom_id"] for result in done + left)
    assert names == sorted(f"line-{number}" for number in range(500))
    assert 0 < len(done) < 500


async def test_the_results_of_an_ended_batch_count_once(tmp_path: Path) -> None:
    house = House(tmp_path, Clock())
    batch = house.batch(lines(20))
    await house.runner().turn()
    assert house.store.names(journal_folder(OWNER, batch.request.id)) == {}
    files, more = house.files.listed(OWNER, limit=9)
    assert (len(files), more) == (2, False)
    assert house.files.quota._kept(OWNER) == (2, sum(file.bytes for file in files))
