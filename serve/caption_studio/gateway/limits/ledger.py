"""Reports of all gateways → leases: how much each may spend of each key's minute.

At any time, the amount spent in the last minute and all leases together are at most the limit.
Tokens may exceed it, because an answer's tokens are known only when it is written. A gateway with
more requests gets more; one without requests keeps a little. Only accounts of the last minute are
in memory. The transport of messages is not here; `clock` gives seconds and is the only clock that
counts.
"""

import math
import uuid
from collections.abc import Callable
from dataclasses import dataclass

from caption_studio.gateway.limits.messages import (
    LEASED_FROM,
    LEDGER_FORGETS_S,
    Account,
    Grant,
    Level,
    Line,
    Report,
    Statement,
    Verdict,
    lease_at_rest,
)
from caption_studio.gateway.limits.window import SlidingWindow

IDLE_SHARE = 0.05
"""The part of the amount left that is divided evenly, for gateways without requests yet."""

DEMAND_S = 2.0
"""Requests count for a gateway's share, less by a factor of e in this time."""

NO_DEMAND = 0.01


@dataclass(slots=True)
class _Gateway:
    heard_at_s: float
    told: int | None = None
    """The number of gateways it was told, which determines its leases at rest."""


class _Demand:
    """The recent requests at a gateway, decaying."""

    def __init__(self) -> None:
        self._value = 0.0
        self._at_s = 0.0

    def add(self, now_s: float, asked: int) -> None:
        self._value = self.now(now_s) + asked
        self._at_s = now_s

    def now(self, now_s: float) -> float:
        return self._value * math.exp((self._at_s - now_s) / DEMAND_S)


class _Entry:
    """One account: the amount spent in the last minute, and each gateway's lease."""

    def __init__(self, limit: int, held: dict[str, int]) -> None:
        self.limit = limit
        self.held = held
        self.window = SlidingWindow()
        self._spent: dict[str, int] = {}
        self._demand: dict[str, _Demand] = {}

    def absorb(self, gateway: str, line: Line, now_s: float) -> None:
        """Take over a gateway's line."""
        self.limit = line.limit
        spent = self._spent.get(gateway)
        self.window.add(now_s, line.recent if spent is None else line.spent - spent)
        self._spent[gateway] = line.spent
        self.held[gateway] = line.held
        self._demand.setdefault(gateway, _Demand()).add(now_s, line.asked)

    def forget(self, gateway: str) -> None:
        """Free the leases of a gateway that is gone; what it spent still counts."""
        self.held.pop(gateway, None)
        self._demand.pop(gateway, None)

    def level(self, now_s: float) -> Level:
        """Return what is left, leased or not."""
        left = max(0, self.limit - self.window.used(now_s))
        window = self.window
        return Level(left, window.next_free_in_s(now_s), window.all_free_in_s(now_s))

    def grant(self, account: Account, gateway: str, gateways: int, now_s: float) -> Grant:
        """Raise the gateway's lease as far as its share and the unleased amount allow."""
        left = self.limit - self.window.used(now_s)
        held = self.held.get(gateway, 0)
        target = self._share(left, gateway, gateways, now_s)
        extra = max(0, min(target - held, left - sum(self.held.values())))
        self.held[gateway] = held + extra
        return Grant(account, self.limit, extra, held + extra, target, self.level(now_s))

    def take(self, amount: int, now_s: float) -> Verdict:
        """Spend without a lease, if anything is left that is not leased."""
        free = self.limit - self.window.used(now_s) - sum(self.held.values())
        admitted = free >= max(1, amount)
        if admitted:
            self.window.add(now_s, amount)
        return Verdict(admitted, self.level(now_s))

    def _share(self, left: int, gateway: str, gateways: int, now_s: float) -> int:
        if left <= 0 or self.limit < LEASED_FROM * gateways:
            return 0
        demand = self.demand(now_s)
        if demand < NO_DEMAND:
            return left // gateways
        mine = self._demand[gateway].now(now_s) if gateway in self._demand else 0.0
        if mine < NO_DEMAND:
            return int(left * IDLE_SHARE / gateways)
        return math.ceil(left * (IDLE_SHARE / gateways + (1 - IDLE_SHARE) * mine / demand))

    def demand(self, now_s: float) -> float:
        """Return the recent demand at all gateways."""
        return sum(demand.now(now_s) for demand in self._demand.values())


class Ledger:
    """The accounts of all gateways."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._epoch = uuid.uuid4().hex
        self._gateways: dict[str, _Gateway] = {}
        self._entries: dict[Account, _Entry] = {}

    @property
    def accounts(self) -> int:
        """Return how many accounts are in memory."""
        return len(self._entries)

    def exchange(self, report: Report) -> Statement:
        """Take a gateway's report; return what it may spend.

        A new gateway is told of all accounts in use, others of those they reported or that changed.
        """
        now_s = self._clock()
        self._forget_the_dead(now_s)
        name = report.gateway
        gateway = self._gateways.setdefault(name, _Gateway(now_s))
        gateway.heard_at_s = now_s
        for line in report.lines:
            self._entry(line).absorb(name, line, now_s)
        reported = {line.account for line in report.lines}
        for account in [a for a, entry in self._entries.items() if self._rests(entry, now_s)]:
            del self._entries[account]
        grants = []
        for account, entry in self._entries.items():
            grant = entry.grant(account, name, len(self._gateways), now_s)
            changed = grant.extra > 0 or grant.held > grant.target
            if changed or account in reported or gateway.told is None:
                grants.append(grant)
        gateway.told = len(self._gateways)
        return Statement(self._epoch, gateway.told, tuple(grants))

    def take(self, gateway: str, line: Line, amount: int) -> Verdict:
        """Take `amount` of an account that is not leased."""
        now_s = self._clock()
        entry = self._entry(line)
        entry.absorb(gateway, line, now_s)
        return entry.take(amount, now_s)

    def leave(self, gateway: str) -> None:
        """Free the leases of a gateway that ends."""
        self._gateways.pop(gateway, None)
        for entry in self._entries.values():
            entry.forget(gateway)

    def _forget_the_dead(self, now_s: float) -> None:
        gateways = self._gateways.items()
        for name in [n for n, g in gateways if now_s - g.heard_at_s > LEDGER_FORGETS_S]:
            self.leave(name)

    def _entry(self, line: Line) -> _Entry:
        entry = self._entries.get(line.account)
        if entry is None:
            known = [(name, g.told) for name, g in self._gateways.items() if g.told is not None]
            held = {name: lease_at_rest(line.limit, told) for name, told in known}
            entry = self._entries[line.account] = _Entry(line.limit, held)
        return entry

    def _rests(self, entry: _Entry, now_s: float) -> bool:
        """Return whether the entry equals that of an account not in use."""
        if entry.window.used(now_s) or entry.demand(now_s) >= NO_DEMAND:
            return False
        count = len(self._gateways)
        at_rest = lease_at_rest(entry.limit, count)
        return all(
            gateway.told == count and entry.held.get(name, 0) == at_rest
            for name, gateway in self._gateways.items()
        )
