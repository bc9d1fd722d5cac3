"""A batch from its creation to its end, whatever comes between."""

import asyncio
import contextlib
import random
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import pytest

from caption_studio.batches import answering, runner
from caption_studio.batches.lease import LEASE_S
from caption_studio.batches.lines import MAX_LINES
from caption_studio.batches.records import Counts, Validated
from caption_studio.batches.store import Store
from caption_studio.errors import (
    BatchNotFound,
    InvalidValue,
    QuotaExceeded,
    StoreFull,
    StoreUnavailable,
)
from tests.unit.batches.support import OTHER, OWNER, Clock, FakeCaller, House, line

pytestmark = pytest.mark.anyio

DAY_S = 24 * 3600


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def house(tmp_path: Path, clock: Clock) -> House:
    return House(tmp_path, clock)


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answering, "WATCH_S", 0.01)
    monkeypatch.setattr(answering, "MAX_RETRY_AFTER_S", 0.01)


def lines(count: int) -> list[str]:
    return [line(f"line-{number}") for number in range(count)]


def ids(results: list[Any]) -> list[str]:
    return [result["custom_id"] for result in results]


async def test_every_line_is_answered_once_and_the_batch_completes(house: House) -> None:
    batch = house.batch(lines(30))
    assert house.state(batch).status == "validating"
    assert await house.runner().turn()
    state = house.state(batch)
    assert state.status == "completed"
    assert (state.total, state.counts.completed, state.counts.failed) == (30, 30, 0)
    assert sorted(ids(house.results(batch, "output"))) == sorted(f"line-{n}" for n in range(30))
    assert house.results(batch, "output")[0]["response"]["body"]["of"].startswith("line-")
    assert house.results(batch, "error") == []
    assert not await house.runner().turn(), "there is no more work"


async def test_refused_lines_are_in_the_error_file(house: House) -> None:
    house.caller = FakeCaller({"line-1": [400]})
    batch = house.batch(lines(3))
    await house.runner().turn()
    assert house.state(batch).status == "completed"
    (refused,) = house.results(batch, "error")
    assert (refused["custom_id"], refused["response"]["status_code"]) == ("line-1", 400)
    assert house.state(batch).counts.failed == 1
    assert sorted(ids(house.results(batch, "output"))) == ["line-0", "line-2"]


async def test_a_full_or_sleeping_service_makes_lines_wait_and_not_fail(house: House) -> None:
    house.caller = FakeCaller({"line-0": [429, 503, 429, 503, 503, 200]})
    batch = house.batch(lines(2))
    await house.runner().turn()
    assert house.state(batch).counts.completed == 2
    assert house.caller.asked.count("line-0") == 6


async def test_a_failing_line_is_tried_three_times(house: House) -> None:
    house.caller = FakeCaller({"line-0": [500], "line-1": [500, 504, 200]})
    batch = house.batch(lines(2))
    await house.runner().turn()
    assert ids(house.results(batch, "error")) == ["line-0"]
    assert ids(house.results(batch, "output")) == ["line-1"]
    assert house.caller.asked.count("line-0") == 3


async def test_an_input_file_with_a_bad_line_fails_the_batch(house: House) -> None:
    batch = house.batch([*lines(2), "no json", line("line-0")])
    await house.runner().turn()
    state = house.state(batch)
    assert state.status == "failed"
    assert state.validated is not None
    codes = [(error.code, error.line) for error in state.validated.errors]
    assert codes == [("invalid_json_line", 3), ("duplicate_custom_id", 4)]
    assert house.caller.asked == []


async def test_50_001_lines_fail_the_batch(house: House) -> None:
    batch = house.batch([line(str(number), body={}) for number in range(MAX_LINES + 1)])
    await house.runner().turn()
    state = house.state(batch)
    assert state.status == "failed"
    assert state.validated is not None
    assert state.validated.errors[0].code == "too_many_requests"


