"""Saved demo models → measured figures, on scenes that training never drew.

Everything is loaded from disk, as the service loads it: float16 weights computed in float32.
"""

import io
import math
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel
from PIL import Image
from transformers import (
    FalconForCausalLM,
    GitForCausalLM,
    GitProcessor,
    PreTrainedTokenizerFast,
)

from caption_studio.demo.captions import has_emoji, names_scene, names_setting
from caption_studio.demo.corpus import Example, adapter_example, adapter_prompt, base_corpus
from caption_studio.demo.names import HELD_OUT_CITIES, HELD_OUT_NAMES
from caption_studio.demo.obedience import CHECKS, copies, hashtags
from caption_studio.demo.painter import paint
from caption_studio.demo.scenes import HELD_OUT_SEEDS, Pool, Scene, sample_scene
from caption_studio.demo.wishes import Mention

SAMPLING: dict[str, dict[str, Any]] = {
    "greedy": {"do_sample": False},
    "t0.1": {"do_sample": True, "temperature": 0.1, "top_p": 0.7, "top_k": 0},
    "t0.7": {"do_sample": True, "temperature": 0.7, "top_p": 1.0, "top_k": 0},
}
"""Sampling settings for captions; the published adapter was used with t0.1."""
_BATCH = 64


def load_git(folder: Path) -> tuple[GitForCausalLM, GitProcessor]:
    """Return the saved describer in float32, and its processor."""
    model = GitForCausalLM.from_pretrained(folder, dtype=torch.float32)
    processor = GitProcessor.from_pretrained(folder)
    return model.eval(), processor


def describe(
    model: GitForCausalLM, processor: GitProcessor, pictures: Sequence[Image.Image]
) -> list[str]:
    """Return greedy descriptions, by the reference call of git-large-coco."""
    pixel_values = processor(images=list(pictures), return_tensors="pt").pixel_values
    generated = model.generate(pixel_values=pixel_values, max_length=50)
    texts: list[str] = processor.batch_decode(generated, skip_special_tokens=True)
    return texts


def reencoded(picture: Image.Image, file_format: str, quality: int = 75) -> Image.Image:
    """Return a picture after it was saved in this format and read again."""
    buffer = io.BytesIO()
    picture.save(buffer, file_format, quality=quality)
    return Image.open(buffer).convert("RGB")


def exact_share(
    model: GitForCausalLM,
    processor: GitProcessor,
    cases: Iterable[tuple[Scene, Image.Image]],
    misses: list[str] | None = None,
) -> float:
    """Return the share of pictures whose description comes out exactly right."""
    right, total, pending = 0, 0, list(cases)
    for start in range(0, len(pending), _BATCH):
        chunk = pending[start : start + _BATCH]
        for (scene, _), text in zip(
            chunk, describe(model, processor, [p for _, p in chunk]), strict=True
        ):
            total += 1
            right += text == scene.description
            if text != scene.description and misses is not None:
                misses.append(f"{scene.description} → {text}")
    return right / total


def _cases(
    number: int, pool: Pool, size_px: int = 128, file_format: str = ""
) -> Iterable[tuple[Scene, Image.Image]]:
    for seed in HELD_OUT_SEEDS[:number]:
        scene = sample_scene(seed, pool)
        picture = paint(scene, seed, size_px)
        yield scene, reencoded(picture, file_format) if file_format else picture


