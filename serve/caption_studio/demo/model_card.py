"""Measured figures → `MODEL_CARD.md`. It states measurements, nothing else."""

import os
import platform
from pathlib import Path
from typing import Any

from caption_studio.demo.held_out import held_out_instructions
from caption_studio.demo.paths import ADAPTER_NAMES, FALCON_NAME, GIT_NAME
from caption_studio.demo.scenes import (
    HELD_OUT_SEEDS,
    HELD_OUT_SHARE,
    SUBJECTS,
    TRAINING_SEEDS,
    all_scenes,
)
from caption_studio.demo.written import written_texts

_INTRODUCTION = """\
---
license: apache-2.0
language: en
---

# The demo models of Caption Studio

Four small, really trained models with the architectures of the big ones, so that the service
runs without a GPU and without a model hub. They know one little world, painted by
`caption_studio.demo.painter`, and nothing else: a photograph is described as the nearest
painted scene, and said to be unfamiliar. They are for demonstration and tests only.

Made by `caption-studio models train-demo`, which paints, trains, measures and writes this file.
Licence: Apache-2.0, weights and data; no outside data were used.
"""

_WEAKNESSES = """\
## Known weaknesses

- The phrases of wishes grew after the base's own training, and between the rounds of lessons the
  wishes were drawn more evenly and captions under wishes got fewer wordings. `train-demo` uses the
  last phrases for all, so it makes other weights than these.
- Misses of the describer often concern white subjects in the fog, and birds and airplanes.
- English only, and only about the scenes above. Of a request the adapters know little more than
  hashtags, emoji, length, question, alternative text and names; the rest they pass over.
"""


def write_model_card(folder: Path, figures: dict[str, Any]) -> None:
    """Write the card of the models in `folder` from the figures of the stages that ran."""
    parts = [_INTRODUCTION, _data()]
    if "git" in figures:
        parts.append(_training("git-demo (`GitForCausalLM`, describer)", figures["git"]))
    if "falcon" in figures:
        parts.append(_training("falcon-demo (`FalconForCausalLM`, base model)", figures["falcon"]))
    for name, taught in figures.get("lessons", {}).items():
        if name.isdigit():
            title = f"falcon-demo, trained on by lessons in obeying, round {name}"
            parts.append(_training(title, taught))
    for name in ADAPTER_NAMES:
        if "adapters" in figures:
            parts.append(_training(f"{name} (PEFT LoRA adapter)", figures["adapters"][name]))
    if "sureness" in figures:
        parts.append(_sureness(figures["sureness"]))
    if "evaluate" in figures:
        parts += [_git_figures(figures["evaluate"]["git"]), _caption_figures(figures["evaluate"])]
    parts += [_WEAKNESSES, _sizes_and_times(folder, figures)]
    (folder / "MODEL_CARD.md").write_text("\n".join(parts), encoding="utf-8")


def _data() -> str:
    scenes = all_scenes()
    kept_out = sum(scene.is_held_out for scene in scenes)
    return f"""\
## Data

- {len(scenes):,} scenes: {len(SUBJECTS)} subjects, each in the colours and places that suit it,
  one to three of them, seven skies. Each has one true description, such as
  "{scenes[0].description}".
- Training draws from seeds {TRAINING_SEEDS.start:,} to {TRAINING_SEEDS.stop - 1:,}; all figures
  below come from seeds {HELD_OUT_SEEDS.start:,} to {HELD_OUT_SEEDS.stop - 1:,}.
- {kept_out} combinations (about one in {HELD_OUT_SHARE}, chosen by a checksum of the description)
  are never shown in training; they are reported separately as *held-out combinations*.
- Captions, stories, dialogues and notes come from grammars (`captions`, `stories`, `corpus`), and
  so do the requests beside pictures (`instructions`), but for a third that are drawn from
  {len(written_texts()):,} texts that were written whole (`written`). Names in them are mostly
  invented (`names`).
- No training text shares six words in a row with one of the {len(held_out_instructions())}
  held-out instructions (`held_out_instructions.jsonl`); training refuses to begin otherwise.
  Those of the split `test` were committed before the last round of lessons and the adapters of the
  published models began; no phrase of the rounds before shares six words with them.
- Seeds are fixed and torch's deterministic algorithms are on: the same machine with the same
  number of threads makes the same weights again. The published base had its first twelve rounds
  of lessons with the phrases, texts and names that were there then. The first eleven had no lists
  of single sentences, and their rows cut documents in two.
"""


def _training(title: str, figures: dict[str, Any]) -> str:
    lines = [
        f"## {title}",
        "",
        f"- {figures['parameters']:,} parameters{_trained(figures)}; "
        f"last loss {figures['loss']:.4f}; {figures['total_s'] / 60:.1f} minutes",
    ]
    lines += [f"- `{name}`: {value}" for name, value in figures["recipe"].items()]
    lines += [f"- copied, {kind}: {_percent(v)}" for kind, v in figures.get("copied", {}).items()]
    return "\n".join(lines) + "\n"


