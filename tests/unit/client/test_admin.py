"""`caption-studio aliases`, against a stand-in for the service."""

import json
from pathlib import Path
from typing import Any

import pytest

from caption_studio.cli import main
from tests.unit.client.service import Answer, StubService, refused, serving

KEY = "an-admin-key-of-the-tests"


class Administered(StubService):
    """Keeps aliases as the service does."""

    cards: dict[str, Any]

    def respond(self, method: str, path: str, headers: dict[str, str], body: Any) -> Answer:
        self.requests.append((method, path, headers, body))
        cards = self.__dict__.setdefault("cards", {})
        if headers.get("authorization") != f"Bearer {KEY}":
            return refused(401, "invalid_api_key", "Incorrect or missing API key.")
        if method == "DELETE":
            return 200, {}, {"id": path.rpartition("/")[2], "object": "alias", "deleted": True}
        if method == "POST" and body["id"] == "taken":
            return refused(409, "voice_exists", "There is a model 'taken' already.")
        if method == "POST":
            cards[body["id"]] = {**body, "object": "alias", "configured": False}
            return 200, {}, cards[body["id"]]
        return 200, {}, {"object": "list", "data": list(cards.values())}


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CAPTION_STUDIO_ADMIN_KEY", KEY)


def run(stub: StubService, *arguments: str) -> int:
    return main(["aliases", *arguments, "--url", stub.url])


def test_an_alias_is_set_and_listed_as_it_was_typed(capsys: pytest.CaptureFixture[str]) -> None:
    with serving(kind=Administered) as stub:
        told = ("caption", "caption-2023=90", "bakery-v2=9.5")
        assert run(stub, "set", *told, "--description", "Ours") == 0
        assert stub.requests[-1][3] == {
            "id": "caption",
            "targets": [
                {"model": "caption-2023", "weight": 90.0},
                {"model": "bakery-v2", "weight": 9.5},
            ],
            "description": "Ours",
        }
        line = "caption\tcaption-2023=90 bakery-v2=9.5\tadded\tOurs\n"
        assert capsys.readouterr().out == line
        assert run(stub, "list") == 0
        assert capsys.readouterr().out == line
        assert run(stub, "list", "--json") == 0
        assert json.loads(capsys.readouterr().out)["targets"][1]["weight"] == 9.5


def test_a_model_may_have_an_equals_sign(capsys: pytest.CaptureFixture[str]) -> None:
    with serving(kind=Administered) as stub:
        assert run(stub, "set", "caption", "a=b=2") == 0
        assert stub.requests[-1][3]["targets"] == [{"model": "a=b", "weight": 2.0}]
    assert capsys.readouterr().out == "caption\ta=b=2\tadded\n"


def test_an_alias_is_removed() -> None:
    with serving(kind=Administered) as stub:
        assert run(stub, "remove", "caption") == 0
        assert stub.requests[-1][:2] == ("DELETE", "/v1/admin/aliases/caption")


def test_a_refusal_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with serving(kind=Administered) as stub:
        assert run(stub, "set", "taken", "a=1") == 1
        assert "There is a model 'taken' already." in capsys.readouterr().err
        assert run(stub, "list", "--admin-key", "wrong") == 1
        assert "Give an administrator's key" in capsys.readouterr().err


def test_a_key_that_no_header_can_hold_is_a_misuse(capsys: pytest.CaptureFixture[str]) -> None:
    with serving(kind=Administered) as stub:
        assert run(stub, "list", "--admin-key", "schlüssel") == 2
        assert stub.requests == []
    assert "other characters than visible ASCII" in capsys.readouterr().err


@pytest.mark.parametrize("value", ["2026-01-01", ".nan", "!!binary aGk="])
def test_a_voice_that_json_cannot_hold_is_a_misuse(
    value: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "voice.yaml"
    path.write_text(f"id: loud\nadapter: caption-demo\ndescription: {value}\n")
    with serving(kind=Administered) as stub:
        assert main(["voices", "add", str(path), "--url", stub.url]) == 2
        assert stub.requests == []
    assert "cannot be sent as JSON" in capsys.readouterr().err
