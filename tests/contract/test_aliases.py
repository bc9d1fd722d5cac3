"""A roll-out on the running service: begun at 10 %, and taken back in one call."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
from prometheus_client.parser import text_string_to_metric_families

from caption_studio.records import Alias, Target
from caption_studio.voices.aliases import ranked
from tests.conftest import ADMIN_KEY, Service
from tests.contract.hostile import chat, data_url
from tests.contract.test_voices import studio

pytestmark = pytest.mark.service

ALIASES = "/v1/admin/aliases"
OLD, NEW = "caption-demo", "caption-demo-plain"
USERS = [f"user-{number}" for number in range(200)]
EXAMPLE = data_url((Path(__file__).parents[2] / "docs" / "example.jpg").read_bytes())


@pytest.fixture(scope="module")
def admin(service: Service) -> Iterator[httpx.Client]:
    headers = {"authorization": f"Bearer {ADMIN_KEY}"}
    with httpx.Client(base_url=service.url, timeout=60, headers=headers) as client:
        yield client


@pytest.fixture
def rolled_out(admin: httpx.Client) -> Iterator[dict[str, Any]]:
    """Give 10 % of the callers of `roll-out` the new adapter while the test lasts."""
    body = {
        "id": "roll-out",
        "targets": [{"model": OLD, "weight": 90}, {"model": NEW, "weight": 10}],
    }
    answer = admin.post(ALIASES, json=body)
    assert answer.status_code == 200, answer.text
    yield body
    admin.delete(f"{ALIASES}/roll-out")


def answered(http: httpx.Client, user: str) -> str:
    """Return the model that answers this user, in few tokens."""
    body = {"model": "roll-out", "prompt": "A boat", "max_tokens": 1, "user": user}
    answer = http.post("/v1/completions", json=body)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["model"])


def all_answered(http: httpx.Client, users: Sequence[str] = USERS) -> list[str]:
    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(lambda user: answered(http, user), users))


def counted(http: httpx.Client) -> dict[str, float]:
    """Return the requests to the alias by the model that answered."""
    return {
        sample.labels["model"]: sample.value
        for family in text_string_to_metric_families(http.get("/metrics").text)
        for sample in family.samples
        if sample.name == "caption_studio_alias_requests_total"
        and sample.labels["alias"] == "roll-out"
    }


def test_a_tenth_of_the_users_gets_the_new_adapter_until_it_is_taken_back(
    admin: httpx.Client, http: httpx.Client, rolled_out: dict[str, Any]
) -> None:
    first = all_answered(http)
    shares = Counter(first)
    assert shares.keys() == {OLD, NEW}
    assert 8 <= shares[NEW] <= 36  # four standard deviations about 20
    alias = Alias("roll-out", (Target(OLD, 90.0), Target(NEW, 10.0)))
    assert first == [ranked(alias, f"user {user}")[0] for user in USERS]
    assert counted(http) == shares
    assert all_answered(http, USERS[:80]) == first[:80]

    further = {**rolled_out, "targets": [{"model": OLD, "weight": 1}, {"model": NEW, "weight": 1}]}
    assert admin.post(ALIASES, json=further).status_code == 200
    second = all_answered(http, USERS[:80])
    pairs = zip(first[:80], second, strict=True)
    assert {(was, now) for was, now in pairs if was != now} == {(OLD, NEW)}
    back = {**rolled_out, "targets": [{"model": OLD, "weight": 1}]}
    assert admin.post(ALIASES, json=back).status_code == 200
    assert set(all_answered(http, USERS[:40])) == {OLD}

    assert admin.delete(f"{ALIASES}/roll-out").json()["deleted"] is True
    gone = http.post("/v1/completions", json={"model": "roll-out", "prompt": "a"})
    assert gone.json()["error"]["code"] == "model_not_found"
    assert counted(http) == {}


@pytest.mark.usefixtures("rolled_out")
def test_a_caption_says_which_adapter_wrote_it(client: openai.OpenAI) -> None:
    alias = Alias("roll-out", (Target(OLD, 90.0), Target(NEW, 10.0)))
    by_model = {ranked(alias, f"user {user}")[0]: user for user in USERS}
    for model, user in by_model.items():
        asked = chat(EXAMPLE, model="roll-out", max_tokens=40, user=user)
        answer = client.chat.completions.create(**asked)
        extra: Any = answer.model_extra
        assert answer.model == extra["caption_studio"]["adapter"] == model
        streamed = list(client.chat.completions.create(**asked, stream=True))
        assert {chunk.model for chunk in streamed} == {model}
    assert "roll-out" in {model.id for model in client.models.list()}


def test_the_command_sets_lists_and_takes_back(service: Service) -> None:
    done = studio(service, "aliases", "set", "caption", f"{OLD}=90", f"{NEW}=10")
    line = f"caption\t{OLD}=90 {NEW}=10\tadded\n"
    assert (done.returncode, done.stdout) == (0, line), done.stderr
    try:
        assert studio(service, "aliases", "list").stdout == line
        again = studio(service, "aliases", "set", "caption", f"{OLD}=1", "--json")
        assert json.loads(again.stdout)["targets"] == [{"model": OLD, "weight": 1.0}]
        chain = studio(service, "aliases", "set", "chain", "caption=1")
        assert (chain.returncode, chain.stderr) == (
            1,
            "caption-studio: An alias may not name an alias.\n",
        )
        taken = studio(service, "aliases", "set", OLD, f"{NEW}=1")
        assert (taken.returncode, taken.stderr) == (
            1,
            f"caption-studio: There is a model {OLD!r} already.\n",
        )
    finally:
        assert studio(service, "aliases", "remove", "caption").returncode == 0
    gone = studio(service, "aliases", "remove", "caption")
    assert (gone.returncode, gone.stderr) == (1, "caption-studio: There is no such alias.\n")
