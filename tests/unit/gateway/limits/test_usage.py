"""What each key has used, over all gateways."""

import pytest

from caption_studio.gateway.limits.usage import GONE_AFTER_S, KEPT_S, UsageBook
from caption_studio.records import KeyUsage


class Clock:
    now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


ONE = KeyUsage(requests=1, pictures=2, prompt_tokens=30, completion_tokens=4)


def test_gateways_add_up_and_a_repeated_report_does_not() -> None:
    book = UsageBook(Clock())
    for _ in range(2):
        book.update("a", {"bakery": ONE})
        book.update("b", {"bakery": ONE, "00c0ffee": KeyUsage(refused=1)})
    assert book.totals().keys == {"bakery": ONE + ONE, "00c0ffee": KeyUsage(refused=1)}
    assert book.totals().since_s == 1000.0


def test_it_is_the_same_after_it_was_saved() -> None:
    book = UsageBook(Clock())
    book.update("a", {"bakery": ONE})
    assert book.has_changed
    saved = book.dump()
    assert not book.has_changed
    again = UsageBook(Clock(), saved)
    assert again.totals() == book.totals()
    again.update("a", {"bakery": ONE + ONE})  # the same gateway goes on
    assert again.totals().keys == {"bakery": ONE + ONE}


def test_what_is_no_book_is_told() -> None:
    with pytest.raises(ValueError, match="no book"):
        UsageBook(Clock(), b"{}")


def test_a_gateway_that_is_gone_leaves_its_sums_and_nothing_else() -> None:
    clock = Clock()
    book = UsageBook(clock)
    for number in range(100):
        book.update(f"gateway-{number}", {"bakery": ONE})
    size = len(book.dump())
    clock.now_s += GONE_AFTER_S + 1
    book.update("alive", {"bakery": ONE})
    assert len(book.dump()) < size / 10
    assert book.totals().keys["bakery"].requests == 101


def test_a_gateway_that_only_lives_is_not_gone() -> None:
    clock = Clock()
    book = UsageBook(clock)
    book.update("a", {"bakery": ONE})
    for _ in range(3):
        clock.now_s += GONE_AFTER_S / 2
        book.update("a", {})
        book.dump()
    book.update("a", {"bakery": ONE + ONE})
    assert book.totals().keys["bakery"].requests == 2


def test_a_key_that_nobody_uses_is_forgotten_some_time_later() -> None:
    clock = Clock()
    book = UsageBook(clock)
    book.update("a", {"old": ONE})
    clock.now_s += KEPT_S / 2
    book.update("a", {"bakery": ONE})
    clock.now_s += KEPT_S / 2 + 1
    book.dump()
    assert book.totals().keys.keys() == {"bakery"}
