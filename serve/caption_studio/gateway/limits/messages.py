"""The messages between gateways and the ledger, and the ledger's protocol.

An *account* is one key's requests, or its tokens. A *lease* is a part of what is left of an
account, which one gateway may spend without asking.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, Protocol

from caption_studio.records import KeyUsage, UsageTotals

LEASED_FROM = 20
"""A limit of at least this many times the number of gateways is leased. A smaller one gives each
gateway too little to lease, so the ledger is asked for each request."""

LEDGER_FORGETS_S = 3.0
"""After this time without a report a gateway counts as dead, and its leases are freed."""

LEASE_VALID_S = 2.5
"""A gateway's leases expire this long after it sent its last successful report: less than
`LEDGER_FORGETS_S`, so that no clocks need to agree."""

Kind = Literal["requests", "tokens"]


class Account(NamedTuple):
    """One kind of amount of one key, by the key's SHA-256 digest."""

    digest: bytes
    kind: Kind


def lease_at_rest(limit: int, gateways: int) -> int:
    """Return what each gateway may spend of an account that nobody has used for a minute.

    It needs no message: both sides compute it, so that a key's first request need not wait.
    """
    return limit // gateways if limit >= LEASED_FROM * gateways else 0


@dataclass(frozen=True, slots=True)
class Line:
    """An account as one gateway sees it.

    `spent` is all it has spent since it started, so that a repeated report counts once; `recent` is
    the part of the last minute, for a ledger that has no earlier report of it. `held` is the
    unspent lease. `asked` counts requests since the last report, those refused too.
    """

    account: Account
    limit: int
    spent: int
    recent: int
    held: int
    asked: int


@dataclass(frozen=True, slots=True)
class Report:
    """The changes at a gateway since its last report. `usage` is counted from its start, by key."""

    gateway: str
    lines: tuple[Line, ...] = ()
    usage: Mapping[str, KeyUsage] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Level:
    """An account over all gateways: the amount left, and when the next and all of it is free."""

    left: int
    next_free_in_s: float
    all_free_in_s: float


@dataclass(frozen=True, slots=True)
class Grant:
    """The change to a gateway's lease of one account.

    `extra` is added. `held` is the lease as the ledger knows it, with `extra`. Any amount above
    `target` must be returned.
    """

    account: Account
    limit: int
    extra: int
    held: int
    target: int
    level: Level


@dataclass(frozen=True, slots=True)
class Statement:
    """The ledger's answer to a report. `epoch` changes when the ledger has lost its memory."""

    epoch: str
    gateways: int
    grants: tuple[Grant, ...]


@dataclass(frozen=True, slots=True)
class Verdict:
    """The ledger's answer on one request of an account that is not leased."""

    admitted: bool
    level: Level


class CentralLedger(Protocol):
    """The one ledger of all gateways. Every call raises `NotReady` if it cannot be reached."""

    async def exchange(self, report: Report) -> Statement:
        """Take a gateway's report; return what it may spend."""
        ...

    async def take(self, gateway: str, line: Line, amount: int) -> Verdict:
        """Take `amount` of an account if anything is left of it."""
        ...

    async def leave(self, gateway: str) -> None:
        """Free the leases of a gateway that ends."""
        ...

    async def usage(self) -> UsageTotals:
        """Return what each key has used, over all gateways."""
        ...
