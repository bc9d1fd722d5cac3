"""The line of refused callers, in HAProxy's configuration language: one for all gateways behind it.

It is what gateway.waiting_line is for one gateway: each refused caller is told to return a little
later than the one before, by the pace that the gateways tell in a header of their answers. A
caller whom a gateway refused joins the same line; it is told the gateway's time if that is later.

Variables of the process need HAProxy to run one thread, as deployments.haproxy has it do.
"""

from caption_studio.errors import MAX_RETRY_AFTER_S
from caption_studio.limits import GUESSED_PACE_S, PACE_HEADER

RETRY_AFTER = "%[var(txn.wait)]"
"""What a refused caller is told, after `on_request`."""

SOON = "%[rand(4),add(1)]"
"""What is told while there is no line: one to four seconds."""

_SECOND_US = 1_000_000


def on_request(is_refused: str) -> str:
    """Return the rules that find a time for each request that HAProxy refuses."""
    return _rules(
        "http-request",
        "set-var(txn.servers) nbsrv",
        f"set-var(proc.pace) int({round(GUESSED_PACE_S * _SECOND_US)})"
        " if !{ var(proc.pace) -m found }",
        f"set-var(txn.refused) bool(true) if {is_refused}",
        *_JOIN,
    )


def on_response() -> str:
    """Return the rules that learn the pace, and find a time for each whom a gateway refused."""
    has_pace = f"{{ res.hdr({PACE_HEADER}) -m found }}"
    waits_longer = "{ var(txn.wait),sub(txn.told) -m int gt 0 }"
    return _rules(
        "http-response",
        f"set-var(proc.pace) res.hdr_val({PACE_HEADER}) if {has_pace}",
        f"set-var(txn.told) res.hdr_val(retry-after) if {has_pace}",
        "set-var(txn.refused) bool(true)"
        f" if {has_pace} {{ res.hdr(retry-after) -m found }} {{ status 429 503 }}",
        *_JOIN,
        f"set-header retry-after {RETRY_AFTER} if {_REFUSED} {waits_longer}",
        f"del-header {PACE_HEADER}",
    )


_REFUSED = "{ var(txn.refused) -m bool }"
_TOO_FAR = f"{{ var(txn.wait) -m int gt {MAX_RETRY_AFTER_S} }}"

_JOIN = (
    f"set-var(txn.step) var(proc.pace),div(txn.servers) if {_REFUSED}",
    f"set-var(txn.now) date(0,us) if {_REFUSED}",
    f"set-var(proc.line) var(txn.now) if {_REFUSED} !{{ var(proc.line) -m found }}"
    f" || {_REFUSED} {{ var(proc.line),sub(txn.now) -m int lt 0 }}",
    f"set-var(proc.line) var(proc.line),add(txn.step) if {_REFUSED}",
    f"set-var(txn.wait) var(proc.line),sub(txn.now),div({_SECOND_US}),add(1) if {_REFUSED}",
    # All places that can be foretold are promised: spread the others, at least.
    f"set-var(proc.line) var(proc.line),sub(txn.step) if {_REFUSED} {_TOO_FAR}",
    f"set-var(txn.wait) rand({MAX_RETRY_AFTER_S // 2}),add({MAX_RETRY_AFTER_S // 2 + 1})"
    f" if {_REFUSED} {_TOO_FAR}",
)


def _rules(kind: str, *rules: str) -> str:
    return "\n".join(f"    {kind} {rule}" for rule in rules)
