"""The `x-ratelimit-…` headers as the OpenAI API writes them."""

import pytest

from caption_studio.gateway.limits.headers import duration, rate_limit_headers
from caption_studio.gateway.limits.leases import Standing


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (-1, "0s"),
        (0.0004, "1ms"),
        (0.02, "20ms"),
        (0.9999, "1s"),
        (1, "1s"),
        (1.5, "1.5s"),
        (59.9, "59.9s"),
        (60, "1m0s"),
        (60.25, "1m0.25s"),
        (360, "6m0s"),
    ],
)
def test_a_time(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_the_three_of_a_kind() -> None:
    standing = Standing(True, 60, 59, 0.0, reset_s=60.0)
    assert rate_limit_headers("tokens", standing) == [
        (b"x-ratelimit-limit-tokens", b"60"),
        (b"x-ratelimit-remaining-tokens", b"59"),
        (b"x-ratelimit-reset-tokens", b"1m0s"),
    ]