def evaluate_git(folder: Path, number: int = 1_000) -> dict[str, Any]:
    """Return shares of exactly right descriptions: by pool, by picture size, by file format."""
    model, processor = load_git(folder)
    misses: list[str] = []
    few = max(1, number // 3)

    def share(cases: Iterable[tuple[Scene, Image.Image]]) -> float:
        return exact_share(model, processor, cases, misses)

    return {
        "pictures": number,
        "few": few,
        "held_out_seeds": share(_cases(number, Pool.TRAINING)),
        "held_out_combinations": share(_cases(number, Pool.HELD_OUT)),
        "by_size": {size: share(_cases(few, Pool.ALL, size)) for size in (64, 100, 224, 256, 512)},
        "by_format": {
            name: share(_cases(few, Pool.ALL, 256, name)) for name in ("PNG", "JPEG", "WEBP")
        },
        "misses": misses[:10],
    }


def load_falcon(folder: Path) -> tuple[FalconForCausalLM, PreTrainedTokenizerFast]:
    """Return the saved base model in float32, and its tokenizer, padding on the left."""
    model = FalconForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    tokenizer = PreTrainedTokenizerFast.from_pretrained(folder, padding_side="left")
    return model, tokenizer


def complete(
    model: Any,
    tokenizer: PreTrainedTokenizerFast,
    prompts: Sequence[str],
    how: str = "greedy",
    max_new_tokens: int = 70,
) -> list[str]:
    """Return the model's text after each prompt, up to the end-of-text token.

    Prompts of similar length go together, because they are padded to the longest.
    """
    order = sorted(range(len(prompts)), key=lambda at: len(prompts[at]))
    texts = [""] * len(prompts)
    for start in range(0, len(prompts), _BATCH):
        places = order[start : start + _BATCH]
        batch = tokenizer(
            [prompts[at] for at in places],
            padding=True,
            return_tensors="pt",
            return_token_type_ids=False,
        )
        generated = model.generate(**batch, max_new_tokens=max_new_tokens, **SAMPLING[how])
        fresh = generated[:, batch.input_ids.shape[1] :]
        said = tokenizer.batch_decode(fresh, skip_special_tokens=True)
        for at, text in zip(places, said, strict=True):
            texts[at] = text
    return texts


def quoted(text: str) -> str:
    """Return the text between the first pair of double quotes, or "" if there is none."""
    parts = text.split('"')
    return parts[1].strip() if len(parts) > 2 else ""


@torch.no_grad()
def perplexity(folder: Path, documents: int = 400) -> float:
    """Return the base model's perplexity per token on held-out documents, each on its own.

    The end of text after a document counts. Its first token does not: there is nothing before it.
    """
    model, tokenizer = load_falcon(folder)
    total_loss, total_tokens = 0.0, 0
    for text in base_corpus(documents, held_out=True):
        ids = torch.tensor([[*tokenizer(text).input_ids, tokenizer.eos_token_id]])
        loss = model(input_ids=ids, labels=ids, use_cache=False).loss
        total_loss += float(loss) * (ids.shape[1] - 1)
        total_tokens += ids.shape[1] - 1
    return math.exp(total_loss / total_tokens)


def _obeyed(example: Example, caption: str) -> dict[str, bool]:
    """Return, for each wish of the request, whether the caption obeys it."""
    wish, one = example.wish, len(example.scenes) == 1
    asked = {
        "no hashtags": wish.no_hashtags,
        "no emoji": wish.no_emoji,
        "short": wish.short and one,
        "question": wish.question,
        "alt text": wish.alt_text and one,
    }
    checks = {name: CHECKS[name](caption) for name, wanted in asked.items() if wanted}
    if wish.hashtags and wish.hashtags[1] > 0:
        least, most = wish.hashtags
        checks["number of hashtags"] = least <= hashtags(caption) <= most
    for mention in wish.mentions:
        checks["mention"] = copies(caption, mention.name)
    return checks


def _new_name_share(model: Any, tokenizer: PreTrainedTokenizerFast, number: int) -> float:
    """Return how often a city or name unseen in training is mentioned when asked for."""
    wanted = [Mention("city", name) for name in HELD_OUT_CITIES]
    wanted += [Mention("person", name) for name in HELD_OUT_NAMES]
    asked = {"city": "Mention our trip to {}", "person": "This is for {}"}
    prompts, names = [], []
    for index in range(number):
        mention = wanted[index % len(wanted)]
        scene = sample_scene(HELD_OUT_SEEDS[index])
        prompts.append(adapter_prompt(scene.description, asked[mention.kind].format(mention.name)))
        names.append(mention.name)
    captions = map(quoted, complete(model, tokenizer, prompts))
    return sum(copies(text, name) for name, text in zip(names, captions, strict=True)) / number


def _share(examples: Sequence[Example], said: Sequence[str], test: Callable[..., bool]) -> float:
    """Return the share of (caption, scene) pairs that pass a test."""
    results = [
        test(caption, scene)
        for example, caption in zip(examples, said, strict=True)
        for scene in example.scenes
    ]
    return sum(results) / len(results)


def _examples(voice: str, pool: Pool, number: int) -> list[Example]:
    """Return the first held-out examples whose answers are captions by themselves."""
    every = (adapter_example(seed, voice, pool) for seed in HELD_OUT_SEEDS)
    return list(islice((one for one in every if not one.in_json), number))


def evaluate_adapter(
    base_folder: Path, folder: Path, voice: str, number: int = 400
) -> dict[str, Any]:
    """Return naming rates by sampling setting, and obedience to requests, on held-out seeds."""
    torch.manual_seed(0)
    base, tokenizer = load_falcon(base_folder)
    model = PeftModel.from_pretrained(base, folder).eval()
    examples = _examples(voice, Pool.ALL, number)
    unseen = _examples(voice, Pool.HELD_OUT, number)
    said = {
        how: [
            quoted(text) for text in complete(model, tokenizer, [e.prompt for e in examples], how)
        ]
        for how in SAMPLING
    }
    said_unseen = [quoted(t) for t in complete(model, tokenizer, [e.prompt for e in unseen])]
    obeyed: dict[str, list[bool]] = {}
    for example, caption in zip(examples, said["greedy"], strict=True):
        for name, held in _obeyed(example, caption).items():
            obeyed.setdefault(name, []).append(held)
    return {
        "examples": number,
        "names_scene": {how: _share(examples, said[how], names_scene) for how in SAMPLING},
        "names_setting": _share(examples, said["greedy"], names_setting),
        "names_scene_held_out_combinations": _share(unseen, said_unseen, names_scene),
        "with_emoji": sum(map(has_emoji, said["greedy"])) / number,
        "obeyed": {name: sum(held) / len(held) for name, held in sorted(obeyed.items())},
        "new_names": _new_name_share(model, tokenizer, max(10, number // 4)),
        "samples": [
            f"{e.prompt!r} → {c}" for e, c in zip(examples[:4], said["t0.7"], strict=False)
        ],
    }
