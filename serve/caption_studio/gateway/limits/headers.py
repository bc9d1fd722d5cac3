"""An account's standing → the `x-ratelimit-…` headers of the OpenAI API.

https://platform.openai.com/docs/guides/rate-limits
"""

import math
from typing import get_args

from caption_studio.gateway.limits.leases import Standing
from caption_studio.gateway.limits.messages import Kind

Headers = list[tuple[bytes, bytes]]

RATE_LIMIT_HEADERS = tuple(
    f"x-ratelimit-{name}-{kind}"
    for kind in get_args(Kind)
    for name in ("limit", "remaining", "reset")
)
"""All their names, for code that must list them in advance."""


def rate_limit_headers(kind: Kind, standing: Standing) -> Headers:
    """Return headers for the limit, what remains of it, and when all of it is free again."""
    values = {
        "limit": str(standing.limit),
        "remaining": str(standing.remaining),
        "reset": duration(standing.reset_s),
    }
    return [(f"x-ratelimit-{n}-{kind}".encode(), value.encode()) for n, value in values.items()]


def duration(seconds: float) -> str:
    """Write a time as the API does: `6m0s`, `1.5s`, `20ms`, `0s`."""
    if seconds <= 0:
        return "0s"
    ms = math.ceil(seconds * 1000)
    if ms < 1000:
        return f"{ms}ms"
    minutes, ms = divmod(ms, 60_000)
    rest = f"{ms / 1000:.3f}".rstrip("0").rstrip(".") + "s"
    return f"{minutes}m{rest}" if minutes else rest
