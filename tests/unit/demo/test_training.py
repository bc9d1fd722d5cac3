"""Two steps of every stage on tiny data, so that the training code stays alive."""

import json
import shutil
from dataclasses import replace

import pytest
import torch

from caption_studio.demo import evaluate, reliability, train
from caption_studio.demo.evaluate import load_falcon
from caption_studio.demo.model_card import write_model_card
from caption_studio.demo.packed import NOT_LEARNT
from caption_studio.demo.paths import ADAPTER_NAMES
from caption_studio.demo.quick_listening import quick_listening
from caption_studio.demo.scenes import Pool, sample_scene
from caption_studio.demo.sureness import SurenessRecipe, fit_sureness
from caption_studio.demo.train_adapters import AdapterRecipe, train_adapter
from caption_studio.demo.train_falcon import FalconRecipe, deepened, fit_falcon, train_falcon
from caption_studio.demo.train_git import (
    PAINTED_PX,
    GitRecipe,
    build_git,
    normalised,
    paint,
    paint_small,
    train_git,
)
from caption_studio.demo.train_lessons import LessonRecipe, teach

GIT = GitRecipe(
    pictures=12, steps=2, batch_size=4, width=32, encoder_layers=1, decoder_layers=1, heads=2
)
FALCON = FalconRecipe(
    copying_documents=20, documents=120, tokenizer_documents=120, vocab_size=600, steps=2,
    batch_size=4, layers=1, hidden_size=128, heads=2, long_every=2,
)  # fmt: skip
SURENESS = SurenessRecipe(fitted=40, validated=20, tested=20, false_alarms=0.1, workers=1)
LESSONS = LessonRecipe(documents=40, steps=2, warmup_steps=1, layers=(0, 0))
ADAPTER = AdapterRecipe(examples=16, validation_examples=4, steps=2, batch_size=4)


@pytest.fixture(scope="module")
def deterministic():
    """As train_demo trains: torch refuses what would not come out alike again."""
    torch.use_deterministic_algorithms(True)
    yield
    torch.use_deterministic_algorithms(False)


@pytest.fixture(scope="module")
def trained(tmp_path_factory, deterministic):
    folder = tmp_path_factory.mktemp("models")
    figures = {
        "git": train_git(folder / "git-demo", GIT),
        "sureness": fit_sureness(folder / "git-demo", SURENESS),
        "falcon": train_falcon(folder / "falcon-demo", FALCON),
        "lessons": {"1": teach(folder / "falcon-demo", LESSONS)},
        "adapters": {
            name: train_adapter(folder / "falcon-demo", folder / name, voice, ADAPTER)
            for name, voice in zip(ADAPTER_NAMES, ("lively", "plain"), strict=True)
        },
    }
    return folder, figures


def test_training_pictures_are_what_the_processor_makes_of_the_painting():
    _, processor = build_git(GIT)
    for seed in range(len(PAINTED_PX)):
        picture = paint(sample_scene(seed, Pool.TRAINING), seed, PAINTED_PX[seed])
        served = processor(images=picture, return_tensors="pt").pixel_values
        trained_on = normalised(paint_small(seed)[None], processor.image_processor)
        assert (served - trained_on).abs().max() < 1e-5


def test_a_deeper_model_computes_at_first_what_it_did_and_all_of_it_learns(trained):
    model, tokenizer = load_falcon(trained[0] / "falcon-demo")
    deeper = deepened(model, (0, 1, 1)).eval()
    ids = torch.tensor([tokenizer("Photo: two red cars\nPost: Two red cars!").input_ids])
    blocks = [block.mlp.dense_h_to_4h.weight for block in deeper.transformer.h]
    assert torch.equal(blocks[1], blocks[2])
    assert not torch.equal(blocks[0], blocks[1])
    assert torch.equal(deeper(input_ids=ids).logits, model(input_ids=ids).logits)
    before = [parameter.clone() for parameter in deeper.parameters()]
    fit_falcon(deeper, iter([(ids, ids)] * 3), replace(FALCON, steps=3, weight_decay=0.0))
    after = list(deeper.parameters())
    assert not any(torch.equal(*pair) for pair in zip(before, after, strict=True))


