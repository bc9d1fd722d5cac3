import json
import shutil
from pathlib import Path

import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import AutoTokenizer, FalconConfig, FalconForCausalLM

from caption_studio.language import checkpoint
from caption_studio.language.adapters.merge import write_merged_checkpoint
from caption_studio.settings import EMBEDDED_MODELS_DIR

BASE = EMBEDDED_MODELS_DIR / "falcon-demo"
ADAPTER = EMBEDDED_MODELS_DIR / "caption-demo"
TARGETS = ("query_key_value", "dense", "dense_h_to_4h", "dense_4h_to_h")
PROMPTS = torch.arange(1, 61).reshape(5, 12)


def tiny_falcon(folder: Path, **fields: object) -> FalconForCausalLM:
    torch.manual_seed(3)
    config = FalconConfig(
        vocab_size=1536, hidden_size=64, num_hidden_layers=2, num_attention_heads=4, **fields
    )
    model = FalconForCausalLM(config).eval()
    model.save_pretrained(folder)
    for file in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(BASE / file, folder)
    return model


def random_adapter(model: FalconForCausalLM, folder: Path) -> PeftModel:
    adapted = get_peft_model(model, LoraConfig(r=4, target_modules=list(TARGETS)))
    for name, weight in adapted.named_parameters():
        if "lora_B" in name:
            weight.data.normal_(0, 0.1)
    adapted.save_pretrained(folder)
    return adapted


def logits(model: torch.nn.Module) -> torch.Tensor:
    with torch.inference_mode():
        return model(input_ids=PROMPTS).logits


def test_merged_demo_answers_as_the_pair(tmp_path: Path) -> None:
    base = FalconForCausalLM.from_pretrained(BASE, dtype=torch.float32)
    bare = logits(base)
    pair = logits(PeftModel.from_pretrained(base, ADAPTER))
    write_merged_checkpoint(str(BASE), str(ADAPTER), tmp_path / "merged", "float32")
    merged = FalconForCausalLM.from_pretrained(tmp_path / "merged", dtype=torch.float32)
    assert torch.allclose(logits(merged), pair, atol=1e-4)
    assert (pair - bare).abs().max() > 1
    text = "A dog on the beach at sunset"
    ours, theirs = (AutoTokenizer.from_pretrained(f)(text) for f in (tmp_path / "merged", BASE))
    assert ours["input_ids"] == theirs["input_ids"]


@pytest.mark.parametrize(
    "fields",
    [
        {"num_kv_heads": 2, "new_decoder_architecture": True, "tie_word_embeddings": False},
        {"multi_query": False, "parallel_attn": False, "alibi": True, "bias": True},
    ],
    ids=["untied, grouped", "sequential, ALiBi"],
)
def test_every_target_of_every_layout_merges(fields: dict[str, object], tmp_path: Path) -> None:
    model = tiny_falcon(tmp_path / "base", **fields)
    pair = logits(random_adapter(model, tmp_path / "adapter"))
    merge(tmp_path)
    merged = FalconForCausalLM.from_pretrained(tmp_path / "merged", dtype=torch.float32)
    assert torch.allclose(logits(merged), pair, atol=1e-4)


def test_a_checkpoint_of_2023_merges_and_its_code_is_not_run(tmp_path: Path) -> None:
    pair = logits(random_adapter(tiny_falcon(tmp_path / "base"), tmp_path / "adapter"))
    as_in_2023(tmp_path / "base")
    merge(tmp_path)
    merged = FalconForCausalLM.from_pretrained(tmp_path / "merged", dtype=torch.float32)
    assert torch.allclose(logits(merged), pair, atol=1e-4)
    assert not (tmp_path / "base" / "code-was-run").exists()


def test_many_small_files_are_read_and_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair = logits(random_adapter(tiny_falcon(tmp_path / "base"), tmp_path / "adapter"))
    in_two_bin_files(tmp_path / "base")
    monkeypatch.setattr(checkpoint, "FILE_BYTES", 50_000)
    merge(tmp_path)
    assert len(list((tmp_path / "merged").glob("model-*-of-*.safetensors"))) > 3
    merged = FalconForCausalLM.from_pretrained(tmp_path / "merged", dtype=torch.float32)
    assert torch.allclose(logits(merged), pair, atol=1e-4)
    assert not list((tmp_path / "merged").glob("part-*"))