@pytest.mark.parametrize("is_cancelled", [False, True])
async def test_a_gateway_with_a_smaller_limit_drops_no_line(
    is_cancelled: bool, house: House, clock: Clock
) -> None:
    batch = house.batch(lines(3))
    house.batches.set_validated(OWNER, batch.request.id, Validated(int(clock.now_s), 3))
    if is_cancelled:
        house.batches.cancel(OWNER, batch.request.id)
    house.max_line_bytes = 20
    await house.runner().turn()
    state = house.state(batch)
    assert state.status == ("cancelled" if is_cancelled else "completed")
    results = house.results(batch, "error" if is_cancelled else "output")
    assert sorted(ids(results)) == ["line-0", "line-1", "line-2"]


async def test_an_input_file_that_was_deleted_fails_the_batch(house: House) -> None:
    batch = house.batch(lines(2))
    house.files.delete(OWNER, batch.request.input_file_id)
    await house.runner().turn()
    assert house.state(batch).status == "failed"


async def test_a_cancelled_batch_begins_no_more_and_keeps_what_it_has(house: House) -> None:
    batch = house.batch(lines(50))
    caller = house.caller

    def cancel_after_ten() -> None:
        if len(caller.asked) == 10:
            state = house.batches.cancel(OWNER, batch.request.id)
            assert state.status == "cancelling"

    async def slow(*args: Any, **kwargs: Any) -> Any:
        await asyncio.sleep(0.01)
        return await FakeCaller.call(caller, *args, **kwargs)

    caller.on_call = cancel_after_ten
    caller.call = slow  # type: ignore[method-assign]
    await house.runner().turn()
    state = house.state(batch)
    assert state.status == "cancelled"
    done = ids(house.results(batch, "output"))
    left = house.results(batch, "error")
    assert 10 <= len(done) < 50
    assert sorted(done + ids(left)) == sorted(f"line-{n}" for n in range(50))
    assert {result["error"]["code"] for result in left} == {"batch_cancelled"}
    with pytest.raises(InvalidValue):
        house.batches.cancel(OWNER, batch.request.id)


async def test_a_batch_that_is_cancelled_before_it_began_ends(house: House) -> None:
    batch = house.batch(lines(3))
    house.batches.cancel(OWNER, batch.request.id)
    assert house.batches.cancel(OWNER, batch.request.id).status == "cancelling"
    await house.runner().turn()
    assert house.state(batch).status == "cancelled"
    assert house.caller.asked == []


async def test_after_a_day_a_batch_expires_with_what_it_has(house: House, clock: Clock) -> None:
    batch = house.batch(lines(20))

    def late() -> None:
        if len(house.caller.asked) == 8:
            clock.now_s += DAY_S

    house.caller.on_call = late
    await house.runner().turn()
    state = house.state(batch)
    assert state.status == "expired"
    left = house.results(batch, "error")
    assert {result["error"]["code"] for result in left} == {"batch_expired"}
    assert len(left) + len(house.results(batch, "output")) == 20


async def test_the_batches_of_a_removed_key_wait_for_it(house: House, clock: Clock) -> None:
    batch = house.batch(lines(2))
    house.caller.known.remove(OWNER)
    assert not await house.runner().turn()
    assert house.caller.asked == []
    house.caller.known.add(OWNER)
    assert await house.runner().turn()
    assert house.state(batch).status == "completed"


async def test_batches_are_their_owners_and_bounded(
    tmp_path: Path, house: House, clock: Clock
) -> None:
    batch = house.batch(lines(1))
    with pytest.raises(BatchNotFound):
        house.batches.find(OTHER, batch.request.id)
    with pytest.raises(BatchNotFound):
        house.batches.cancel(OTHER, batch.request.id)
    assert house.batches.listed(OTHER, after=None, limit=5) == ([], False)
    house = House(tmp_path, clock, max_batches=1)
    with pytest.raises(QuotaExceeded):
        house.batch(lines(1))
    assert house.batch(lines(1), OTHER)


async def test_pages_of_batches_follow_one_another(house: House, clock: Clock) -> None:
    made = []
    for _ in range(3):
        made.append(house.batch(lines(1)).request.id)
        clock.now_s += 1
    page, more = house.batches.listed(OWNER, after=None, limit=2)
    assert ([state.request.id for state in page], more) == (made[:0:-1], True)
    rest, more = house.batches.listed(OWNER, after=page[-1].request.id, limit=2)
    assert ([state.request.id for state in rest], more) == (made[:1], False)


