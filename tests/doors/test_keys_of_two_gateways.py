"""Two gateways under a route prefix, with keys in files: who is let in, and who no longer is.

Serve, HAProxy and the gateways are real, describer and captioner stand-ins (benchmarks/cluster).
"""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.conftest import Service, running

pytestmark = pytest.mark.service

PREFIX = "/studio"
FIRST, SECOND, THIRD = "the-first-key-012", "the-second-key-012", "the-third-key-012"
FOLLOWED_WITHIN_S = 5.0
ASKED = 30
"""So often in a row that both gateways were asked."""


class Guarded:
    """The running service and its key file."""

    def __init__(self, service: Service, keys: Path, http: httpx.Client) -> None:
        self.keys = keys
        self.log = service.log
        self._http = http

    def status(self, path: str, key: str | None = None, method: str = "GET") -> int:
        """Ask on a connection of its own, so any gateway may answer."""
        headers = {"connection": "close"} | ({"authorization": f"Bearer {key}"} if key else {})
        return self._http.request(method, path, headers=headers).status_code

    def upload(self, key: str) -> str:
        """Upload a file and return its id."""
        answer = self._http.post(
            f"{PREFIX}/v1/files",
            files={"file": ("a.png", b"x")},
            data={"purpose": "vision"},
            headers={"authorization": f"Bearer {key}"},
        )
        assert answer.status_code == 200, answer.text
        return str(answer.json()["id"])

    def statuses(self, key: str) -> set[int]:
        return {self.status(f"{PREFIX}/v1/models", key) for _ in range(ASKED)}

    def refused_files(self) -> list[float]:
        """Return what each gateway says of the key file."""
        headers = {"authorization": f"Bearer {FIRST}"}
        text = self._http.get(f"{PREFIX}/metrics", headers=headers).text
        lines = [line for line in text.splitlines() if line.startswith("caption_studio_key_file")]
        return [float(line.split()[-1]) for line in lines if 'setting="api_keys_file"' in line]

    def replace(self, text: str) -> None:
        """Put another file in its place, as one should."""
        new = self.keys.with_suffix(".new")
        new.write_text(text)
        os.replace(new, self.keys)


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    folder = tmp_path_factory.mktemp("guarded")
    keys = folder / "keys"
    keys.write_text(f"{FIRST} name=bakery\n")
    args = {"gateway": {"api_keys_file": str(keys)}}
    build = "benchmarks.cluster.application:build"
    with running(folder, args, gateways=2, route_prefix=PREFIX, import_path=build) as service:
        with httpx.Client(base_url=service.url, timeout=30) as http:
            yield Guarded(service, keys, http)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/models"),
        ("HEAD", "/v1/models"),
        ("POST", "/v1/chat/completions"),
        ("POST", "/v1/completions"),
        ("POST", "/v1/files"),
        ("GET", "/v1/files"),
        ("POST", "/v1/batches"),
        ("GET", "/v1/files/file-000000000000000000000000/content"),
        ("GET", "/v1/nothing"),
        ("GET", "/%76%31/models"),
        ("GET", "/v1%2fmodels"),
        ("GET", "/metrics"),
        ("HEAD", "/metrics"),
    ],
)
def test_under_a_prefix_a_key_is_needed(guarded: Guarded, method: str, path: str) -> None:
    assert guarded.status(f"{PREFIX}{path}", None, method) == 401
    assert guarded.status(f"{PREFIX}{path}", "another-key-of-16", method) == 401


def test_no_other_way_of_writing_a_path_leads_in(guarded: Guarded) -> None:
    for path in ("/v1/models", "/metrics", f"{PREFIX}v1/models", f"{PREFIX}//v1/models"):
        assert guarded.status(path) in (401, 404, 503), path  # 503: HAProxy knows no such prefix


def test_what_everybody_may_know_needs_none(guarded: Guarded) -> None:
    for path in ("/healthz", "/readyz", "/openapi.json"):
        assert guarded.status(f"{PREFIX}{path}") == 200
    assert guarded.status(f"{PREFIX}/v1/models", FIRST) == 200


def test_within_five_seconds_every_gateway_follows_the_file(guarded: Guarded) -> None:
    assert guarded.statuses(SECOND) == {401}
    guarded.replace(f"{FIRST} name=bakery\n{SECOND}\n")
    time.sleep(FOLLOWED_WITHIN_S)
    assert guarded.statuses(SECOND) == {200}
    guarded.replace(f"{FIRST} name=bakery\n{THIRD}\n")
    time.sleep(FOLLOWED_WITHIN_S)
    assert guarded.statuses(SECOND) == {401}
    assert guarded.statuses(THIRD) == guarded.statuses(FIRST) == {200}


def test_every_gateway_has_the_files_of_a_key_and_shows_them_to_no_other(
    guarded: Guarded,
) -> None:
    file_id = guarded.upload(FIRST)
    path = f"{PREFIX}/v1/files/{file_id}"
    assert {guarded.status(path, FIRST) for _ in range(ASKED)} == {200}
    assert {guarded.status(path, THIRD) for _ in range(ASKED)} == {404}
    assert guarded.status(path, THIRD, "DELETE") == 404
    assert guarded.status(path, FIRST, "DELETE") == 200
    assert {guarded.status(path, FIRST) for _ in range(ASKED)} == {404}


def test_a_broken_file_changes_nothing_and_is_told(guarded: Guarded) -> None:
    text = guarded.keys.read_text()
    guarded.replace("short\n")
    time.sleep(FOLLOWED_WITHIN_S)
    assert guarded.statuses(FIRST) == {200}
    assert guarded.refused_files() == [1.0, 1.0]
    log = guarded.log.read_text(errors="replace")
    assert "key file refused" in log
    assert "line 1: a key must have at least 16 characters" in log
    guarded.replace(text)
    time.sleep(FOLLOWED_WITHIN_S)
    assert guarded.refused_files() == [0.0, 0.0]
