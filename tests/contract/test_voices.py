"""Voices on the running service, by the command line and the official client."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import openai
import pytest

from tests.conftest import ADMIN_KEY, COMMAND, Service
from tests.contract.hostile import chat, data_url

EXAMPLE = data_url((Path(__file__).parents[2] / "docs" / "example.jpg").read_bytes())
VOICE = {
    "id": "short-post",
    "adapter": "caption-demo",
    "description": "Short, with one hashtag",
    "controls": {"length": 60, "hashtags": 1, "emoji": False},
}
pytestmark = pytest.mark.service


def studio(service: Service, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [COMMAND, *arguments, "--url", service.url],
        env={**os.environ, "CAPTION_STUDIO_ADMIN_KEY": ADMIN_KEY},
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_a_voice_comes_serves_and_goes(
    service: Service, client: openai.OpenAI, tmp_path: Path
) -> None:
    file = tmp_path / "voice.yaml"
    file.write_text(json.dumps(VOICE))
    added = studio(service, "voices", "add", str(file))
    assert added.stdout == "short-post\tcaption-demo\tadded\tShort, with one hashtag\n"
    assert added.stdout in studio(service, "voices", "list").stdout
    again = studio(service, "voices", "add", str(file))
    assert (again.returncode, again.stderr) == (
        1,
        "caption-studio: There is a model 'short-post' already.\n",
    )
    try:
        answer = client.chat.completions.create(**request("short-post"))
        caption = str(answer.choices[0].message.content)
        assert len(caption) <= 60
        assert caption.count("#") == 1
        extra: Any = answer.model_extra
        held = {"length": True, "hashtags": True, "emoji": True}
        assert extra["caption_studio"]["controls"] == held
    finally:
        assert studio(service, "voices", "remove", "short-post").returncode == 0
    with pytest.raises(openai.NotFoundError):
        client.chat.completions.create(**request("short-post"))


def request(model: str) -> dict[str, Any]:
    return chat(EXAMPLE, model=model, max_tokens=64)


@pytest.mark.parametrize("what", ["voices", "adapters"])
def test_the_command_says_what_is_wrong(service: Service, what: str) -> None:
    gone = studio(service, what, "remove", "nobody")
    assert gone.returncode == 1
    assert "There is no model 'nobody'" in gone.stderr
    listed = studio(service, what, "list", "--json").stdout.splitlines()
    assert all(json.loads(line)["configured"] for line in listed)
    keyless = studio(service, what, "list", "--admin-key", "a-key-that-nobody-gave")
    assert keyless.returncode == 1
    assert "Give an administrator's key" in keyless.stderr


def test_adapters_come_and_go_by_the_command(service: Service) -> None:
    added = studio(service, "adapters", "add", "sober", "embedded:caption-demo-plain")
    assert added.returncode == 0, added.stderr
    assert "sober" in studio(service, "adapters", "list").stdout
    assert studio(service, "adapters", "remove", "sober").returncode == 0
