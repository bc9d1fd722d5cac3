"""What cannot be served right is refused when the engine starts, and says why.

And what looks like it, and is served.
"""

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from caption_studio.settings import EMBEDDED_MODELS_DIR
from tests.engine.checkpoints import ELEVEN_B, SEVEN_B, Form, random_adapter, random_falcon
from tests.engine.conftest import Engines, Job, Refused

pytestmark = pytest.mark.engine
BASE = EMBEDDED_MODELS_DIR / "falcon-demo"


def test_a_config_that_vllm_would_run_wrongly(engines: Engines, tmp_path: Path) -> None:
    folder = _copy(tmp_path, activation="relu")
    with pytest.raises(Refused, match=r"This Falcon checkpoint cannot be served: .*relu"):
        engines.run(_job(folder))


def test_71_heads_on_two_devices(engines: Engines, tmp_path: Path) -> None:
    SEVEN_B.config().save_pretrained(tmp_path)
    with pytest.raises(Refused, match=r"attention heads \(71\) must be divisible by tensor para"):
        engines.run(_job(tmp_path, tensor_parallel_size=2))


def test_a_head_of_its_own_where_the_config_ties_it(engines: Engines, tmp_path: Path) -> None:
    """vLLM would leave the head out of a .bin file without a word."""
    folder = _copy(tmp_path)
    weights = load_file(folder / "model.safetensors")
    weights["lm_head.weight"] = weights["transformer.word_embeddings.weight"].flip(0)
    (folder / "model.safetensors").unlink()
    torch.save(weights, folder / "pytorch_model.bin")
    with pytest.raises(Refused, match="set tie_word_embeddings to false"):
        engines.run(_job(folder))


@pytest.fixture(scope="module")
def tokens_of_base(engines: Engines) -> list[list[int]]:
    return engines.run(_job(BASE))


@pytest.mark.parametrize("file", ["model.safetensors", "pytorch_model.bin"])
def test_a_tied_matrix_may_come_under_the_heads_name(
    file: str, engines: Engines, tokens_of_base: list[list[int]], tmp_path: Path
) -> None:
    folder = _copy(tmp_path)
    weights = load_file(folder / "model.safetensors")
    weights["lm_head.weight"] = weights.pop("transformer.word_embeddings.weight")
    (folder / "model.safetensors").unlink()
    if file.endswith(".bin"):
        torch.save(weights, folder / file)
    else:
        save_file(weights, folder / file, {"format": "pt"})
    assert engines.run(_job(folder)) == tokens_of_base


def test_an_adapter_trained_on_another_head_layout(engines: Engines, tmp_path: Path) -> None:
    other = Form("other", {"multi_query": True}, {}, heads=ELEVEN_B.heads)
    adapter = random_adapter(
        random_falcon(other), ("query_key_value",), tmp_path / "adapter", seed=0
    )
    random_falcon(ELEVEN_B).save_pretrained(tmp_path / "model")
    job = _job(tmp_path / "model", adapters=[str(adapter)])
    with pytest.raises(Refused, match="1088 rows, this Falcon's has 1536"):
        engines.run(job)


def _copy(folder: Path, **fields: object) -> Path:
    shutil.copytree(BASE, folder / "model")
    file = folder / "model" / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | fields))
    return folder / "model"


def _job(model: Path, adapters: tuple[str, ...] | list[str] = (), **options: object) -> Job:
    return Job(
        model=str(model),
        prompts=[[5, 6, 7, 8]],
        adapter_of=[0 if adapters else None],
        max_tokens=4,
        adapters=adapters,
        options=options,
    )
