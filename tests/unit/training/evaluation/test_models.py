"""Adapters that do not fit, and base models that are none, end with one sentence."""

import json
import shutil
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file

from caption_studio.settings import EMBEDDED_MODELS_DIR
from caption_studio.training.evaluation.problem import EvaluationProblem
from caption_studio.training.evaluation.writing.captions import caption_in
from caption_studio.training.evaluation.writing.models import load

DEMO = {"adapter": "embedded:caption-demo"}


def changed(folder: Path, **fields: object) -> dict[str, str]:
    """A copy of the demo's adapter with other fields in its configuration."""
    copy = folder / "adapter"
    shutil.copytree(EMBEDDED_MODELS_DIR / "caption-demo", copy)
    path = copy / "adapter_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **fields}))
    return {"adapter": str(copy)}


def problem(adapters: dict[str, str], base: str | None, folder: Path) -> str:
    with pytest.raises(EvaluationProblem) as raised:
        load(adapters, base, folder / "copies")
    assert "\n" not in str(raised.value)
    return str(raised.value)


def test_an_adapter_that_does_not_fit_the_base_is_told(tmp_path: Path) -> None:
    said = problem(changed(tmp_path, r=8), None, tmp_path)
    assert "does not fit the base model embedded:falcon-demo" in said
    assert "must be" in said


def test_an_adapter_that_is_not_there_is_told(tmp_path: Path) -> None:
    assert "There is no adapter bakery: " in problem({"adapter": "bakery"}, None, tmp_path)
    assert "adapter_config.json" in problem({"adapter": str(tmp_path)}, None, tmp_path)


def test_a_base_that_is_not_there_is_told(tmp_path: Path) -> None:
    lost = changed(tmp_path, base_model_name_or_path="falcon-of-mine")
    assert "names the base model falcon-of-mine, which is not here" in problem(lost, None, tmp_path)
    assert "No embedded model" in problem(DEMO, "embedded:falcon-none", tmp_path)
    assert "There is no base model in" in problem(DEMO, str(tmp_path / "none"), tmp_path)
    (tmp_path / "empty").mkdir()
    assert "cannot be loaded" in problem(DEMO, str(tmp_path / "empty"), tmp_path)


def test_a_base_that_is_no_falcon_is_told(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "config.json").write_text('{"model_type": "gpt2"}')
    assert "is no Falcon" in problem(DEMO, str(other), tmp_path)


def test_a_base_without_all_of_its_weights_is_told(tmp_path: Path) -> None:
    part = tmp_path / "part"
    shutil.copytree(EMBEDDED_MODELS_DIR / "falcon-demo", part)
    weights = load_file(part / "model.safetensors")
    del weights["transformer.ln_f.weight"]
    save_file(weights, part / "model.safetensors", {"format": "pt"})
    assert "no weights called transformer.ln_f.weight" in problem(DEMO, str(part), tmp_path)


@pytest.mark.parametrize(
    ("text", "caption"),
    [
        (' "A duck. #duck" and then "more', "A duck. #duck"),
        (' "A duck that never', "A duck that never"),
        (" A duck.\nDescription: a bus", "A duck."),
        ("", ""),
    ],
)
def test_the_caption_is_cut_as_the_service_cuts_it(text: str, caption: str) -> None:
    assert caption_in(text) == caption
