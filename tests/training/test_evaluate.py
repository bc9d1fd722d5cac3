"""The embedded base model and its lively adapter are evaluated, with a judge on this machine."""

import random
from pathlib import Path

import pytest
import torch
from peft import PeftModel
from transformers import AutoTokenizer, FalconForCausalLM

from caption_studio.cli import main
from caption_studio.demo.corpus import LIVELY, VOICES, adapter_prompt
from caption_studio.demo.painter import paint
from caption_studio.demo.paths import FALCON_NAME, LIVELY_ADAPTER_NAME, MODELS_DIR
from caption_studio.demo.scenes import COUNT_WORDS, HELD_OUT_SEEDS, sample_scene
from caption_studio.demo.wishes import Wish
from caption_studio.training.evaluation.results import Results, read_results
from caption_studio.training.evaluation.writing.captions import caption_in
from caption_studio.training.evaluation.writing.models import load
from caption_studio.training.evaluation.writing.writer import GREEDY, SAMPLED
from caption_studio.training.rows import Row, write_rows
from tests.unit.training.evaluation.fakes import Answer, judging, said

NUMBER = 24
ADAPTER, BASE = "embedded:caption-demo", "embedded:falcon-demo"


def row(number: int) -> Row:
    seed = HELD_OUT_SEEDS[number]
    scene, wish = sample_scene(seed), Wish(text="no hashtags", hashtags=(0, 0))
    wish = wish if number % 2 else Wish()
    return Row(
        scene.description,
        VOICES[LIVELY]([scene], random.Random(seed), wish),
        picture=f"{number}.png",
        picture_id=str(number),
        split="test" if number < NUMBER else "train",
        request=wish.text,
        facts={
            "subject": scene.subject,
            "number": COUNT_WORDS[scene.count],
            "colour": scene.colour,
        },
    )


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    write_rows(folder / "set.jsonl", [row(number) for number in range(2 * NUMBER)])
    for number in range(NUMBER):
        seed = HELD_OUT_SEEDS[number]
        paint(sample_scene(seed), seed).save(folder / f"{number}.png")
    return folder / "set.jsonl"


def judge(question: str) -> Answer:
    """Prefers the caption with a hashtag or an emoji, which the base model does not write."""
    first, second = (question.split(f"Caption {name}: ")[1].split("\n")[0] for name in "AB")
    return said("TIE" if first.isascii() == second.isascii() else "A" if second.isascii() else "B")


@pytest.fixture(scope="module")
def evaluated(dataset: Path) -> Results:
    out = dataset.parent / "against-base"
    with judging(judge) as server:
        judged = ["--judge-url", server.url, "--judge-model", "wise-1"]
        assert main(["evaluate", ADAPTER, str(dataset), "--output", str(out), *judged]) == 0
    return read_results(out / "evaluation.json")


def test_the_adapter_is_better_than_its_base_by_every_measure_it_was_trained_for(
    evaluated: Results,
) -> None:
    mine, base = evaluated.adapter.measures, evaluated.other.measures
    assert mine["perplexity"].high < base["perplexity"].low
    for manner in ("greedy", "sampled"):
        assert mine[f"{manner}.names_all"].value >= 0.9
        assert mine[f"{manner}.obeys_no_hashtags"].n == NUMBER // 2
        assert mine[f"{manner}.obeys_no_hashtags"].value >= 0.8
    assert mine["win_rate"].low > 0.5
    assert evaluated.judge["unreadable"] == 0
    assert len(evaluated.adapter.sha256) == 64
    assert mine["captions_per_s"].value > 0


def test_the_report_has_every_picture(evaluated: Results, dataset: Path) -> None:
    html = (dataset.parent / "against-base" / "report.html").read_text()
    assert html.count("data:image/jpeg") == NUMBER


