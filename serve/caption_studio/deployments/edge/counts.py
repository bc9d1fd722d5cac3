"""Rules by which HAProxy counts its own answers by status; admin_socket reads the counts.

Its built-in counters know only classes of status, and include the gateways' answers.
"""

OWN_STATUSES = (429, 502, 503, 504)
"""The statuses of HAProxy's own answers, given when no gateway can answer."""


def variable(status: int) -> str:
    """Return the name of the variable of HAProxy's process that counts this status."""
    return f"proc.own_{status}"


def in_global() -> str:
    """Return the lines that set the counts to 0 when HAProxy starts."""
    return "\n".join(f"    set-var {variable(status)} int(0)" for status in OWN_STATUSES)


def in_front() -> str:
    """Return the lines that count, for the part that clients reach.

    `http-response` rules see only a gateway's answers, `http-after-response` rules see all.
    """
    counted = (
        f"    http-after-response set-var({variable(status)}) {_one_more(status)}"
        f" if {{ status {status} }} !{{ var(txn.answered) -m found }}"
        for status in OWN_STATUSES
    )
    return "\n".join(["    http-response set-var(txn.answered) bool(true)", *counted])


def _one_more(status: int) -> str:
    return f"var({variable(status)}),add(1)"
