"""Which addresses are this machine's alone, and where a service without keys may listen."""

from pathlib import Path
from typing import Any

import pytest

from caption_studio.gateway.exposure import check_exposure, is_loopback
from caption_studio.settings import GatewaySettings

LOOPBACK = ["127.0.0.1", "127.9.9.9", "localhost", "LocalHost", "::1", "[::1]"]
ELSEWHERE = ["0.0.0.0", "::", "[::]", "", "10.0.0.1", "192.0.2.7", "studio.example", "localhost.io"]


@pytest.mark.parametrize("host", LOOPBACK)
def test_on_loopback_no_key_is_needed(host: str) -> None:
    assert is_loopback(host)
    check_exposure(host, GatewaySettings())


@pytest.mark.parametrize("host", ELSEWHERE)
def test_elsewhere_there_are_keys_or_it_is_meant(host: str) -> None:
    assert not is_loopback(host)
    with pytest.raises(ValueError, match=r"without API keys .*\.allow_anonymous: true\.$"):
        check_exposure(host, GatewaySettings())
    guarded: list[dict[str, Any]] = [
        {"allow_anonymous": True},
        {"api_keys": ["a-key-of-16-chars"]},
        {"api_keys_file": Path("keys")},
    ]
    for values in guarded:
        check_exposure(host, GatewaySettings(**values))


def test_admin_keys_guard_no_captions() -> None:
    settings: dict[str, Any] = {"admin_keys": ["a-key-of-16-chars"]}
    with pytest.raises(ValueError, match="without API keys"):
        check_exposure("0.0.0.0", GatewaySettings(**settings))


def test_a_service_that_listens_nowhere_needs_none() -> None:
    check_exposure(None, GatewaySettings())