def test_a_checkpoint_that_lacks_a_tensor_is_refused(tmp_path: Path) -> None:
    random_adapter(tiny_falcon(tmp_path / "base"), tmp_path / "adapter")
    file = tmp_path / "base" / "model.safetensors"
    weights = load_file(file)
    del weights["transformer.ln_f.weight"]
    save_file(weights, file, {"format": "pt"})
    with pytest.raises(ValueError, match=r"lacks transformer\.ln_f\.weight"):
        merge(tmp_path)
    assert not list(tmp_path.glob("merged*"))


def test_a_sum_that_is_no_number_is_refused(tmp_path: Path) -> None:
    random_adapter(tiny_falcon(tmp_path / "base"), tmp_path / "adapter")
    file = tmp_path / "adapter" / "adapter_model.safetensors"
    save_file({name: weight * 1e30 for name, weight in load_file(file).items()}, file)
    with pytest.raises(ValueError, match="infinite or no number"):
        merge(tmp_path)


def test_the_sum_is_rounded_once(tmp_path: Path) -> None:
    write_merged_checkpoint(str(BASE), str(ADAPTER), tmp_path / "exact", "float32")
    write_merged_checkpoint(str(BASE), str(ADAPTER), tmp_path / "merged", "bfloat16")
    exact, rounded = (
        load_file(tmp_path / name / "model.safetensors") for name in ("exact", "merged")
    )
    assert all(torch.equal(rounded[name], weight.bfloat16()) for name, weight in exact.items())
    assert json.loads((tmp_path / "merged" / "config.json").read_text())["dtype"] == "bfloat16"


def test_an_adapter_of_two_bytes_is_not_rounded_on_the_way(tmp_path: Path) -> None:
    model = tiny_falcon(tmp_path / "base")
    adapted = random_adapter(model, tmp_path / "adapter")
    file = tmp_path / "adapter" / "adapter_model.safetensors"
    save_file({name: weight.bfloat16() for name, weight in load_file(file).items()}, file)
    adapted.load_state_dict(
        {n: w.bfloat16().float() for n, w in adapted.state_dict().items() if "lora_" in n},
        strict=False,
    )
    wanted = adapted.merge_and_unload().state_dict()
    merge(tmp_path)
    for name, weight in load_file(tmp_path / "merged" / "model.safetensors").items():
        torch.testing.assert_close(weight, wanted[name], rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("kept", ["lm_head.weight", "transformer.word_embeddings.weight", "both"])
def test_a_tied_matrix_may_have_either_name_or_both(tmp_path: Path, kept: str) -> None:
    pair = logits(random_adapter(tiny_falcon(tmp_path / "base"), tmp_path / "adapter"))
    with_head(tmp_path / "base", kept)
    merge(tmp_path)
    merged = FalconForCausalLM.from_pretrained(tmp_path / "merged", dtype=torch.float32)
    assert torch.allclose(logits(merged), pair, atol=1e-4)


def test_a_head_of_its_own_under_a_config_that_ties_is_refused(tmp_path: Path) -> None:
    random_adapter(tiny_falcon(tmp_path / "base"), tmp_path / "adapter")
    with_head(tmp_path / "base", "both", factor=2.0)
    with pytest.raises(ValueError, match="head is not its embeddings"):
        merge(tmp_path)


def test_an_adapter_of_another_size_is_refused(tmp_path: Path) -> None:
    tiny_falcon(tmp_path / "base")
    with pytest.raises(ValueError, match=r"does not fit the base model: .* would have to be"):
        write_merged_checkpoint(
            str(tmp_path / "base"), str(two_layers_of_the_demo(tmp_path)), tmp_path / "m", "float32"
        )
    assert not (tmp_path / "m").exists()


@pytest.mark.parametrize("fault", ["adds", "lacks"])
def test_an_adapter_with_other_matrices_is_refused(fault: str, tmp_path: Path) -> None:
    random_adapter(tiny_falcon(tmp_path / "base"), tmp_path / "adapter")
    file = tmp_path / "adapter" / "adapter_model.safetensors"
    weights = load_file(file)
    name = next(iter(weights))
    weight = weights.pop(name)
    if fault == "adds":
        weights |= {name: weight, name.replace(".h.0.", ".h.7."): weight.clone()}
    save_file(weights, file)
    with pytest.raises(ValueError, match="has no place for" if fault == "adds" else "lacks"):
        merge(tmp_path)


def test_an_adapter_for_other_layers_is_refused(tmp_path: Path) -> None:
    random_adapter(tiny_falcon(tmp_path / "base"), tmp_path / "adapter")
    edit(tmp_path / "adapter" / "adapter_config.json", target_modules=["q_proj"])
    with pytest.raises(ValueError, match="does not fit the base model"):
        merge(tmp_path)


def test_more_than_lora_is_refused(tmp_path: Path) -> None:
    random_adapter(tiny_falcon(tmp_path / "base"), tmp_path / "adapter")
    edit(tmp_path / "adapter" / "adapter_config.json", modules_to_save=["lm_head"])
    with pytest.raises(ValueError, match="more than LoRA"):
        merge(tmp_path)


def test_another_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "base").mkdir()
    (tmp_path / "base" / "config.json").write_text('{"model_type": "llama"}')
    with pytest.raises(ValueError, match="is no Falcon"):
        merge(tmp_path)


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    with pytest.raises(FileExistsError):
        write_merged_checkpoint(str(BASE), str(ADAPTER), tmp_path, "float32")


