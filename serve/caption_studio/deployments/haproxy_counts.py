"""How HAProxy counts the answers that it gives itself, by status; haproxy_socket reads them.

It counts by itself only classes of status, a gateway's answers among them.
"""

OWN_STATUSES = (429, 502, 503, 504)
"""What HAProxy answers where no gateway can."""


def variable(status: int) -> str:
    """Return the name of the variable of HAProxy's process that counts this status."""
    return f"proc.own_{status}"


def in_global() -> str:
    """Return the lines that set the counts to 0 when HAProxy starts."""
    return "\n".join(f"    set-var {variable(status)} int(0)" for status in OWN_STATUSES)


def in_front() -> str:
    """Return the lines that count, for the part that clients reach.

    An `http-response` rule sees only what a gateway answered, `http-after-response` all.
    """
    counted = (
        f"    http-after-response set-var({variable(status)}) {_one_more(status)}"
        f" if {{ status {status} }} !{{ var(txn.answered) -m found }}"
        for status in OWN_STATUSES
    )
    return "\n".join(["    http-response set-var(txn.answered) bool(true)", *counted])


def _one_more(status: int) -> str:
    return f"var({variable(status)}),add(1)"
