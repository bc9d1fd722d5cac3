"""Limits and usage of keys, through the gateway's app and its limiter."""

import asyncio
import json
import logging
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client import generate_latest

from caption_studio.errors import NotReady
from caption_studio.gateway.keys import ApiKey
from caption_studio.gateway.limits.central import LocalLedger
from caption_studio.gateway.limits.limiter import KeyLimits, Limiter, Ticket
from caption_studio.gateway.limits.messages import Line, Report, Statement, Verdict
from caption_studio.observability.metrics import Metrics
from caption_studio.records import KeyUsage, UsageTotals
from tests.fakes import FakeCaptioner
from tests.unit.gateway.test_authentication import ONE, TWO, bearer
from tests.unit.gateway.test_gateway import CHAT, CHAT_PATH, gateway

pytestmark = pytest.mark.anyio

BOSS = "the-key-of-the-boss-1"
KEY = ApiKey(b"k" * 32, name="bakery")


class Lost:
    """A ledger that cannot be reached."""

    calls = 0

    async def exchange(self, report: Report) -> Statement:
        raise NotReady("away")

    async def take(self, gateway: str, line: Line, amount: int) -> Verdict:
        self.calls += 1
        raise NotReady("away")

    async def leave(self, gateway: str) -> None:
        raise NotReady("away")

    async def usage(self) -> UsageTotals:
        raise NotReady("away")


class Time:
    now_s = 500.0

    def __call__(self) -> float:
        return self.now_s


async def admitted(limiter: Limiter, times: int, key: ApiKey = KEY) -> int:
    count = 0
    for _ in range(times):
        ticket = await limiter.admit(key, generates=True)
        count += ticket.refused_by is None
        limiter.settle(ticket, KeyUsage())
    return count


@pytest.mark.parametrize("ledger", [LocalLedger(), Lost()])
async def test_each_key_has_its_own_rate(ledger: Any) -> None:
    async with gateway(api_keys=[ONE, TWO], requests_per_minute=2, ledger=ledger) as client:

        async def ask(key: str) -> httpx.Response:
            return await client.get("/v1/models", headers=bearer(key))

        assert [(await ask(ONE)).status_code for _ in range(3)] == [200, 200, 429]
        refused = await ask(ONE)
        assert refused.json()["error"]["code"] == "rate_limit_exceeded"
        assert 1 <= int(refused.headers["retry-after"]) <= 60
        assert (await ask(TWO)).status_code == 200


async def test_headers_say_how_a_limited_key_stands() -> None:
    async with gateway(api_keys=[ONE], requests_per_minute=3, tokens_per_minute=1000) as client:

        async def ask(**body: Any) -> httpx.Response:
            return await client.post(CHAT_PATH, json={**CHAT, **body}, headers=bearer(ONE))

        answers = [await ask(), await ask(stream=True), await ask(messages=[]), await ask()]
    assert [answer.status_code for answer in answers] == [200, 200, 400, 429]
    for number, answer in enumerate(answers):
        assert answer.headers["x-ratelimit-limit-requests"] == "3"
        assert answer.headers["x-ratelimit-remaining-requests"] == str(max(0, 2 - number))
        assert answer.headers["x-ratelimit-limit-tokens"] == "1000"
        assert 800 < int(answer.headers["x-ratelimit-remaining-tokens"]) < 1000
        assert answer.headers["x-ratelimit-reset-tokens"].endswith("s")
    assert answers[0].headers["x-ratelimit-reset-requests"] == "1m0s"


async def test_a_failure_has_the_headers_too() -> None:
    class Broken(FakeCaptioner):
        async def generate(self, prompt: Any, *, stream: bool) -> Any:
            raise RuntimeError
            yield

    async with gateway(Broken(), api_keys=[ONE], requests_per_minute=3) as client:
        answer = await client.post(CHAT_PATH, json=CHAT, headers=bearer(ONE))
    assert answer.status_code == 500
    assert answer.headers["x-ratelimit-remaining-requests"] == "2"


async def test_without_limits_there_are_no_such_headers() -> None:
    async with gateway(api_keys=[ONE]) as client:
        answer = await client.post(CHAT_PATH, json=CHAT, headers=bearer(ONE))
    assert not [name for name in answer.headers if name.startswith("x-ratelimit")]