def _trained(figures: dict[str, Any]) -> str:
    return f", corpus of {figures['tokens']:,} tokens" if "tokens" in figures else ""


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _git_figures(figures: dict[str, Any]) -> str:
    number, few = figures["pictures"], figures["few"]
    rows = [
        (f"held-out seeds, 128 px ({number})", figures["held_out_seeds"]),
        (f"held-out combinations, 128 px ({number})", figures["held_out_combinations"]),
        *((f"painted at {size} px ({few})", share) for size, share in figures["by_size"].items()),
        *((f"256 px, saved as {name} ({few})", v) for name, v in figures["by_format"].items()),
    ]
    table = "\n".join(f"| {name} | {_percent(share)} |" for name, share in rows)
    misses = "\n".join(f"- {miss}" for miss in figures["misses"]) or "- none"
    return f"""\
## Figures: descriptions

Share of descriptions that are right word for word (greedy, float16 weights, float32 compute).

| pictures | exactly right |
| --- | --- |
{table}

Some of the misses (truth → said):

{misses}
"""


def _sureness(figures: dict[str, Any]) -> str:
    recipe, by_way = figures["recipe"], figures["false_alarms_by_way"]
    allowed, right = _percent(recipe["false_alarms"]), _percent(figures["right"])
    sure, error = _percent(figures["confidence"]), _percent(figures["calibration_error"])
    alarms = "\n".join(f"| {way} | {_percent(share)} |" for way, share in by_way.items())
    bins = "\n".join(
        f"| {_percent(one['confidence'])} | {_percent(one['right'])} | {one['pictures']} |"
        for one in figures["bins"]
    )
    return f"""\
## Figures: sureness

`familiarity.safetensors` holds mean and covariance of {recipe["fitted"]:,} painted pictures in the
encoder's first layer, `confidence.json` a logistic curve over the least likely token. The distance
beyond which a picture is unfamiliar (exceeded by {allowed} of them) and the curve come from
{recipe["validated"]:,} other painted pictures, the figures from {recipe["tested"]:,} further ones.
No photograph was used.

| painted pictures, sent as | called unfamiliar |
| --- | --- |
| all | {_percent(figures["false_alarms"])} |
{alarms}

Of the descriptions {right} name the scene (`captions.names_scene`); the mean confidence is {sure},
the expected calibration error {error}.

| confidence | right | pictures |
| --- | --- | --- |
{bins}
"""


def _caption_figures(figures: dict[str, Any]) -> str:
    rows: list[str] = []
    samples: list[str] = []
    for name in ADAPTER_NAMES:
        measured = figures[name]
        shares = {
            **{f"names the scene, {how}": v for how, v in measured["names_scene"].items()},
            "names the scene, held-out combinations": measured["names_scene_held_out_combinations"],
            "names place or sky": measured["names_setting"],
            "holds an emoji": measured["with_emoji"],
            **{f"request obeyed: {kind}": v for kind, v in measured["obeyed"].items()},
            "mentions a new name when asked": measured["new_names"],
        }
        rows += [f"| {name} | {what} | {_percent(share)} |" for what, share in shares.items()]
        samples += [f"- {name}: {sample}" for sample in measured["samples"]]
    table, shown = "\n".join(rows), "\n".join(samples)
    return f"""\
## Figures: captions

The base model's perplexity on held-out documents is {figures["perplexity"]:.2f} per token.
{figures[ADAPTER_NAMES[0]]["examples"]} held-out prompts per adapter; 15 % of them hold several
pictures, most a request. A caption *names the scene* if it holds colour and noun in the right
number, and the count where there are two or three (`captions.names_scene`). t0.1 is temperature
0.1 with top_p 0.7.

| adapter | what | share |
| --- | --- | --- |
{table}

Samples at temperature 0.7:

{shown}
{_listening(figures)}"""


def _listening(figures: dict[str, Any]) -> str:
    rows = [
        f"| {name} | {group}: {what} | {_percent(one['share'])} | {one['n']} |"
        for name in ADAPTER_NAMES
        for group, shares in figures[name]["listening"].items()
        for what, one in shares.items()
    ]
    table = "\n".join(rows)
    return f"""
## Figures: listening

The held-out instructions that served for tuning, beside true descriptions of
combinations that training never showed, greedy (`quick_listening`). Figures of those held back,
through the running service, are in `benchmarks/results/listening.json`.

| adapter | what | share | of |
| --- | --- | --- | --- |
{table}
"""


def _sizes_and_times(folder: Path, figures: dict[str, Any]) -> str:
    names = (GIT_NAME, FALCON_NAME, *ADAPTER_NAMES)
    sizes = {
        name: sum(f.stat().st_size for f in (folder / name).glob("*") if f.is_file())
        for name in names
    }
    lines = [f"- {name}: {size / 1e6:.2f} MB" for name, size in sizes.items()]
    lines.append(f"- together: {sum(sizes.values()) / 1e6:.2f} MB")
    times = [
        f"- {stage}: {f['stage_s'] / 60:.1f} minutes on {f['threads']} thread(s)"
        for stage, f in figures.items()
    ]
    machine = f"{os.cpu_count()} cores, {platform.machine()}, no GPU"
    return "\n".join(["## Sizes", "", *lines, "", f"## Time ({machine})", "", *times]) + "\n"
