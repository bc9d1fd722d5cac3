"""The usage of each key, over all gateways and since the beginning.

A gateway reports sums since its own start, which replace what it reported before: a report that is
lost or repeated changes nothing. The sums of a gateway that is gone stay.
"""

import time
from collections.abc import Awaitable, Callable, Mapping

import msgspec

from caption_studio.records import KeyUsage, UsageTotals

GONE_AFTER_S = 3600.0
"""After this time without a report a gateway counts as gone."""

KEPT_S = 30 * 86400.0
"""A key unused for this time is forgotten: most likely it has left the key file."""


class _Gateway(msgspec.Struct):
    heard_at_s: float
    keys: dict[str, KeyUsage]


class _Book(msgspec.Struct):
    since_s: float
    gateways: dict[str, _Gateway]
    gone: dict[str, KeyUsage]
    used_at_s: dict[str, float]


class UsageBook:
    """The sums of all gateways. `clock` gives Unix time in seconds."""

    def __init__(self, clock: Callable[[], float], saved: bytes | None = None) -> None:
        """Begin with what `dump` has `saved`. Raises `ValueError` if it cannot be read."""
        self._clock = clock
        self._book = _Book(clock(), {}, {}, {}) if saved is None else _load(saved)
        for gateway in self._book.gateways.values():
            gateway.heard_at_s = clock()  # it could not report in between
        self.has_changed = saved is None

    def update(self, gateway: str, keys: Mapping[str, KeyUsage]) -> None:
        """Record a gateway's report; without `keys` it is only a sign of life."""
        now_s = self._clock()
        sums = self._book.gateways.setdefault(gateway, _Gateway(now_s, {}))
        sums.heard_at_s = now_s
        if keys:
            sums.keys.update(keys)
            self._book.used_at_s.update(dict.fromkeys(keys, now_s))
            self.has_changed = True

    def totals(self) -> UsageTotals:
        """Return the sums over all gateways."""
        sums = dict(self._book.gone)
        for gateway in self._book.gateways.values():
            _add(sums, gateway.keys)
        return UsageTotals(self._book.since_s, dict(sorted(sums.items())))

    def dump(self) -> bytes:
        """Return the book as bytes, without expired gateways and keys."""
        self._tidy()
        self.has_changed = False
        return msgspec.msgpack.encode(self._book)

    def _tidy(self) -> None:
        now_s, book = self._clock(), self._book
        for name in [n for n, g in book.gateways.items() if now_s - g.heard_at_s > GONE_AFTER_S]:
            _add(book.gone, book.gateways.pop(name).keys)
        for key in [k for k, used_at_s in book.used_at_s.items() if now_s - used_at_s > KEPT_S]:
            del book.used_at_s[key]
            for sums in (book.gone, *(gateway.keys for gateway in book.gateways.values())):
                sums.pop(key, None)


def no_usage() -> Callable[[], Awaitable[UsageTotals]]:
    """Return a source of usage for a service without keys: none, since now."""
    totals = UsageTotals(time.time(), {})

    async def usage() -> UsageTotals:
        return totals

    return usage


def _add(sums: dict[str, KeyUsage], keys: Mapping[str, KeyUsage]) -> None:
    for key, usage in keys.items():
        sums[key] = sums.get(key, KeyUsage()) + usage


def _load(saved: bytes) -> _Book:
    try:
        return msgspec.msgpack.decode(saved, type=_Book)
    except msgspec.MsgspecError as error:
        raise ValueError("no book of usage") from error
