"""The weights in the package: small, loadable, and right about a few held-out scenes."""

import pytest

from caption_studio.demo.captions import has_emoji, names_scene
from caption_studio.demo.corpus import adapter_prompt
from caption_studio.demo.evaluate import complete, describe, load_falcon, load_git, quoted
from caption_studio.demo.painter import paint
from caption_studio.demo.paths import FALCON_NAME, GIT_NAME, MODELS_DIR
from caption_studio.demo.scenes import HELD_OUT_SEEDS, sample_scene

SEEDS = HELD_OUT_SEEDS[:8]
SCENES = [sample_scene(seed) for seed in SEEDS]


@pytest.fixture(scope="module")
def adapted():
    from peft import PeftModel

    base, tokenizer = load_falcon(MODELS_DIR / FALCON_NAME)
    model = PeftModel.from_pretrained(base, MODELS_DIR / "caption-demo", adapter_name="lively")
    model.load_adapter(MODELS_DIR / "caption-demo-plain", adapter_name="plain")
    return model.eval(), tokenizer


def test_all_weights_together_are_small():
    total = sum(path.stat().st_size for path in MODELS_DIR.rglob("*") if path.is_file())
    assert total < 25_000_000


def test_the_model_card_lies_beside_the_weights():
    assert "Held-out combinations".lower() in (MODELS_DIR / "MODEL_CARD.md").read_text().lower()


def test_the_describer_is_right_about_held_out_scenes():
    model, processor = load_git(MODELS_DIR / GIT_NAME)
    sizes = (64, 128, 256, 200, 100, 512, 90, 224)
    pictures = [paint(s, seed, px) for s, seed, px in zip(SCENES, SEEDS, sizes, strict=True)]
    said = describe(model, processor, pictures)
    right = sum(a == s.description for a, s in zip(said, SCENES, strict=True))
    assert right >= len(SCENES) - 1, said


@pytest.mark.parametrize(("voice", "emoji"), [("lively", True), ("plain", False)])
def test_an_adapter_names_held_out_scenes_in_its_voice(adapted, voice, emoji):
    model, tokenizer = adapted
    model.set_adapter(voice)
    said = complete(model, tokenizer, [adapter_prompt(scene.description) for scene in SCENES])
    captions = [quoted(text) for text in said]
    named = sum(names_scene(c, s) for c, s in zip(captions, SCENES, strict=True))
    assert named >= len(SCENES) - 1, captions
    assert sum(has_emoji(c) is emoji for c in captions) >= len(SCENES) - 1, captions
    assert sum(("#" in c) is emoji for c in captions) >= len(SCENES) - 1, captions


def test_base_and_adapters_answer_differently(adapted):
    model, tokenizer = adapted
    prompt = [adapter_prompt(SCENES[0].description)]
    answers = set()
    for voice in ("lively", "plain"):
        model.set_adapter(voice)
        answers.update(complete(model, tokenizer, prompt))
    with model.disable_adapter():
        answers.update(complete(model, tokenizer, prompt))
    assert len(answers) == 3