def test_lessons_deepen_a_model_once(trained, tmp_path):
    folder = shutil.copytree(trained[0] / "falcon-demo", tmp_path / "falcon-demo")
    assert load_falcon(folder)[0].config.num_hidden_layers == len(LESSONS.layers) > FALCON.layers
    teach(folder, LESSONS)
    model, _ = load_falcon(folder)
    assert model.config.num_hidden_layers == len(LESSONS.layers)
    assert model.lm_head.weight is model.transformer.word_embeddings.weight


def test_only_what_is_learnt_counts(trained):
    """The loss is that of `transformers`, which makes logits of all tokens."""
    model, tokenizer = load_falcon(trained[0] / "falcon-demo")
    ids = torch.tensor([tokenizer("Photo: two red cars\nPost: Two red cars!").input_ids])
    labels = ids.clone()
    labels[:, :5] = NOT_LEARNT
    expected = model(input_ids=ids, labels=labels).loss.item()
    loss = fit_falcon(model, iter([(ids, labels)]), replace(FALCON, steps=1))
    assert loss == pytest.approx(expected, rel=1e-5)


def test_bfloat16_computes_nearly_the_same_and_keeps_the_weights(trained):
    model, tokenizer = load_falcon(trained[0] / "falcon-demo")
    ids = torch.tensor([tokenizer("Photo: two red cars\nPost: Two red cars!").input_ids])
    exact = model(input_ids=ids, labels=ids).loss.item()
    loss = fit_falcon(model, iter([(ids, ids)]), replace(FALCON, steps=1, bfloat16=True))
    assert loss != exact
    assert loss == pytest.approx(exact, rel=0.02)
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}


def test_saved_files_are_those_of_the_published_checkpoints(trained):
    folder, _ = trained
    for name in ("config.json", "generation_config.json", "model.safetensors",
                 "preprocessor_config.json", "tokenizer.json", "vocab.txt"):  # fmt: skip
        assert (folder / "git-demo" / name).is_file()
    adapter = json.loads((folder / "caption-demo" / "adapter_config.json").read_text("utf-8"))
    assert adapter["base_model_name_or_path"] == "falcon-demo"
    assert (adapter["r"], adapter["lora_alpha"], adapter["lora_dropout"]) == (16, 32, 0.05)
    assert adapter["target_modules"] == ["query_key_value"]


def test_every_stage_can_be_evaluated_and_reported(trained):
    folder, figures = trained
    measured = {
        "git": evaluate.evaluate_git(folder / "git-demo", 3),
        "perplexity": evaluate.perplexity(folder / "falcon-demo", 2),
    }
    for name, voice in zip(ADAPTER_NAMES, ("lively", "plain"), strict=True):
        base, adapter = folder / "falcon-demo", folder / name
        measured[name] = evaluate.evaluate_adapter(base, adapter, voice, 3)
        measured[name]["listening"] = quick_listening(base, adapter, pictures=1, each=0, in_json=2)
    stages = {**figures, "evaluate": measured}
    write_model_card(
        folder, {name: {**f, "stage_s": 1.0, "threads": 1} for name, f in stages.items()}
    )
    card = (folder / "MODEL_CARD.md").read_text("utf-8")
    assert "exactly right" in card
    assert "calibration error" in card
    assert "apache-2.0" in card


def test_the_reliability_plot_shows_the_figures(trained, tmp_path):
    _, figures = trained
    reliability.draw(figures["sureness"], tmp_path / "plot.png")
    assert (tmp_path / "plot.png").read_bytes().startswith(b"\x89PNG")


def test_an_unknown_stage_is_refused(tmp_path):
    with pytest.raises(ValueError, match="unknown stages: bake"):
        train.train_demo(tmp_path, stages=["bake"])
