"""How often a key may ask."""

from typing import Any

import httpx
import pytest

from caption_studio.gateway.keys import ApiKey
from caption_studio.gateway.rate_limits import RateLimits
from tests.unit.gateway.test_authentication import ONE, TWO, bearer
from tests.unit.gateway.test_gateway import gateway

pytestmark = pytest.mark.anyio


async def test_each_key_has_its_own_rate() -> None:
    async with gateway(api_keys=[ONE, TWO], requests_per_minute=2) as client:

        async def ask(key: str) -> httpx.Response:
            return await client.get("/v1/models", headers=bearer(key))

        assert [(await ask(ONE)).status_code for _ in range(3)] == [200, 200, 429]
        refused = await ask(ONE)
        assert refused.json()["error"]["code"] == "rate_limit_exceeded"
        assert 1 <= int(refused.headers["retry-after"]) <= 30
        assert (await ask(TWO)).status_code == 200


class Asking:
    """Asks with a key, and counts what was served. Its time stands still unless moved."""

    def __init__(self, requests_per_minute: int | None) -> None:
        self.now_s = 0.0
        self.served = 0
        self._limits = RateLimits(self._app, requests_per_minute, clock=lambda: self.now_s)

    async def ask(self, key: ApiKey | None, times: int) -> int:
        """Return how many of so many requests were served."""
        served = self.served
        for _ in range(times):
            scope = {"type": "http", "caption_studio.key": key, "caption_studio.log": {}}
            await self._limits(scope, self._nothing, self._nothing)  # type: ignore[arg-type]
        return self.served - served

    async def _app(self, scope: Any, receive: Any, send: Any) -> None:
        self.served += 1

    async def _nothing(self, *_: Any) -> None:
        pass


async def test_a_rate_recovers_with_time() -> None:
    asking = Asking(requests_per_minute=60)
    assert await asking.ask(ApiKey(b"k"), times=61) == 60
    asking.now_s = 1.0
    assert await asking.ask(ApiKey(b"k"), times=2) == 1


async def test_a_key_s_own_limit_comes_before_that_of_the_settings() -> None:
    asking = Asking(requests_per_minute=60)
    assert await asking.ask(ApiKey(b"k", requests_per_minute=3), times=9) == 3
    # The line was changed while the service ran.
    assert await asking.ask(ApiKey(b"k", requests_per_minute=5), times=9) == 5


async def test_without_a_limit_or_without_a_key_everything_is_served() -> None:
    assert await Asking(requests_per_minute=None).ask(ApiKey(b"k"), times=9) == 9
    assert await Asking(requests_per_minute=1).ask(None, times=9) == 9