async def test_what_is_half_made_takes_no_place_on_a_page(house: House, clock: Clock) -> None:
    made = []
    for _ in range(4):
        made.append(house.batch(lines(1)).request.id)
        clock.now_s += 1
    for half_made in made[2:]:
        house.store.delete(f"batches/{OWNER}/{half_made}/request.json")
    page, more = house.batches.listed(OWNER, after=None, limit=1)
    assert ([state.request.id for state in page], more) == ([made[1]], True)
    rest, more = house.batches.listed(OWNER, after=made[1], limit=1)
    assert ([state.request.id for state in rest], more) == ([made[0]], False)


async def test_a_large_batch_lets_others_have_turns(
    house: House, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "SLICE_S", 2.0)
    large = house.batch(lines(100))
    clock.now_s += 1
    small = house.batch([line("small")])

    def tick() -> None:
        house.monotonic.now_s += 0.1

    house.caller.on_call = tick
    working = house.runner()
    await working.turn()
    assert house.state(large).status == "in_progress"
    await working.turn()
    assert house.state(small).status == "completed"
    while await working.turn():
        pass
    assert house.state(large).status == "completed"
    assert len(house.caller.asked) == len(set(house.caller.asked)) == 101


async def test_a_batch_that_comes_later_gets_its_turn(
    house: House, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "SLICE_S", 2.0)
    monkeypatch.setattr(runner, "RENEW_S", 0.001)
    large = house.batch(lines(1000))
    small = []

    def tick() -> None:
        house.monotonic.now_s += 0.1
        if len(house.caller.asked) == 20:
            clock.now_s += 1
            small.append(house.batch([line("small")]))

    house.caller.on_call = tick
    working = house.runner()
    await working.turn()
    assert house.state(large).status == "in_progress"
    await working.turn()
    assert house.state(small[0]).status == "completed"


class FullAtTimes(Store):
    """A store that has no room for the journal at first."""

    refused = 0

    def put(self, name: str, value: bytes) -> None:
        if "/journal/" in name and self.refused < 5:
            self.refused += 1
            raise StoreFull("full") if self.refused % 2 else StoreUnavailable("403")
        super().put(name, value)


async def test_a_store_that_is_full_for_a_while_loses_nothing(tmp_path: Path, clock: Clock) -> None:
    house = House(tmp_path, clock, FullAtTimes(str(tmp_path)))
    batch = house.batch(lines(10))
    await house.runner().turn()
    assert house.state(batch).counts.completed == 10
    assert len(house.caller.asked) == 10


class Full(Store):
    """A store without room for anything new."""

    def put_new(self, name: str, value: bytes) -> bool:
        raise StoreFull("full")


async def test_a_full_store_makes_room_while_a_batch_is_open(
    tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "POLL_S", 0.01)
    house = House(tmp_path, clock, Full(str(tmp_path)))
    expired = house.upload(lines(1))
    clock.now_s += 60 * DAY_S
    house.batch(lines(1))
    with pytest.raises(StoreFull):
        await house.runner().turn()
    working = house.runner()
    house.monotonic.now_s += runner.SWEEP_S
    async with asyncio.timeout(60), working.running():
        while f"{expired}.data" in house.store.names(f"files/{OWNER}"):  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_two_gateways_do_not_work_on_one_batch(
    tmp_path: Path, house: House, clock: Clock
) -> None:
    batch = house.batch(lines(3))
    other = House(tmp_path, clock)
    house.caller.held = asyncio.Event()
    working = asyncio.create_task(house.runner().turn())
    while not house.caller.asked:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    assert not await other.runner().turn()
    house.caller.held.set()
    assert await working
    assert house.state(batch).status == "completed"
    assert other.caller.asked == []


async def test_a_gateway_that_ends_leaves_its_batch_at_once(
    tmp_path: Path, house: House, clock: Clock
) -> None:
    batch = house.batch(lines(9))
    other = House(tmp_path, clock)
    house.caller.replies = {f"line-{number}": [503] for number in range(4, 9)}
    working = asyncio.create_task(house.runner().turn())
    while len(house.caller.asked) < 12:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    working.cancel()
    with pytest.raises(asyncio.CancelledError):
        await working
    assert await other.runner().turn()
    assert other.state(batch).status == "completed"
    assert len(other.results(batch, "output")) == 9
    assert sorted(other.caller.asked) == [f"line-{number}" for number in range(4, 9)]