def test_an_adapter_is_no_worse_than_itself_and_the_other_one_is(
    evaluated: Results, dataset: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = dataset.parent / "against-base" / "evaluation.json"
    out = dataset.parent / "plain"
    sides = ["--base", BASE, "--against", ADAPTER]
    plain = "embedded:caption-demo-plain"
    assert main(["evaluate", plain, str(dataset), "--output", str(out), *sides]) == 0
    results = read_results(out / "evaluation.json")
    for name, measure in evaluated.adapter.measures.items():
        if measure.better and name != "win_rate":
            assert results.other.measures[name].value == pytest.approx(measure.value)
    assert main(["compare", str(first), str(first)]) == 0
    capsys.readouterr()
    assert main(["compare", str(first), str(out / "evaluation.json")]) == 3
    assert "worse: perplexity" in capsys.readouterr().out


def test_captions_are_those_of_transformers_and_peft_alone(tmp_path: Path) -> None:
    """In batches with padding, with three writers on one base model in memory."""
    prompts = [adapter_prompt(row(number).description, row(number).request) for number in range(8)]
    names = {"adapter": ADAPTER, "other": "embedded:caption-demo-plain"}
    writers = load(names, None, tmp_path)
    tokenizer = AutoTokenizer.from_pretrained(MODELS_DIR / FALCON_NAME)
    base = FalconForCausalLM.from_pretrained(MODELS_DIR / FALCON_NAME, dtype=torch.float32)
    captions = {
        name: one.write(prompts, GREEDY, seed=1) for name, one in writers.by_adapter.items()
    }
    assert captions[None] == [_alone(base, tokenizer, prompt) for prompt in prompts]
    adapted = PeftModel.from_pretrained(base, MODELS_DIR / LIVELY_ADAPTER_NAME).eval()
    assert captions["adapter"] == [_alone(adapted, tokenizer, prompt) for prompt in prompts]
    assert captions["other"] != captions["adapter"]
    writer = writers.by_adapter["adapter"]
    assert writer.write(prompts, GREEDY, seed=1) == captions["adapter"]
    drawn = [writer.write(prompts, SAMPLED, seed=seed) for seed in (1, 1)]
    assert drawn[0] == drawn[1]


def test_losses_are_those_of_a_row_alone(tmp_path: Path) -> None:
    writer = load({"adapter": ADAPTER}, None, tmp_path).by_adapter["adapter"]
    rows = [row(number) for number in range(6)]
    prompts = [adapter_prompt(one.description, one.request) for one in rows]
    captions = [one.caption for one in rows]
    together = writer.losses(prompts, captions)
    alone = [writer.losses([p], [c])[0] for p, c in zip(prompts, captions, strict=True)]
    assert [one.tokens for one in together] == [one.tokens for one in alone]
    assert [one.nats for one in together] == pytest.approx([one.nats for one in alone], rel=1e-3)
    expected = _loss_alone(prompts[0], captions[0])
    assert alone[0].nats == pytest.approx(expected, rel=1e-3)


def _loss_alone(prompt: str, caption: str) -> float:
    """Sum the losses of the tokens after the opening quote, one row, without padding."""
    tokenizer = AutoTokenizer.from_pretrained(MODELS_DIR / FALCON_NAME)
    base = FalconForCausalLM.from_pretrained(MODELS_DIR / FALCON_NAME, dtype=torch.float32)
    model = PeftModel.from_pretrained(base, MODELS_DIR / LIVELY_ADAPTER_NAME).eval()
    before = tokenizer(prompt + ' "').input_ids
    ids = torch.tensor([before + tokenizer(caption + '"').input_ids])
    with torch.no_grad():
        likely = model(input_ids=ids).logits.log_softmax(-1)[0, :-1]
    chosen = likely.gather(1, ids[0, 1:, None])[len(before) - 1 :]
    return -float(chosen.sum())


def _alone(model: torch.nn.Module, tokenizer: object, prompt: str) -> str:
    ids = tokenizer(prompt, return_tensors="pt", return_token_type_ids=False)  # type: ignore[operator]
    made = model.generate(**ids, max_new_tokens=64, do_sample=False)  # type: ignore[operator]
    fresh = made[0, ids.input_ids.shape[1] :]
    return caption_in(tokenizer.decode(fresh, skip_special_tokens=True))  # type: ignore[attr-defined]
