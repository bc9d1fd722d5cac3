"""Key → whether a request may be served; and the usage of each key.

Requests are admitted from this gateway's leases; a background task reports to the ledger. Only
limits too small for leases need a call to the ledger during the request, for no longer than
`TAKE_TIMEOUT_S`. While the ledger cannot be reached, this gateway spends an even part of each
limit, and a warning and a metric report it.

Tokens are known only when an answer is written. Until then a request reserves the mean of the key's
recent answers. If it takes more, later requests wait for this debt. So a key may exceed its tokens
by those of its requests in flight.
"""

import asyncio
import logging
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from caption_studio.errors import NotReady
from caption_studio.gateway.keys import ApiKey
from caption_studio.gateway.limits.headers import Headers, rate_limit_headers
from caption_studio.gateway.limits.leases import Leases, Standing
from caption_studio.gateway.limits.messages import Account, CentralLedger, Kind, Report
from caption_studio.observability.metrics import Metrics
from caption_studio.records import KeyUsage, UsageTotals

logger = logging.getLogger(__name__)

REPORT_S = 0.5
"""Interval between reports of an idle gateway: its usage, and a sign of life."""

BUSY_REPORT_S = 0.1
"""Interval between reports of a gateway with requests."""

TAKE_TIMEOUT_S = 0.25
REPORT_TIMEOUT_S = 1.0
START_TIMEOUT_S = 20.0
"""The first report starts the ledger where it does not run yet."""

FIRST_TOKENS = 64
"""Reserved before a key's first answer: a caption's prompt and text are some 50 tokens."""

LEARNED = 0.2
"""Weight of an answer's tokens in the next request's reservation."""


@dataclass(frozen=True, slots=True)
class KeyLimits:
    """A key's limits per minute; None: no limit of this kind."""

    requests: int | None
    tokens: int | None

    @classmethod
    def of(cls, key: ApiKey, default: "KeyLimits") -> "KeyLimits":
        """Return the key's own limits, and the default ones where it has none."""
        return cls(
            key.requests_per_minute or default.requests, key.tokens_per_minute or default.tokens
        )


@dataclass(slots=True)
class Ticket:
    """An admitted or refused request: its headers, and the tokens it has reserved.

    `token_limit` is None if no tokens need to be settled.
    """

    key: ApiKey
    headers: Headers = field(default_factory=list)
    refused_by: tuple[Kind, Standing] | None = None
    token_limit: int | None = None
    reserved_tokens: int = 0


