"""Ledger and usage book together: the state of the process to which all gateways report."""

import time
from collections.abc import Callable

from caption_studio.gateway.limits.ledger import Ledger
from caption_studio.gateway.limits.messages import Line, Report, Statement, Verdict
from caption_studio.gateway.limits.usage import UsageBook
from caption_studio.records import UsageTotals


class Central:
    """The ledger of leases and the book of usage."""

    def __init__(self, ledger: Ledger, book: UsageBook) -> None:
        self._ledger = ledger
        self.book = book

    def exchange(self, report: Report) -> Statement:
        """See `messages.CentralLedger`."""
        self.book.update(report.gateway, report.usage)
        return self._ledger.exchange(report)

    def take(self, gateway: str, line: Line, amount: int) -> Verdict:
        """See `messages.CentralLedger`."""
        return self._ledger.take(gateway, line, amount)

    def leave(self, gateway: str) -> None:
        """See `messages.CentralLedger`."""
        self._ledger.leave(gateway)


class LocalLedger:
    """`messages.CentralLedger` in the process of a single gateway."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._central = Central(Ledger(clock), UsageBook(time.time))

    async def exchange(self, report: Report) -> Statement:
        """See `messages.CentralLedger`."""
        return self._central.exchange(report)

    async def take(self, gateway: str, line: Line, amount: int) -> Verdict:
        """See `messages.CentralLedger`."""
        return self._central.take(gateway, line, amount)

    async def leave(self, gateway: str) -> None:
        """See `messages.CentralLedger`."""
        self._central.leave(gateway)

    async def usage(self) -> UsageTotals:
        """See `messages.CentralLedger`."""
        return self._central.book.totals()
