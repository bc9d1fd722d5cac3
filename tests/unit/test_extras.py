"""A command whose extra is not installed says which: an installed wheel need not have any."""

import json
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from caption_studio import bench, cli
from tests.wheels import ROOT

EXTRAS = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
WITHOUT_MATPLOTLIB = """
import sys
from caption_studio.cli import main

sys.modules["matplotlib"] = None
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.parametrize(("modules", "extra"), [(bench.NEEDS, "bench"), (cli.TRAIN_EXTRA, "train")])
def test_the_extra_brings_what_a_command_asks_for(modules: tuple[str, ...], extra: str) -> None:
    assert set(modules) <= {requirement.partition(">=")[0] for requirement in EXTRAS[extra]}


@pytest.mark.parametrize(
    "words",
    [("finetune", "rows.jsonl", "adapter"), ("models", "train-demo", "--output", "models")],
)
def test_without_the_extra_train_one_line_names_it(words: tuple[str, ...], tmp_path: Path) -> None:
    splits = ("train", "train", "validation")
    rows = ({"description": "a boat", "caption": "Ahoy!", "split": split} for split in splits)
    (tmp_path / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)))
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_MATPLOTLIB, *words],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == (
        "caption-studio: matplotlib is missing; pip install 'caption-studio[train]'."
    )
    assert "Traceback" not in done.stderr


def test_without_the_extra_bench_nothing_is_measured(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert bench.main() == 2
    assert capsys.readouterr().err == (
        "caption-bench: missing: matplotlib; pip install 'caption-studio[bench]'.\n"
    )


def test_without_the_benchmarks_it_says_where_they_are(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "benchmarks", None)
    assert bench.main() == 2
    assert "In a checkout of the project" in capsys.readouterr().err