def with_head(base: Path, kept: str, factor: float = 1.0) -> None:
    file = base / "model.safetensors"
    weights = load_file(file)
    matrix = weights.pop("transformer.word_embeddings.weight")
    both = {"transformer.word_embeddings.weight": matrix, "lm_head.weight": matrix * factor}
    save_file(
        {**weights, **{n: w for n, w in both.items() if kept in (n, "both")}},
        file,
        {"format": "pt"},
    )


def in_two_bin_files(base: Path) -> None:
    file = base / "model.safetensors"
    weights = load_file(file)
    file.unlink()
    places = {}
    for number, names in enumerate((sorted(weights)[::2], sorted(weights)[1::2]), start=1):
        name = f"pytorch_model-{number:05}-of-00002.bin"
        torch.save({tensor: weights[tensor] for tensor in names}, base / name)
        places |= dict.fromkeys(names, name)
    index = {"metadata": {}, "weight_map": places}
    (base / "pytorch_model.bin.index.json").write_text(json.dumps(index))


def merge(folder: Path) -> None:
    write_merged_checkpoint(
        str(folder / "base"), str(folder / "adapter"), folder / "merged", "float32"
    )


def edit(file: Path, **fields: object) -> None:
    file.write_text(json.dumps(json.loads(file.read_text()) | fields))


def two_layers_of_the_demo(folder: Path) -> Path:
    shutil.copytree(ADAPTER, folder / "adapter")
    file = folder / "adapter" / "adapter_model.safetensors"
    weights = load_file(file)
    save_file({n: w for n, w in weights.items() if ".h.0." in n or ".h.1." in n}, file)
    return folder / "adapter"


def as_in_2023(base: Path) -> None:
    file = base / "config.json"
    config = json.loads(file.read_text())
    old = {
        "architectures": ["RWForCausalLM"],
        "auto_map": {"AutoConfig": "configuration_RW.RWConfig"},
        "model_type": "RefinedWebModel",
        "n_head": config["num_attention_heads"],
        "n_layer": config["num_hidden_layers"],
        **{name: config[name] for name in ("hidden_size", "vocab_size", "multi_query")},
        "parallel_attn": True,
    }
    file.write_text(json.dumps(old))
    (base / "configuration_RW.py").write_text(
        f"import pathlib\npathlib.Path({str(base / 'code-was-run')!r}).touch()\n"
    )
