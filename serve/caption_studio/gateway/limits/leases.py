"""One gateway's leases: the part of each account that it may spend without asking.

A request reserves an amount, and settles when its cost is known: the request itself at once, tokens
at the end of the answer. Reports and statements (messages) are exchanged in the background; while
the ledger cannot be reached, each gateway spends an even part of each limit.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from caption_studio.gateway.limits.messages import (
    LEASE_VALID_S,
    LEASED_FROM,
    Account,
    Grant,
    Level,
    Line,
    Statement,
    Verdict,
    lease_at_rest,
)
from caption_studio.gateway.limits.window import WINDOW_S, SlidingWindow

SOON_S = 1.0
"""Retry-After if something is left, but only in other gateways' leases."""


@dataclass(frozen=True, slots=True)
class Standing:
    """The state of an account after a request: over all gateways, as far as known here."""

    admitted: bool
    limit: int
    remaining: int
    retry_after_s: float
    reset_s: float


@dataclass(slots=True)
class _Lease:
    limit: int
    held: int
    left: int
    """Left over all gateways: as of the last statement, less the amount spent here since."""
    reserved: int = 0
    spent: int = 0
    asked: int = 0
    next_free_at_s: float = 0.0
    all_free_at_s: float = 0.0
    window: SlidingWindow = field(default_factory=SlidingWindow)

    def learn(self, level: Level, now_s: float) -> None:
        self.left = level.left
        self.next_free_at_s = now_s + level.next_free_in_s
        self.all_free_at_s = now_s + level.all_free_in_s

    def standing(self, now_s: float, *, admitted: bool) -> Standing:
        retry_s = self.next_free_at_s - now_s if self.left <= 0 else SOON_S
        if admitted:
            remaining = max(0, self.left - self.reserved)
            return Standing(True, self.limit, remaining, max(retry_s, 0.0), WINDOW_S)
        reset_s = max(self.all_free_at_s - now_s, self.window.all_free_in_s(now_s))
        return Standing(False, self.limit, 0, max(retry_s, 0.0), max(reset_s, 0.0))


class Leases:
    """The leases of all accounts that were asked for here. `clock` gives seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._leases: dict[Account, _Lease] = {}
        self._changed: set[Account] = set()
        self._gateways = 1
        self._epoch: str | None = None
        self._valid_until_s: float | None = None

    @property
    def are_valid(self) -> bool:
        """Whether the ledger was reached lately."""
        return self._valid_until_s is not None and self._clock() < self._valid_until_s

    @property
    def epoch(self) -> str | None:
        """Return the ledger's epoch, None before its first statement."""
        return self._epoch

    @property
    def are_to_report(self) -> bool:
        """Whether anything has changed since the last report."""
        return bool(self._changed)

    def invalidate(self) -> None:
        """Stop spending leases, because the ledger was not reached."""
        self._valid_until_s = None

    def are_leased(self, limit: int) -> bool:
        """Return whether a limit is large enough for leases."""
        return limit >= LEASED_FROM * self._gateways

    def reserve(self, account: Account, limit: int, amount: int) -> Standing:
        """Reserve `amount` if anything is left here, even less than that, which leaves a debt."""
        now_s = self._clock()
        lease = self._lease(account, limit)
        lease.asked += 1
        self._changed.add(account)
        if self.are_valid:
            available = lease.held - lease.reserved
        else:
            part = max(1, limit // self._gateways)
            lease.left = available = part - lease.window.used(now_s) - lease.reserved
            lease.next_free_at_s = now_s + lease.window.next_free_in_s(now_s)
        if available > 0:
            lease.reserved += amount
        return lease.standing(now_s, admitted=available > 0)

    def settle(self, account: Account, limit: int, *, reserved: int, spent: int) -> None:
        """Replace the reserved amount by the amount really spent."""
        lease = self._lease(account, limit)
        lease.reserved -= reserved
        lease.held -= spent
        lease.left -= spent
        lease.spent += spent
        lease.window.add(self._clock(), spent)
        self._changed.add(account)

    def note(self, account: Account, limit: int, verdict: Verdict, amount: int) -> Standing:
        """Record the ledger's verdict on a request that asked it for `amount`."""
        now_s = self._clock()
        lease = self._lease(account, limit)
        if verdict.admitted:
            lease.window.add(now_s, amount)
        lease.learn(verdict.level, now_s)
        return lease.standing(now_s, admitted=verdict.admitted)

    def line(self, account: Account, limit: int) -> Line:
        """Return the account's line for a report."""
        lease = self._lease(account, limit)
        used = lease.window.used(self._clock())
        asked, lease.asked = lease.asked, 0
        # The amount spent beyond the lease is passed to the ledger by `spent`.
        lease.held = max(lease.held, 0)
        return Line(account, lease.limit, lease.spent, used, lease.held, asked)

    def lines(self) -> tuple[Line, ...]:
        """Return a line for each account that has changed since the last call."""
        if not self.are_valid:
            for account, lease in self._leases.items():
                lease.held = 0
                self._changed.add(account)
        changed, self._changed = self._changed, set()
        return tuple(self.line(account, self._leases[account].limit) for account in changed)

    def not_reported(self, lines: tuple[Line, ...]) -> None:
        """Have these accounts reported again: the ledger was not reached."""
        self._changed.update(line.account for line in lines)

    def apply(self, statement: Statement, sent_at_s: float) -> None:
        """Apply the ledger's answer to the report sent at `sent_at_s`."""
        if statement.epoch != self._epoch:
            self._epoch = statement.epoch
            self._changed.update(self._leases)
        self._forget_the_idle()
        self._gateways = statement.gateways
        self._valid_until_s = sent_at_s + LEASE_VALID_S
        for grant in statement.grants:
            self._apply(grant)

    def _apply(self, grant: Grant) -> None:
        lease = self._leases.get(grant.account)
        if lease is None:
            lease = _Lease(grant.limit, grant.held, grant.level.left)
            self._leases[grant.account] = lease
        else:
            lease.held += grant.extra
        lease.learn(grant.level, self._clock())
        if lease.held > grant.target:
            lease.held = max(grant.target, min(lease.held, lease.reserved))
            self._changed.add(grant.account)

    def _lease(self, account: Account, limit: int) -> _Lease:
        lease = self._leases.get(account)
        if lease is None:
            held = lease_at_rest(limit, self._gateways) if self.are_valid else 0
            lease = self._leases[account] = _Lease(limit, held, left=limit)
        if lease.limit != limit:
            lease.limit, lease.held = limit, min(lease.held, limit)
            self._changed.add(account)
        return lease

    def _forget_the_idle(self) -> None:
        """Forget leases that equal those of an account never used here."""
        now_s = self._clock()
        idle = [
            account
            for account, lease in self._leases.items()
            if account not in self._changed
            and not lease.reserved
            and lease.held == lease_at_rest(lease.limit, self._gateways)
            and not lease.window.used(now_s)
        ]
        for account in idle:
            del self._leases[account]
