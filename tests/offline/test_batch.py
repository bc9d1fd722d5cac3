"""Pictures through the embedded models by `caption-studio batch`, without a service."""

import re
import shutil
from pathlib import Path

import pytest

from caption_studio.client.tables import read_table
from tests.conftest import ROOT, one_start_at_a_time
from tests.offline.batch_command import left_behind, paint, run

pytestmark = pytest.mark.engine

GUIDE = (ROOT / "docs" / "offline.md").read_text()
MODELS = ("caption-demo", "caption-demo-plain")


def test_the_guides_example_captions_a_folder(tmp_path: Path) -> None:
    (line,) = re.findall(r"^\.venv/bin/caption-studio batch (.*)$", GUIDE, flags=re.MULTILINE)
    arguments = line.split()
    folder, table = (tmp_path / name for name in arguments)
    first, *_ = paint(folder, 40)
    shutil.copy(first, folder / "alike.png")
    (folder / "broken.png").write_bytes(b"no picture")
    with one_start_at_a_time():
        status, printed = run(tmp_path, *arguments, *(f"--model={model}" for model in MODELS))
    assert status == 1, printed
    assert "84 rows, 2 of them with an error; 41 pictures captioned now" in printed
    assert "1 described by an equal one" in printed
    rows = list(read_table(table))
    pictures = sorted(str(path.relative_to(tmp_path)) for path in folder.iterdir())
    assert [row["picture"] for row in rows] == [name for name in pictures for _ in MODELS]
    errors = [row for row in rows if "error" in row]
    assert {row["picture"] for row in errors} == {f"{folder.name}/broken.png"}
    good = [row for row in rows if "error" not in row]
    assert all(row["description"] and row["caption"] for row in good)
    described = {row["picture"]: row["description"] for row in good}
    assert described[f"{folder.name}/alike.png"] == described[f"{folder.name}/{first.name}"]
    assert left_behind() == []
