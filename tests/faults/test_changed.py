"""A changed configuration and changed adapters, under load: nobody notices."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
import yaml

from caption_studio.demo.corpus import adapter_prompt
from tests.conftest import ADMIN_KEY
from tests.faults.conftest import CAPTIONER, DESCRIBER, GATEWAY, Fleet, wait_until
from tests.faults.keys import HEADERS
from tests.faults.load import load

pytestmark = pytest.mark.service

ADAPTERS = "/v1/admin/adapters"
ROLL_OUT_S = 300.0
CALLERS = 3
"""Enough to notice, few enough for two cores that start replicas meanwhile."""

PROMPT = adapter_prompt("two black cats on a green hill")
"""The adapters' own: on any other text an adapter may write what its base writes."""

Table = list[tuple[str, ...]]


@contextmanager
def changed(fleet: Fleet, change: Callable[[dict[str, Any]], None]) -> Iterator[None]:
    """Change the settings in the service's file, and put them back in the end."""
    text = fleet.service.config.read_text()
    config = yaml.safe_load(text)
    change(config["applications"][0]["args"])
    fleet.service.config.write_text(yaml.safe_dump(config))
    yield
    fleet.service.config.write_text(text)


def read_again(fleet: Fleet, until_it_says: str) -> float:
    """Have the service read its file again; return the seconds until it says so."""
    sent_s, begin = time.monotonic(), len(fleet.service.log.read_text(errors="replace"))
    os.kill(fleet.service.pid, signal.SIGUSR1)
    wait_until(
        lambda: until_it_says in fleet.service.log.read_text(errors="replace")[begin:], ROLL_OUT_S
    )
    return time.monotonic() - sent_s


def models(fleet: Fleet) -> set[str]:
    data = httpx.get(f"{fleet.url}/v1/models", headers=HEADERS, timeout=10).json()["data"]
    return {model["id"] for model in data}


def pids(fleet: Fleet) -> set[int]:
    stages = (GATEWAY, DESCRIBER, CAPTIONER)
    return {process.pid for stage in stages for process in fleet.processes(stage)}


def with_adapter(source: str) -> Callable[[dict[str, Any]], None]:
    """Return a change that adds the voice `new-voice`."""

    def change(args: dict[str, Any]) -> None:
        args["language"]["adapters"] = [
            {"id": "caption-demo", "source": "embedded:caption-demo"},
            {"id": "new-voice", "source": source},
        ]

    return change


def test_a_changed_configuration_is_rolled_out_and_nobody_notices(
    fleet: Fleet, table: Table
) -> None:
    before = pids(fleet)
    with (
        changed(fleet, with_adapter("embedded:caption-demo-plain")),
        load(fleet.url, callers=CALLERS, max_tokens=20) as seen,
    ):
        seen.wait_for(20)
        seconds = read_again(fleet, "The changed configuration serves.")
        seen.wait_for(40)
    table.append(seen.row("configuration changed", f"{seconds:.0f} s"))
    assert seen.failures() == []
    assert set(seen.ends()) == {"whole"}
    assert models(fleet) == {"falcon-demo", "caption-demo", "new-voice"}
    assert not before & pids(fleet)


@pytest.mark.slow
def test_an_adapter_that_is_not_there_is_refused_and_all_stays_as_it_was(
    fleet: Fleet, table: Table
) -> None:
    before = models(fleet)
    with (
        changed(fleet, with_adapter("/nowhere/at/all")),
        load(fleet.url, callers=CALLERS, max_tokens=20) as seen,
    ):
        seen.wait_for(20)
        seconds = read_again(fleet, "The configuration stays as it was.")
        seen.wait_for(40)
        wait_until(lambda: models(fleet) == before and fleet.is_ready(), ROLL_OUT_S)
    table.append(seen.row("adapter missing", f"{seconds:.0f} s"))
    assert seen.failures() == []
    assert set(seen.ends()) == {"whole"}
    reason = "The adapter 'new-voice' of the settings: There is no adapter_config.json"
    assert reason in fleet.service.log.read_text(errors="replace")


def test_a_file_that_is_no_configuration_is_refused_at_once(fleet: Fleet) -> None:
    fleet.wait_until_whole(time.monotonic())
    before = pids(fleet)
    with changed(fleet, lambda args: args.update(vision={"max_lenght": 3})):
        read_again(fleet, "The configuration stays as it was.")
    assert "max_lenght" in fleet.service.log.read_text(errors="replace")
    assert pids(fleet) == before


def test_adapters_come_and_go_under_load(fleet: Fleet, table: Table) -> None:
    as_admin = {"authorization": f"Bearer {ADMIN_KEY}"}
    voice = {"id": "late", "source": "embedded:caption-demo-plain"}
    with httpx.Client(base_url=fleet.url, timeout=60, headers=HEADERS) as http:
        with load(fleet.url, callers=CALLERS, max_tokens=20) as seen:
            for _ in range(3):
                seen.wait_for(20)
                added = http.post(ADAPTERS, json=voice, headers=as_admin)
                assert added.status_code == 201, added.text
                answers = {_answer(http, "late") for _ in range(8)}  # of both replicas
                assert len(answers) == 1
                assert answers != {_answer(http, "falcon-demo")}
                removed = http.delete(f"{ADAPTERS}/late", headers=as_admin)
                assert removed.status_code == 200, removed.text
                seen.wait_for(20)
    table.append(seen.row("adapters changed", "-"))
    assert seen.failures() == []
    assert set(seen.ends()) == {"whole"}


def _answer(http: httpx.Client, model: str) -> str:
    body = {"model": model, "prompt": PROMPT, "max_tokens": 12, "temperature": 0}
    response = http.post("/v1/completions", json=body)
    assert response.status_code == 200, response.text
    return str(response.json()["choices"][0]["text"])
