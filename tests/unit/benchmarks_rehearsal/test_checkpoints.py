"""The checkpoints of the rehearsal: whole, in the form of 2023, and what their references say."""

import json
from pathlib import Path

import pytest
from safetensors.torch import load_file

from benchmarks.rehearsal import answers, checkpoints
from benchmarks.rehearsal.checkpoints import ADAPTER, FALCON, GIT, small

SIDE_PX = small().git.vision_config.image_size
VOCABULARY = small().falcon.vocab_size


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("hub")
    checkpoints.write(small(), root)
    return root


def test_falcon_comes_in_shards_with_its_head_beside_the_embeddings(root: Path) -> None:
    files = sorted((root / FALCON).glob("*.safetensors"))
    assert len(files) == small().shards
    weights = {name: weight for file in files for name, weight in load_file(file).items()}
    assert (
        weights["lm_head.weight"].tolist() == weights["transformer.word_embeddings.weight"].tolist()
    )
    config = json.loads((root / FALCON / "config.json").read_text())
    assert config["architectures"] == ["RWForCausalLM"]
    assert "auto_map" in config
    assert (root / ADAPTER / "adapter_model.bin").is_file()
    assert (root / GIT / "preprocessor_config.json").is_file()


def test_transformers_and_peft_say_something_that_can_be_compared(
    root: Path, tmp_path: Path
) -> None:
    wanted = answers.reference(root, tmp_path, SIDE_PX, VOCABULARY)
    assert not checkpoints.code_was_run(root)
    tokens = {way: [one["tokens"] for one in wanted[way]] for way in ("base", "adapter")}
    said = answers.Said(tokens["base"], tokens["adapter"], wanted["description"], {})
    assert answers.differences(said, wanted) == ([], 0)
    assert {len(one) for way in tokens.values() for one in way} == {answers.TOKENS}

    other = [["another", *tokens["base"][0][1:]], tokens["base"][1]]
    wanted["base"][0]["gaps"][0] = 5.0
    changed = answers.Said(other, tokens["base"], "a cat", {})
    found, _ = answers.differences(changed, wanted)
    assert found[0] == "base, prompt 0: another token at place 0"
    assert "'a cat'" in found[-1]

    wanted["base"][0]["gaps"][0] = answers.TIE
    _, ties = answers.differences(answers.Said(other, tokens["adapter"], "", {}), wanted)
    assert ties == 1