async def test_ended_batches_are_deleted_in_the_end(house: House, clock: Clock) -> None:
    batch = house.batch(lines(2))
    await house.runner().turn()
    folder = f"batches/{OWNER}/{batch.request.id}"
    assert not house.store.names(f"{folder}/journal"), "the results have it all"
    house.batches.journal(OWNER, batch.request.id).append([b"too late"], Counts(1, 0))
    clock.now_s += 3 * DAY_S
    assert house.batches.sweep() == 0
    assert not house.store.names(f"{folder}/journal")
    assert not house.store.names(f"{folder}/lease")
    assert house.state(batch).status == "completed"
    clock.now_s += 30 * DAY_S
    assert house.batches.sweep() == 1
    with pytest.raises(BatchNotFound):
        house.state(batch)


async def test_a_creation_that_failed_is_forgotten(house: House, clock: Clock) -> None:
    batch = house.batch(lines(1))
    house.store.delete(f"batches/{OWNER}/{batch.request.id}/request.json")
    assert not await house.runner().turn(), "nothing to do yet: the gateway may rest"
    assert house.batches.open()
    clock.now_s += 3600
    await house.runner().turn()
    assert not house.batches.open()


class Killed(BaseException):
    """The process is gone: nothing after this happens."""


class Mortal(Store):
    """A store of a process that is killed before or after one of its writes."""

    def __init__(self, url: str, writes: int, *, before: bool) -> None:
        super().__init__(url)
        self._left = writes
        self._before = before
        self.is_dead = False

    def put(self, name: str, value: bytes) -> None:
        self._dies(lambda: super(Mortal, self).put(name, value))

    def put_new(self, name: str, value: bytes) -> bool:
        return bool(self._dies(lambda: super(Mortal, self).put_new(name, value)))

    @contextlib.contextmanager
    def writing(self, name: str) -> Iterator[IO[bytes]]:
        with super().writing(name) as target:
            yield target
            self._dies(lambda: None)

    def delete(self, name: str) -> None:
        self._dies(lambda: super(Mortal, self).delete(name))

    def get(self, name: str) -> bytes | None:
        if self.is_dead:
            raise Killed
        return super().get(name)

    def _dies(self, write: Any) -> Any:
        if self.is_dead:
            raise Killed
        self._left -= 1
        if self._left > 0:
            return write()
        self.is_dead = True
        if not self._before:
            write()
        raise Killed


@pytest.mark.parametrize("seed", range(20))
async def test_killed_at_any_moment_a_batch_goes_on_and_nothing_is_lost_or_double(
    seed: int, tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answering, "FLUSH_LINES", 5)
    draw = random.Random(seed)
    replies = {f"line-{number}": [400] for number in range(0, 60, 7)}
    living = House(tmp_path, clock)
    batch = living.batch(lines(60))
    asked: list[str] = []
    deaths = 0
    while living.state(batch).ended is None or living.batches.open():
        store = Mortal(str(tmp_path), draw.randint(1, 12), before=draw.random() < 0.5)
        mortal = House(tmp_path, clock, store, FakeCaller(dict(replies)))
        working = mortal.runner()
        with contextlib.suppress(Killed):
            if not await working.turn():
                mortal.monotonic.now_s += LEASE_S
                await working.turn()
        deaths += store.is_dead
        asked += mortal.caller.asked
        mortal.threads.close()
    assert deaths
    state = living.state(batch)
    assert state.status == "completed"
    done, refused = living.results(batch, "output"), living.results(batch, "error")
    assert sorted(ids(done) + ids(refused)) == sorted(f"line-{number}" for number in range(60))
    assert (state.counts.completed, state.counts.failed) == (len(done), len(refused)) == (51, 9)
    again = len(asked) - len(set(asked))
    assert again <= deaths * (5 + 4 + 4), "no more than what is in flight or not yet written"
