import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import BitsAndBytesConfig, FalconForCausalLM

from caption_studio.training.base import find, tokenizer_of
from caption_studio.training.failures import Refused
from caption_studio.training.finetune.base import load
from caption_studio.training.finetune.machine import Machine
from tests.unit.training.finetune.tiny import VOCABULARY, tiny_config, write_base

CPU = Machine("cpu", "a CPU", "float32", 10**9, 1e10)


def test_a_folder_is_known_by_its_name(base_folder: Path) -> None:
    base = find(str(base_folder))
    assert (base.id, base.commit) == ("tiny-falcon", None)
    assert base.config.hidden_size == 32
    assert tokenizer_of(base).eos_token_id == 0


def test_the_embedded_base_is_found() -> None:
    assert find("embedded:falcon-demo").id == "falcon-demo"


def test_a_configuration_of_2023_is_translated(tmp_path: Path) -> None:
    folder = write_base(tmp_path / "old")
    old = {
        "model_type": "RefinedWebModel",
        "architectures": ["RWForCausalLM"],
        "auto_map": {"AutoConfig": "configuration_RW.RWConfig"},
        "hidden_size": 32,
        "n_layer": 2,
        "n_head": 2,
        "multi_query": True,
        "parallel_attn": True,
        "bias": False,
        "alibi": False,
        "vocab_size": VOCABULARY,
        "bos_token_id": 0,
        "eos_token_id": 0,
    }
    (folder / "config.json").write_text(json.dumps(old))
    base = find(str(folder))
    assert (base.config.num_hidden_layers, base.config.num_attention_heads) == (2, 2)
    assert load(base, CPU, None).num_parameters() > 0


def test_another_model_is_refused_by_its_kind(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "llama"}')
    with pytest.raises(Refused, match=r"is no Falcon: the model_type in its config.json is llama"):
        find(str(tmp_path))


def test_a_falcon_that_cannot_be_served_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(
        json.dumps({**tiny_config().to_dict(), "activation": "relu"})
    )
    with pytest.raises(Refused, match="cannot be served"):
        find(str(tmp_path))


@pytest.mark.parametrize("text", ["{", "[]", '"falcon"'])
def test_a_damaged_configuration_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(Refused, match=r"config\.json"):
        find(str(tmp_path))


@pytest.mark.parametrize("source", ["/nowhere/at/all", "embedded:nothing", "./no-such-folder"])
def test_a_base_that_is_not_there_is_refused(source: str) -> None:
    with pytest.raises(Refused, match="There is no base model"):
        find(source)


def test_a_folder_has_no_revision(base_folder: Path) -> None:
    with pytest.raises(Refused, match="no --revision"):
        find(str(base_folder), "main")


def test_missing_weights_and_tokenizers_are_said(tmp_path: Path) -> None:
    folder = write_base(tmp_path / "base")
    (folder / "model.safetensors").unlink()
    base = find(str(folder))
    with pytest.raises(Refused, match="weights"):
        load(base, CPU, None)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (folder / name).unlink()
    with pytest.raises(Refused, match="tokenizer"):
        tokenizer_of(base)


@pytest.mark.parametrize("text", ["{}", "[]", '{"model": null}', "{"])
@pytest.mark.parametrize("name", ["tokenizer.json", "tokenizer_config.json"])
def test_a_damaged_tokenizer_is_said(name: str, text: str, tmp_path: Path) -> None:
    folder = write_base(tmp_path / "base")
    (folder / name).write_text(text)
    with pytest.raises(Refused, match="tokenizer"):
        tokenizer_of(find(str(folder)))


def test_weights_that_lack_a_tensor_are_refused(tmp_path: Path) -> None:
    folder = write_base(tmp_path / "base")
    weights = load_file(folder / "model.safetensors")
    del weights["transformer.ln_f.weight"]
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(Refused, match=r"no weights called transformer\.ln_f\.weight"):
        load(find(str(folder)), CPU, None)


