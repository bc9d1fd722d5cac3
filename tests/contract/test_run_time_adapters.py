"""Adapters added to and removed from the running service; the last test kills its replicas.

The file's name puts it after those that want every process to have lived.
"""

import os
import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from caption_studio.settings import EMBEDDED_MODELS_DIR
from tests.conftest import ADMIN_KEY, Service

pytestmark = pytest.mark.service

ADAPTERS = "/v1/admin/adapters"
ALIASES = "/v1/admin/aliases"
PROMPT = (
    "Convert the given image description to social media worthy caption:\n"
    "Description: a red boat on a calm sea\nCaption:"
)
RECOVERY_S = 240


@pytest.fixture(scope="module")
def admin(service: Service) -> Iterator[httpx.Client]:
    headers = {"authorization": f"Bearer {ADMIN_KEY}"}
    with httpx.Client(base_url=service.url, timeout=60, headers=headers) as client:
        yield client


def answer(http: httpx.Client, model: str) -> str:
    body = {"model": model, "prompt": PROMPT, "max_tokens": 12, "temperature": 0}
    response = http.post("/v1/completions", json=body)
    assert response.status_code == 200, response.text
    return str(response.json()["choices"][0]["text"])


def models(http: httpx.Client) -> set[str]:
    return {model["id"] for model in http.get("/v1/models").json()["data"]}


def refused(response: httpx.Response) -> tuple[int, str, str | None]:
    error: dict[str, Any] = response.json()["error"]
    assert error.keys() == {"message", "type", "param", "code"}
    return response.status_code, error["code"], error["param"]


@pytest.mark.parametrize(
    "source", ["embedded:caption-demo-plain", f"{EMBEDDED_MODELS_DIR}/caption-demo-plain"]
)
def test_an_added_adapter_answers_at_once_and_a_removed_one_soon_no_more(
    admin: httpx.Client, http: httpx.Client, source: str
) -> None:
    before = models(http)
    added = admin.post(ADAPTERS, json={"id": "late", "source": source})
    assert added.status_code == 201, added.text
    assert added.json()["id"] == "late"
    assert len(added.json()["digest"]) == 64
    assert answer(http, "late") == answer(http, "caption-demo-plain") != answer(http, "falcon-demo")
    assert models(http) == before | {"late"}
    assert added.json() in admin.get(ADAPTERS).json()["data"]
    assert http.get("/v1/models/late").json()["parent"] == "falcon-demo"

    assert admin.delete(f"{ADAPTERS}/late").json() == {
        "id": "late",
        "object": "adapter",
        "deleted": True,
    }
    assert models(http) == before
    gone = http.post("/v1/completions", json={"model": "late", "prompt": "a"})
    assert refused(gone) == (404, "model_not_found", "model")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"id": "caption-demo", "source": "embedded:caption-demo"}, (409, "adapter_exists", "id")),
        ({"id": "falcon-demo", "source": "embedded:caption-demo"}, (409, "adapter_exists", "id")),
        ({"id": "x", "source": "embedded:falcon-demo"}, (400, "invalid_adapter", "source")),
        ({"id": "x", "source": "embedded:../models"}, (400, "invalid_adapter", "source")),
        ({"id": "x", "source": "/etc"}, (400, "invalid_adapter", "source")),
        ({"id": "x", "source": "file:///etc"}, (400, "invalid_adapter", "source")),
        ({"id": "x", "source": "owner/name"}, (400, "invalid_adapter", "revision")),
        ({"id": "../x", "source": "a/b"}, (400, "invalid_value", "id")),
        ({"id": "x"}, (400, "missing_required_parameter", "source")),
        ({"id": "x", "source": "a/b", "path": "/"}, (400, "unknown_parameter", "path")),
    ],
)
def test_a_wrong_one_is_refused_by_name(
    admin: httpx.Client, http: httpx.Client, body: dict[str, str], expected: tuple[int, str, str]
) -> None:
    before = models(http)
    response = admin.post(ADAPTERS, json=body)
    assert refused(response) == expected
    assert str(EMBEDDED_MODELS_DIR) not in response.text
    assert models(http) == before


def test_the_settings_adapters_stay(admin: httpx.Client) -> None:
    response = admin.delete(f"{ADAPTERS}/caption-demo")
    assert refused(response) == (409, "adapter_is_configured", "id")


def test_without_the_admin_key_nothing_is_told_or_done(http: httpx.Client) -> None:
    for method, path in (("GET", ADAPTERS), ("POST", ADAPTERS), ("DELETE", f"{ADAPTERS}/x")):
        assert refused(http.request(method, path)) == (401, "invalid_api_key", None)


def test_the_readmes_commands_add_list_and_remove(service: Service) -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text()
    (commands,) = re.findall(r"```sh\n((?:(?!```).)*?ADMIN_KEY.*?)```", readme, flags=re.DOTALL)
    done = subprocess.run(
        ["bash", "-ec", commands.replace("http://127.0.0.1:8000", service.url)],
        env={**os.environ, "ADMIN_KEY": ADMIN_KEY},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.count('"sober"') == 3
    assert '"deleted":true' in done.stdout


def test_an_added_adapter_and_its_alias_outlive_the_replicas(
    admin: httpx.Client, http: httpx.Client, service: Service
) -> None:
    source = "embedded:caption-demo-plain"
    assert admin.post(ADAPTERS, json={"id": "lasting", "source": source}).status_code == 201
    alias = {"id": "anyone", "targets": [{"model": "lasting", "weight": 1}]}
    assert admin.post(ALIASES, json=alias).status_code == 200
    before = answer(http, "lasting")
    killed = [kill(service, "Captioner"), kill(service, "Gateway")]
    wait_until_replaced(service, http, killed)
    assert answer(http, "lasting") == answer(http, "anyone") == before
    assert {"lasting", "anyone"} <= models(http)
    named = admin.delete(f"{ADAPTERS}/lasting")
    assert refused(named) == (409, "model_in_use", "id")
    assert admin.delete(f"{ALIASES}/anyone").status_code == 200
    assert admin.delete(f"{ADAPTERS}/lasting").status_code == 200
    assert answer(http, "caption-demo") != answer(http, "falcon-demo")


def replicas(service: Service, deployment: str) -> list[psutil.Process]:
    name = f"ServeReplica:caption-studio:{deployment}"
    found = []
    for process in psutil.Process(service.pid).children(recursive=True):
        try:
            if name in "".join(process.cmdline()):
                found.append(process)
        except psutil.NoSuchProcess:
            continue  # it ended while we looked
    return found


def kill(service: Service, deployment: str) -> int:
    (replica,) = replicas(service, deployment)
    replica.kill()
    return int(replica.pid)


def wait_until_replaced(service: Service, http: httpx.Client, killed: list[int]) -> None:
    """Wait until the service is ready and consists of other processes than the `killed`."""
    deadline = time.monotonic() + RECOVERY_S
    while time.monotonic() < deadline:
        found = [replicas(service, name) for name in ("Captioner", "Gateway")]
        if all(len(r) == 1 and r[0].pid not in killed for r in found):
            try:
                if http.get("/readyz").status_code == 200:
                    return
            except httpx.TransportError:
                pass  # the gateway's process was just dying
        time.sleep(0.5)
    pytest.fail(f"not ready again after {RECOVERY_S} s")