class Limiter:
    """Limits and usage of all keys at this gateway. Between `start` and `close`."""

    def __init__(
        self,
        ledger: CentralLedger,
        default: KeyLimits,
        metrics: Metrics,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ledger = ledger
        self._default = default
        self._metrics = metrics
        self._clock = clock
        self._gateway = uuid.uuid4().hex
        self._leases = Leases(clock)
        self._usage: dict[str, KeyUsage] = {}
        self._used: set[str] = set()  # keys whose usage is to be reported
        self._mean_tokens: dict[bytes, float] = {}
        self._asked = asyncio.Event()
        self._one_report = asyncio.Lock()
        self._reporting: asyncio.Task[None] | None = None
        self._is_lost = False

    async def start(self) -> None:
        """Send the first report, and go on reporting."""
        await self._report(START_TIMEOUT_S)
        self._reporting = asyncio.create_task(self._keep_reporting())

    async def close(self) -> None:
        """Send the last report and free the leases."""
        if self._reporting is not None:
            self._reporting.cancel()
            with suppress(asyncio.CancelledError):
                await self._reporting
        await self._report()
        with suppress(NotReady, TimeoutError):
            async with asyncio.timeout(REPORT_TIMEOUT_S):
                await self._ledger.leave(self._gateway)

    async def admit(self, key: ApiKey, *, generates: bool) -> Ticket:
        """Reserve for one request; `generates`: it may take tokens, too."""
        limits = KeyLimits.of(key, self._default)
        ticket = Ticket(key)
        if generates and limits.tokens is not None:
            ticket.reserved_tokens = round(self._mean_tokens.get(key.digest, FIRST_TOKENS))
            if await self._reserve(ticket, "tokens", limits.tokens, ticket.reserved_tokens):
                ticket.token_limit = limits.tokens
        if limits.requests is not None and ticket.refused_by is None:
            try:
                await self._reserve(ticket, "requests", limits.requests, 1)
            except asyncio.CancelledError:
                self._settle_tokens(ticket, 0)
                raise
        return ticket

    def settle(self, ticket: Ticket, usage: KeyUsage) -> None:
        """Record the request's usage, whether it was admitted or not."""
        label = ticket.key.name or ticket.key.fingerprint
        self._usage[label] = self._usage.get(label, KeyUsage()) + usage
        self._used.add(label)
        self._metrics.keys.used(label, usage)
        self._settle_tokens(ticket, usage.prompt_tokens + usage.completion_tokens)

    async def usage(self) -> UsageTotals:
        """Return what each key has used at all gateways. Raises `NotReady`."""
        await self._report()
        return await self._ledger.usage()

    def _settle_tokens(self, ticket: Ticket, tokens: int) -> None:
        if ticket.token_limit is None:
            return
        digest, reserved = ticket.key.digest, ticket.reserved_tokens
        account = Account(digest, "tokens")
        self._leases.settle(account, ticket.token_limit, reserved=reserved, spent=tokens)
        self._asked.set()
        if tokens:
            mean = self._mean_tokens.get(digest, float(tokens))
            self._mean_tokens[digest] = mean + LEARNED * (tokens - mean)

    async def _reserve(self, ticket: Ticket, kind: Kind, limit: int, amount: int) -> bool:
        """Reserve `amount`, though less may be left; return whether the request is admitted."""
        account = Account(ticket.key.digest, kind)
        standing = await self._ask(account, limit) if self._is_shared(limit) else None
        if standing is None:
            standing = self._leases.reserve(account, limit, amount)
            self._asked.set()
            if standing.admitted and kind == "requests":
                self._leases.settle(account, limit, reserved=amount, spent=amount)
        elif kind == "tokens":
            ticket.reserved_tokens = 0
        ticket.headers += rate_limit_headers(kind, standing)
        if not standing.admitted:
            ticket.refused_by = kind, standing
        return standing.admitted

    def _is_shared(self, limit: int) -> bool:
        return self._leases.are_valid and not self._leases.are_leased(limit)

    async def _ask(self, account: Account, limit: int) -> Standing | None:
        """Ask the ledger for a single request; None: it cannot be reached."""
        amount = 1 if account.kind == "requests" else 0
        line = self._leases.line(account, limit)
        try:
            async with asyncio.timeout(TAKE_TIMEOUT_S):
                verdict = await self._ledger.take(self._gateway, line, amount)
        except (NotReady, TimeoutError):
            self._lose_ledger()
            return None
        return self._leases.note(account, limit, verdict, amount)

    async def _keep_reporting(self) -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(REPORT_S):
                    await self._asked.wait()
            self._asked.clear()
            await self._report()
            if self._leases.are_to_report:
                self._asked.set()
            await asyncio.sleep(BUSY_REPORT_S)

    async def _report(self, timeout_s: float = REPORT_TIMEOUT_S) -> None:
        async with self._one_report:
            sent_at_s = self._clock()
            lines = self._leases.lines()
            used, self._used = self._used, set()
            report = Report(self._gateway, lines, {label: self._usage[label] for label in used})
            try:
                async with asyncio.timeout(timeout_s):
                    statement = await self._ledger.exchange(report)
            except (NotReady, TimeoutError):
                self._leases.not_reported(lines)
                self._used |= used
                self._lose_ledger()
                return
            if statement.epoch != self._leases.epoch:
                self._used |= self._usage.keys()  # it may have missed some
            self._leases.apply(statement, sent_at_s)
            self._metrics.keys.ledger_reached(True)
            self._is_lost = False

    def _lose_ledger(self) -> None:
        self._leases.invalidate()
        self._metrics.keys.ledger_reached(False)
        if not self._is_lost:
            logger.warning("the ledger of limits is away: each gateway spends an even part")
        self._is_lost = True
