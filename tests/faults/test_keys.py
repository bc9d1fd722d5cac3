"""Limits and usage of a key are the service's: they outlive a gateway, and the ledger itself."""

import re
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import psutil
import pytest

from tests.conftest import ADMIN_KEY
from tests.faults.conftest import GATEWAY, Fleet, wait_until
from tests.faults.keys import FRUGAL_KEY, LIMIT, LIMITED_KEY, TOKENS

pytestmark = pytest.mark.service

CALLERS = 6
ASKING_S = 5.0
PATIENCE_S = 30.0
TINY = {"prompt": "A", "max_tokens": 1}
REFUSED_TWICE_S = 40.0
"""At the longest; within the same minute."""

TEN_TOKENS = {"prompt": "A", "max_tokens": 10, "ignore_eos": True}


def ask_on(
    url: str,
    until_s: float,
    key: str = LIMITED_KEY,
    body: dict[str, Any] = TINY,
    refusals: int = 10**6,
) -> list[httpx.Response]:
    """Ask until then or until so many refusals, as one caller."""
    answers = []
    headers = {"authorization": f"Bearer {key}"}
    with httpx.Client(base_url=url, headers=headers, timeout=60) as client:
        while time.monotonic() < until_s and refusals:
            answers.append(client.post("/v1/completions", json=body))
            refusals -= answers[-1].status_code == 429
            time.sleep(0.05)
    return answers


def usage(fleet: Fleet) -> dict[str, Any] | None:
    """Return the key's usage, None if it cannot be read now."""
    headers = {"authorization": f"Bearer {ADMIN_KEY}"}
    try:
        answer = httpx.get(f"{fleet.url}/v1/admin/usage", headers=headers, timeout=20)
    except httpx.HTTPError:
        return None
    if answer.status_code != 200:
        return None
    return next((card for card in answer.json()["data"] if card["key"] == "bakery"), {})


def audited(fleet: Fleet) -> Counter[int]:
    """Count the key's lines in the request log, by status."""
    log = fleet.service.log.read_text(errors="replace")
    lines = re.findall(r'"caption_studio.access".*"status": (\d+),.*"key_name": "bakery"', log)
    return Counter(map(int, lines))


def ledger(fleet: Fleet) -> psutil.Process:
    for process in psutil.Process(fleet.service.pid).children(recursive=True):
        if "LedgerActor" in " ".join(process.cmdline()):
            return process
    raise AssertionError("there is no ledger")


def test_a_keys_tokens_are_counted_over_all_gateways(fleet: Fleet) -> None:
    until_s = time.monotonic() + REFUSED_TWICE_S
    with ThreadPoolExecutor(CALLERS) as pool:
        asking = [
            pool.submit(ask_on, fleet.url, until_s, FRUGAL_KEY, TEN_TOKENS, refusals=2)
            for _ in range(CALLERS)
        ]
        answers = [answer for one in asking for answer in one.result()]
    assert {answer.status_code for answer in answers} == {200, 429}
    given = sum(a.json()["usage"]["total_tokens"] for a in answers if a.status_code == 200)
    assert 0.9 * TOKENS <= given <= 1.1 * TOKENS
    refused = [answer for answer in answers if answer.status_code == 429]
    assert {answer.headers["x-ratelimit-limit-tokens"] for answer in refused} == {str(TOKENS)}


def test_a_keys_limit_and_usage_are_the_services(fleet: Fleet) -> None:
    begun_s = time.monotonic()
    with ThreadPoolExecutor(CALLERS) as pool:
        found = pool.map(ask_on, [fleet.url] * CALLERS, [begun_s + ASKING_S] * CALLERS)
        answers = [answer for found_by_one in found for answer in found_by_one]
    statuses = Counter(answer.status_code for answer in answers)
    assert statuses.keys() == {200, 429}
    assert 0.9 * LIMIT <= statuses[200] <= 1.1 * LIMIT
    for answer in answers:
        assert answer.headers["x-ratelimit-limit-requests"] == str(LIMIT)
        if answer.status_code == 429:
            assert answer.json()["error"]["code"] == "rate_limit_exceeded"
            assert 1 <= int(answer.headers["retry-after"]) <= 60
    tokens = [answer.json()["usage"] for answer in answers if answer.status_code == 200]
    expected = {
        "key": "bakery",
        "object": "key.usage",
        "requests": statuses[200],
        "refused": statuses[429],
        "pictures": 0,
        "prompt_tokens": sum(one["prompt_tokens"] for one in tokens),
        "completion_tokens": sum(one["completion_tokens"] for one in tokens),
    }
    wait_until(lambda: usage(fleet) == expected, PATIENCE_S)
    wait_until(lambda: audited(fleet) == statuses, PATIENCE_S)

    fleet.processes(GATEWAY)[0].kill()
    wait_until(lambda: usage(fleet) == expected, PATIENCE_S)
    # What was spent stays spent, too: the gateway that is left and the new one refuse.
    after = ask_on(fleet.url, time.monotonic() + 1.0)
    if time.monotonic() < begun_s + 59:
        assert Counter(a.status_code for a in after)[200] <= 0.1 * LIMIT

    before = usage(fleet)
    ledger(fleet).kill()
    wait_until(lambda: usage(fleet) is None or usage(fleet) == before, PATIENCE_S)
    wait_until(lambda: (usage(fleet) or {}).get("requests", 0) >= statuses[200], PATIENCE_S)
    fleet.wait_until_whole(time.monotonic())
