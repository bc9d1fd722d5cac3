"""A voice of one's own from end to end: pictures, data set, adapter, roll-out, and back.

The new style is stated: exactly three hashtags and no emoji. A voice of the service that keeps to
it is the teacher; the adapter learns the style from its captions alone.
"""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from caption_studio.demo.captions import has_emoji
from tests.conftest import ADMIN_KEY, ARGS, COMMAND, Service, running
from tests.pictures import held_out

pytestmark = pytest.mark.service

PICTURES = 40
HELD_OUT = 30
USERS = 40
STEPS = 150
TEACHER = "three-hashtags"
NEW, OLD, BASE, ALIAS = "bakery", "caption-demo", "falcon-demo", "caption"


def bears_the_mark(caption: str) -> bool:
    """Tell whether a caption has the new style."""
    return caption.count("#") == 3 and not has_emoji(caption)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("voice")


@pytest.fixture(scope="module")
def service(folder: Path) -> Iterator[Service]:
    language = {**ARGS["language"], "adapters_dir": str(folder)}
    voice = {"id": TEACHER, "adapter": OLD, "controls": {"hashtags": 3, "emoji": False}}
    args = {**ARGS, "language": language, "voices": [voice]}
    with running(folder, args) as service:
        yield service


def said(*arguments: str | Path) -> str:
    """Run a command of ours and return what it printed."""
    done = subprocess.run([COMMAND, *arguments], capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def captioned(service: Service, model: str) -> list[str]:
    """Return the captions of the held-out pictures."""
    captions = []
    with httpx.Client(base_url=service.url, timeout=60) as http:
        for picture in held_out(HELD_OUT, skip=7000):
            body = {"model": model, "image": picture.data_url()}
            answer = http.post("/v1/completions", json=body)
            assert answer.status_code == 200, answer.text
            captions.append(answer.json()["choices"][0]["text"])
    return captions


@pytest.fixture(scope="module")
def adapter(service: Service, folder: Path) -> Path:
    """The folder of the new adapter, which the service has been told of."""
    pictures = folder / "pictures"
    pictures.mkdir()
    for number, picture in enumerate(held_out(PICTURES, skip=7200)):
        (pictures / f"{number:02}.png").write_bytes(picture.encoded())
    rows, out = folder / "bakery.jsonl", folder / "out"
    teacher = ["--teacher-url", f"{service.url}/v1", "--teacher-model", TEACHER]
    sees = ["--teacher-sees-pictures", "--prompt", "none"]
    several = ["--captions", "4", "--temperature", "0.9", "--validation", "0.1"]
    said("dataset", "build", pictures, rows, "--url", service.url, *teacher, *sees, *several)
    said("finetune", rows, out, "--steps", str(STEPS), "--evaluations", "2")
    admin = ["--url", service.url, "--admin-key", ADMIN_KEY]
    said("adapters", "add", NEW, out, *admin)
    return out


def test_the_new_adapter_has_the_style_and_the_base_has_not(
    service: Service, adapter: Path
) -> None:
    new = [bears_the_mark(caption) for caption in captioned(service, NEW)]
    base = [bears_the_mark(caption) for caption in captioned(service, BASE)]
    assert sum(new) >= 0.9 * HELD_OUT
    assert sum(base) <= 0.1 * HELD_OUT


def test_it_is_rolled_out_to_a_share_of_the_users_and_taken_back(
    service: Service, adapter: Path
) -> None:
    admin = ["--url", service.url, "--admin-key", ADMIN_KEY]
    said("aliases", "set", ALIAS, f"{OLD}=90", f"{NEW}=10", *admin)
    before = writers(service)
    assert writers(service) == before
    assert 0 < sum(one == NEW for one in before.values()) < USERS / 2
    said("aliases", "set", ALIAS, f"{OLD}=1", *admin)
    assert set(writers(service).values()) == {OLD}


def writers(service: Service) -> dict[str, str]:
    """Return which adapter writes for each user who asks for the alias."""
    (picture,) = held_out(1, skip=7100)
    with httpx.Client(base_url=service.url, timeout=60) as http:
        return {
            user: http.post(
                "/v1/completions",
                json={"model": ALIAS, "image": picture.data_url(), "user": user, "max_tokens": 2},
            ).json()["caption_studio"]["adapter"]
            for user in map("user-{}".format, range(USERS))
        }


def test_its_measures_are_told_beside_those_of_the_base(adapter: Path, folder: Path) -> None:
    out = folder / "evaluation"
    said("evaluate", adapter, folder / "bakery.jsonl", "--split", "validation", "--output", out)
    result = json.loads((out / "evaluation.json").read_text())
    ours, base = (result[side]["measures"]["perplexity"]["value"] for side in ("adapter", "other"))
    assert ours < base
    assert "<html" in (out / "report.html").read_text().lower()
