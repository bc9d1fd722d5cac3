"""The README's commands do what it says."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from caption_studio.deployments.one_machine.config_file import load_config
from tests.conftest import Service

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


def block(language: str, containing: str) -> str:
    (found,) = [
        code
        for code in re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)
        if containing in code
    ]
    return str(found)


def run(command: list[str], service: Service) -> str:
    command[-1] = command[-1].replace("http://127.0.0.1:8000", service.url)
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.service
def test_the_curl_line_gives_the_answer_that_is_shown(service: Service) -> None:
    shown = json.loads(block("json", "chatcmpl"))
    answer = json.loads(run(["bash", "-c", block("bash", "curl")], service))
    about, shown_about = answer["caption_studio"], shown["caption_studio"]
    assert about.keys() == shown_about.keys()
    for name in ("description", "alt_text", "adapter"):  # captions differ from time to time
        assert about[name] == shown_about[name]
    assert answer.keys() == shown.keys()
    assert answer["choices"][0].keys() == shown["choices"][0].keys()
    assert answer["choices"][0]["message"]["content"]


@pytest.mark.service
def test_the_python_example_streams_description_and_caption(service: Service) -> None:
    printed = run([sys.executable, "-c", block("python", "OpenAI")], service)
    description, caption = printed.split("\n", 1)
    shown = json.loads(block("json", "chatcmpl"))
    assert description == shown["caption_studio"]["description"]
    assert caption
    assert "#" not in caption


@pytest.mark.parametrize("name", ["demo.yaml", "gpu.yaml", "gpu-one.yaml", "cpu.yaml"])
def test_the_config_files_are_valid(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CAPTION_STUDIO_GATEWAY__API_KEYS", '["a-key-of-the-readme"]')
    config = load_config(ROOT / "deploy" / name, host=None, port=None)
    (application,) = config.applications
    assert {d.name for d in application.deployments} == {"Gateway", "Describer", "Captioner"}


def test_the_make_targets_exist() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"^make (\w+)", block("bash", "make serve"), flags=re.MULTILINE):
        assert f"\n{target}:" in makefile
