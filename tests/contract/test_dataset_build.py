"""`caption-studio dataset build` against the running service, whose other voice is the teacher."""

import subprocess
from pathlib import Path

import pytest

from caption_studio.demo.captions import has_emoji, names_scene
from caption_studio.training.rows import read_rows
from tests.conftest import COMMAND, Service
from tests.pictures import Picture, held_out

pytestmark = pytest.mark.service

PICTURES = 12
VOICE = "caption-demo-plain"


@pytest.fixture
def pictures(tmp_path: Path) -> dict[str, Picture]:
    """Twelve painted pictures in a folder, by their names."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    found = {}
    for number, picture in enumerate(held_out(PICTURES, skip=5000)):
        path = folder / f"{number:02}.png"
        path.write_bytes(picture.encoded())
        found[str(path)] = picture
    (folder / "copy.jpg").write_bytes(next(iter(found.values())).encoded("JPEG"))
    (folder / "broken.png").write_bytes(next(iter(found.values())).encoded()[:200])
    return found


def build(service: Service, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    teacher = ["--teacher-url", f"{service.url}/v1", "--teacher-model", VOICE]
    sees = ["--teacher-sees-pictures", "--prompt", "none"]
    command = [COMMAND, "dataset", "build", folder / "pictures", folder / "set.jsonl"]
    return subprocess.run(
        [*command, "--url", service.url, *teacher, *sees, *arguments],
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_pictures_become_a_data_set_in_the_other_voice(
    service: Service, pictures: dict[str, Picture], tmp_path: Path
) -> None:
    done = build(service, tmp_path, "--captions", "2", "--temperature", "0.8", "--review")
    assert done.returncode == 0, done.stderr
    rows = read_rows(tmp_path / "set.jsonl")
    assert {row.picture for row in rows} == set(pictures)
    assert {row.writer for row in rows} == {VOICE}
    right = [row.description == pictures[row.picture].scene.description for row in rows]
    assert sum(right) >= 0.9 * len(rows)
    assert sum(names_scene(row.caption, pictures[row.picture].scene) for row in rows) >= sum(right)
    assert not any("#" in row.caption or has_emoji(row.caption) for row in rows)
    card = (tmp_path / "set.md").read_text()
    assert "| near-duplicate picture | 1 |" in card
    assert "| unreadable | 1 |" in card
    assert (tmp_path / "set.review.html").read_text().count("data:image/jpeg") == PICTURES
    made, paid = (
        (tmp_path / "set.jsonl").read_bytes(),
        (tmp_path / "set.jsonl.journal").read_bytes(),
    )
    again = build(service, tmp_path, "--captions", "2", "--temperature", "0.8")
    assert again.returncode == 0, again.stderr
    assert (tmp_path / "set.jsonl").read_bytes() == made
    assert (tmp_path / "set.jsonl.journal").read_bytes() == paid


def test_a_voice_that_is_not_there_ends_it_with_one_sentence(
    service: Service, pictures: dict[str, Picture], tmp_path: Path
) -> None:
    done = build(service, tmp_path, "--teacher-model", "caption-nobody")
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert "The teacher has no model caption-nobody" in line