def test_nf4_packs_every_layer_but_the_head(base_folder: Path) -> None:
    model = load(find(str(base_folder)), CPU, "nf4")
    packed = [n for n, p in model.named_parameters() if p.dtype == torch.uint8]
    assert len(packed) == 4 * 2
    state = model.transformer.h[0].mlp.dense_h_to_4h.weight.quant_state
    assert state.quant_type == "nf4"
    assert state.nested  # double quantization


def test_transformers_packs_nothing_of_a_falcon_by_itself(base_folder: Path) -> None:
    """The reason for a class of our own; if this fails, it can go."""
    model = FalconForCausalLM.from_pretrained(
        base_folder,
        quantization_config=BitsAndBytesConfig(load_in_4bit=True),
        device_map={"": "cpu"},
    )
    assert torch.uint8 not in {weight.dtype for weight in model.parameters()}


def test_nf4_answers_nearly_as_the_base(base_folder: Path) -> None:
    base = find(str(base_folder))
    input_ids = torch.arange(1, 20)[None]
    plain, packed = (load(base, CPU, q).eval()(input_ids).logits for q in (None, "nf4"))
    assert torch.nn.functional.cosine_similarity(plain, packed, dim=-1).mean() > 0.95
    assert not torch.equal(plain, packed)


def test_nf4_learns_after_an_evaluation_on_a_cpu_with_bfloat16(
    base_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """bitsandbytes packs weights anew in evaluations there: without gradients, and not ours."""
    monkeypatch.setattr("bitsandbytes.nn.modules.has_avx512bf16", lambda: True)
    model = load(find(str(base_folder)), CPU, "nf4")
    input_ids = torch.arange(1, 20)[None]
    with torch.no_grad():
        model.eval()(input_ids)
    embedded = model.get_input_embeddings()(input_ids).requires_grad_()
    model.train()(inputs_embeds=embedded).logits.sum().backward()
    assert embedded.grad is not None
    assert embedded.grad.abs().sum() > 0


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("num_hidden_layers", "x"),
        ("max_position_embeddings", None),
        ("num_attention_heads", 0),
        ("bias", "x"),
    ],
)
def test_a_wrong_field_of_a_configuration_is_named(
    tmp_path: Path, name: str, value: object
) -> None:
    fields = {**tiny_config().to_dict(), name: value}
    (tmp_path / "config.json").write_text(json.dumps(fields))
    with pytest.raises(Refused, match=name):
        find(str(tmp_path))


def test_a_configuration_that_is_nested_without_end_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("[" * 200_000)
    with pytest.raises(Refused, match=r"config\.json"):
        find(str(tmp_path))


POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:ab\nsize 3\n"


@pytest.mark.parametrize("damaged", [POINTER, b"", b"cut"])
def test_damaged_safetensors_are_refused(tmp_path: Path, damaged: bytes) -> None:
    folder = write_base(tmp_path / "base")
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-5000] if damaged == b"cut" else damaged)
    with pytest.raises(Refused, match="damaged"):
        load(find(str(folder)), CPU, None)


@pytest.mark.parametrize("damaged", [POINTER, b"", b"\x80\x02J\x01", b"PK", bytes(1000), b"cut"])
def test_damaged_pickles_are_refused(tmp_path: Path, damaged: bytes) -> None:
    folder = write_base(tmp_path / "base")
    weights = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    path = folder / "pytorch_model.bin"
    torch.save(weights, path)
    path.write_bytes(path.read_bytes()[:-3000] if damaged == b"cut" else damaged)
    with pytest.raises(Refused, match="damaged"):
        load(find(str(folder)), CPU, None)


def test_weights_of_another_shape_are_refused(tmp_path: Path) -> None:
    folder = write_base(tmp_path / "base")
    weights = load_file(folder / "model.safetensors")
    weights["transformer.ln_f.weight"] = torch.zeros(7)
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(Refused, match=r"do not fit its config\.json: transformer\.ln_f\.weight"):
        load(find(str(folder)), CPU, None)