async def test_tokens_have_a_limit_of_their_own() -> None:
    async with gateway(api_keys=[ONE], tokens_per_minute=20) as client:
        statuses = []
        for _ in range(5):
            answer = await client.post(CHAT_PATH, json=CHAT, headers=bearer(ONE))
            statuses.append(answer.status_code)
        assert statuses == [200, 200, 200, 429, 429]  # 9 tokens each
        assert answer.json()["error"]["code"] == "rate_limit_exceeded"
        assert "20 tokens per minute" in answer.json()["error"]["message"]
        assert answer.headers["x-ratelimit-remaining-tokens"] == "0"
        # What takes no tokens is not refused for their sake.
        assert (await client.get("/v1/models", headers=bearer(ONE))).status_code == 200


async def test_a_key_s_own_limits_come_before_those_of_the_settings(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    path.write_text(f"{ONE} name=bakery requests_per_minute=3\n{TWO}\n")
    async with gateway(api_keys_file=path, requests_per_minute=1) as client:

        async def served(key: str) -> int:
            answers = [await client.get("/v1/models", headers=bearer(key)) for _ in range(5)]
            return sum(answer.status_code == 200 for answer in answers)

        assert (await served(ONE), await served(TWO)) == (3, 1)


async def test_usage_is_told_to_administrators(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    path.write_text(f"{ONE} name=bakery requests_per_minute=3\n{TWO}\n")
    async with gateway(api_keys_file=path, admin_keys=[BOSS]) as client:
        for body in (CHAT, {**CHAT, "stream": True}, {"messages": []}, CHAT):
            await client.post(CHAT_PATH, json=body, headers=bearer(ONE))
        await client.get("/v1/models", headers=bearer(TWO))
        assert (await client.get("/v1/admin/usage", headers=bearer(ONE))).status_code == 401
        told = (await client.get("/v1/admin/usage", headers=bearer(BOSS))).json()
        exported = (await client.get("/metrics", headers=bearer(TWO))).text
    assert told["object"] == "list"
    assert told["since"] > 0
    by_key = {card["key"]: card for card in told["data"]}
    fingerprint = next(iter(by_key.keys() - {"bakery"}))
    assert len(fingerprint) == 8
    assert by_key["bakery"] == {
        "object": "key.usage",
        "key": "bakery",
        "requests": 3,
        "refused": 1,
        "pictures": 2,
        "prompt_tokens": 14,
        "completion_tokens": 4,
    }
    assert by_key[fingerprint]["requests"] == 1
    assert 'caption_studio_key_requests_total{key="bakery",result="served"} 3.0' in exported
    assert 'caption_studio_key_requests_total{key="bakery",result="refused"} 1.0' in exported
    assert 'caption_studio_key_pictures_total{key="bakery"} 2.0' in exported
    assert 'caption_studio_key_tokens_total{key="bakery",kind="completion"} 4.0' in exported


async def test_usage_that_cannot_be_read_is_not_ready() -> None:
    async with gateway(api_keys=[ONE], admin_keys=[BOSS], ledger=Lost()) as client:
        answer = await client.get("/v1/admin/usage", headers=bearer(BOSS))
    assert answer.status_code == 503
    assert answer.json()["error"]["code"] == "not_ready"


async def test_the_access_line_is_the_audit_of_a_refused_request_too(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.getLogger("caption_studio"), "propagate", True)
    path = tmp_path / "keys"
    path.write_text(f"{ONE} name=bakery requests_per_minute=1\n")
    with caplog.at_level(logging.INFO, logger="caption_studio.access"):
        async with gateway(api_keys_file=path) as client:
            for _ in range(2):
                await client.post(CHAT_PATH, json=CHAT, headers=bearer(ONE))
    served, refused = [vars(r) for r in caplog.records if r.name == "caption_studio.access"]
    fields = ("key_name", "status", "images", "prompt_tokens", "completion_tokens")
    assert [served[name] for name in fields] == ["bakery", 200, 1, 7, 2]
    assert [refused[name] for name in fields] == ["bakery", 429, 0, 0, 0]
    assert refused["error_code"] == "rate_limit_exceeded"
    assert served["key"] == refused["key"]
    assert ONE not in json.dumps([served, refused], default=str)


async def test_a_stream_that_is_left_counts_what_it_has_generated() -> None:
    limiter = Limiter(LocalLedger(), KeyLimits(None, 1000), Metrics())
    ticket = await limiter.admit(KEY, generates=True)
    limiter.settle(ticket, KeyUsage(requests=1, prompt_tokens=7, completion_tokens=3))
    assert (await limiter.usage()).keys["bakery"].completion_tokens == 3


async def test_a_request_for_a_leased_limit_asks_nobody() -> None:
    class Watched(LocalLedger):
        async def take(self, gateway: str, line: Line, amount: int) -> Verdict:
            raise AssertionError("on the request's way")

    limiter = Limiter(Watched(), KeyLimits(20, None), Metrics())
    await limiter.start()
    assert await admitted(limiter, 21) == 20
    await limiter.close()


async def test_a_small_limit_is_shared_by_asking() -> None:
    ledger = LocalLedger()
    one, other = (Limiter(ledger, KeyLimits(10, None), Metrics()) for _ in range(2))
    await one.start()
    await other.start()
    assert await admitted(one, 7) + await admitted(other, 7) == 10
    await one.close()
    await other.close()


async def test_two_limiters_share_a_limit() -> None:
    ledger = LocalLedger()
    one, other = (Limiter(ledger, KeyLimits(100, None), Metrics()) for _ in range(2))
    await one.start()
    await other.start()
    await one.usage()  # which reports: both know of each other now
    assert await admitted(one, 70) + await admitted(other, 70) == 100
    await one.close()
    await other.close()


async def test_while_the_ledger_is_away_each_has_its_part_and_it_is_told(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.getLogger("caption_studio"), "propagate", True)
    metrics, lost = Metrics(), Lost()
    limiter = Limiter(lost, KeyLimits(10, None), metrics)
    await limiter.start()
    assert await admitted(limiter, 20) == 10
    assert lost.calls == 0  # it is known to be away: nobody waits for it
    await limiter.close()
    assert b"caption_studio_limits_shared 0.0" in generate_latest(metrics.registry)
    assert [r.message for r in caplog.records if "ledger" in r.message]


async def test_a_ledger_that_hangs_holds_a_request_up_once_and_briefly() -> None:
    class Hanging(LocalLedger):
        calls = 0

        async def take(self, gateway: str, line: Line, amount: int) -> Verdict:
            self.calls += 1
            await asyncio.sleep(3600)
            raise AssertionError

    ledger = Hanging()
    limiter = Limiter(ledger, KeyLimits(10, None), Metrics())
    await limiter._report()
    async with asyncio.timeout(5):
        assert await admitted(limiter, 20) == 10
    assert ledger.calls == 1


async def test_what_passes_without_a_minutes_end_returns_with_time() -> None:
    clock = Time()
    limiter = Limiter(LocalLedger(clock), KeyLimits(40, None), Metrics(), clock)
    assert await admitted(limiter, 50) == 40
    await limiter._report()
    clock.now_s += 59.0
    await limiter._report()
    assert await admitted(limiter, 50) == 0
    clock.now_s += 2.0
    await limiter._report()
    assert await admitted(limiter, 50) == 40


async def test_a_request_that_is_given_up_while_it_asks_frees_its_tokens() -> None:
    class Hanging(LocalLedger):
        async def take(self, gateway: str, line: Line, amount: int) -> Verdict:
            await asyncio.sleep(3600)
            raise AssertionError

    limiter = Limiter(Hanging(), KeyLimits(1, 1000), Metrics())
    await limiter._report()
    asking = asyncio.create_task(limiter.admit(KEY, generates=True))
    await asyncio.sleep(0)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    ticket = await limiter.admit(ApiKey(KEY.digest, requests_per_minute=100), generates=True)
    assert dict(ticket.headers)[b"x-ratelimit-remaining-tokens"] == b"936"  # 64 of its own


async def test_a_request_that_is_refused_for_its_key_takes_no_tokens() -> None:
    clock = Time()
    limiter = Limiter(LocalLedger(clock), KeyLimits(1, 1000), Metrics(), clock)

    async def ask() -> Ticket:
        ticket = await limiter.admit(KEY, generates=True)
        limiter.settle(ticket, KeyUsage())
        return ticket

    await ask()
    refused = await ask()
    assert refused.refused_by is not None
    assert refused.refused_by[0] == "requests"
    await limiter._report()
    later = await ask()
    assert dict(later.headers)[b"x-ratelimit-remaining-tokens"] == b"936"  # 64 of its own
