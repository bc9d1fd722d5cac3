"""The rules by which HAProxy refuses requests and sets Retry-After, for all its gateways.

It refuses by the rule of gateway.places, with the numbers that gateways report in headers of their
answers. A refusal costs a gateway a millisecond or two; in a flood this would slow its answers.
HAProxy cannot know which keys are valid, so it counts by the key that a request brings.

Retry-After: each refused client is told to return a little later than the one before, as
gateway.waiting_line does for one gateway. A client refused by a gateway joins the same line; it is
told the gateway's time if that is later.

Process variables need a HAProxy with one thread, which deployments.edge.haproxy sets.
"""

from caption_studio.errors import MAX_RETRY_AFTER_S
from caption_studio.limits import (
    GUESSED_PACE_S,
    MAX_IN_FLIGHT,
    PACE_HEADER,
    ROOM_HEADER,
    SHARE_HEADER,
)

RETRY_AFTER = "%[var(txn.wait)]"
"""Retry-After of a refused request; valid after `on_request`."""

SOON = "%[rand(4),add(1)]"
"""Retry-After while there is no line: one to four seconds."""

IS_REFUSED = "{ var(txn.refused) -m bool }"
"""Condition after `on_request`; after `on_response` it also holds if a gateway refused."""

FLOOD = MAX_IN_FLIGHT + 128
"""Concurrent requests per gateway above which every further one is refused, whatever its key."""

ABOUT_TO_END = 8
"""Requests let through beyond the room, as some may just have been answered."""

OWNERS = 10_000
"""Number of keys counted separately."""

_IS_FLOODED = "METH_POST { nbsrv gt 0 } { be_conn,sub(txn.most) gt 0 }"
_IS_FULL = "METH_POST { nbsrv gt 0 } { sc_conn_cur(1),sub(txn.room) gt 0 }"
"""Counts requests that need a place: only POST, and with a small body only once it has arrived."""

_HAS_LITTLE = "{ sc_conn_cur(0),sub(txn.share) le 0 }"
"""False for a request without a key: all such requests count as one owner's."""

_SECOND_US = 1_000_000
_KEY = "req.hdr(authorization)"


def on_request() -> str:
    """Return the rules that choose the requests to refuse and compute their Retry-After."""
    return f"    stick-table type binary len 32 size {OWNERS} expire 1m store conn_cur\n" + _rules(
        "http-request",
        f"track-sc0 {_KEY},sha2(256) if METH_POST {{ {_KEY} -m found }}",
        "track-sc1 str(all),sha2(256) if METH_POST",
        "set-var(txn.servers) nbsrv",
        f"set-var(txn.most) nbsrv,mul({FLOOD})",
        f"set-var(proc.room) int({MAX_IN_FLIGHT}) if !{{ var(proc.room) -m found }}",
        f"set-var(txn.room) nbsrv,mul(proc.room),add({ABOUT_TO_END})",
        "set-var(txn.share) nbsrv,mul(proc.share)",
        f"set-var(proc.pace) int({round(GUESSED_PACE_S * _SECOND_US)})"
        " if !{ var(proc.pace) -m found }",
        f"set-var(txn.refused) bool(true) if {_IS_FLOODED} || {_IS_FULL} !{_HAS_LITTLE}",
        *_JOIN,
    )


def on_response() -> str:
    """Return the rules that learn the pace and compute Retry-After for a gateway's refusals."""
    has_pace = f"{{ res.hdr({PACE_HEADER}) -m found }}"
    waits_longer = "{ var(txn.wait),sub(txn.told) -m int gt 0 }"
    return _rules(
        "http-response",
        f"set-var(proc.pace) res.hdr_val({PACE_HEADER}) if {has_pace}",
        f"set-var(proc.room) res.hdr_val({ROOM_HEADER}) if {has_pace}",
        f"set-var(proc.share) res.hdr_val({SHARE_HEADER}) if {has_pace}",
        f"set-var(txn.told) res.hdr_val(retry-after) if {has_pace}",
        "set-var(txn.refused) bool(true)"
        f" if {has_pace} {{ res.hdr(retry-after) -m found }} {{ status 429 503 }}",
        *_JOIN,
        f"set-header retry-after {RETRY_AFTER} if {IS_REFUSED} {waits_longer}",
        *(f"del-header {name}" for name in (PACE_HEADER, ROOM_HEADER, SHARE_HEADER)),
    )


_TOO_FAR = f"{{ var(txn.wait) -m int gt {MAX_RETRY_AFTER_S} }}"

_JOIN = (
    f"set-var(txn.step) var(proc.pace),div(txn.servers) if {IS_REFUSED}",
    f"set-var(txn.now) date(0,us) if {IS_REFUSED}",
    f"set-var(proc.line) var(txn.now) if {IS_REFUSED} !{{ var(proc.line) -m found }}"
    f" || {IS_REFUSED} {{ var(proc.line),sub(txn.now) -m int lt 0 }}",
    f"set-var(proc.line) var(proc.line),add(txn.step) if {IS_REFUSED}",
    f"set-var(txn.wait) var(proc.line),sub(txn.now),div({_SECOND_US}),add(1) if {IS_REFUSED}",
    # The line is longer than Retry-After may be: spread the others at random.
    f"set-var(proc.line) var(proc.line),sub(txn.step) if {IS_REFUSED} {_TOO_FAR}",
    f"set-var(txn.wait) rand({MAX_RETRY_AFTER_S // 2}),add({MAX_RETRY_AFTER_S // 2 + 1})"
    f" if {IS_REFUSED} {_TOO_FAR}",
)


def _rules(kind: str, *rules: str) -> str:
    return "\n".join(f"    {kind} {rule}" for rule in rules)
