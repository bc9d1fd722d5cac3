"""A finished fine-tuning → `README.md`, the adapter's model card: what was done and measured."""

import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import Any

from caption_studio.training.base import Base
from caption_studio.training.finetune.data import Data
from caption_studio.training.finetune.journal import History
from caption_studio.training.finetune.recipe import Recipe
from caption_studio.training.finetune.setup import Setup, duration

NAME = "README.md"
LIBRARIES = ("torch", "transformers", "peft", "trl", "datasets", "bitsandbytes")


@dataclass(frozen=True, slots=True)
class Trained:
    """What the card tells beside base, data and recipe; `left_out` were too long."""

    steps: int
    learning_rate: float
    warmup_steps: int
    setup: Setup
    machine: str
    dtype: str
    adapter_parameters: int
    left_out: int
    licence: str
    history: History


def model_card(name: str, base: Base, data: Data, recipe: Recipe, trained: Trained) -> str:
    """Return the card's text, with the header that the hub reads."""
    parts = [
        _header(base, trained.licence),
        f"# {name}\n\nA LoRA adapter for `{base.id}` that turns the description of a picture into "
        "a caption,\nmade by `caption-studio finetune`. Caption Studio serves it as it lies here.",
        _how_to_use(name),
        _section("Base model", _base_facts(base)),
        _section("Data", {"file": data.name, "SHA-256": data.digest, **data.facts}),
        _own_card(data.card),
        _section("Recipe", _recipe_facts(recipe, trained)),
        _losses(trained.history),
        _section("Machine and versions", _versions(trained)),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _header(base: Base, licence: str) -> str:
    lines = ["library_name: peft", "pipeline_tag: text-generation", f"license: {licence}"]
    if base.commit is not None:
        lines.append(f"base_model: {base.id}")
    return "\n".join(["---", *lines, "tags:", "- lora", "- caption", "---"])


def _how_to_use(name: str) -> str:
    return f"""\
## Use

```sh
caption-studio adapters add {name} /absolute/path/of/this/folder
```

It was trained on this service's prompt, with the caption between double quotes after it:

```text
Convert the given image description to social media worthy caption:
Description: …
Request: … (if there is one)
Caption: "…"
```"""


def _base_facts(base: Base) -> dict[str, str]:
    config = base.config
    facts = {"name": f"`{base.id}`"}
    if base.commit is not None:
        facts["commit"] = base.commit
    size = f"{config.num_hidden_layers} layers, hidden size {config.hidden_size}"
    return {**facts, "size": size}


def _recipe_facts(recipe: Recipe, trained: Trained) -> dict[str, Any]:
    setup = trained.setup
    computed = {
        "steps": trained.steps,
        "learning_rate": f"{trained.learning_rate:.3g}, cosine",
        "warmup_steps": trained.warmup_steps,
        "base weights": f"NF4, double quantization, computed in {trained.dtype}"
        if recipe.quantize
        else trained.dtype,
        "micro-batches": f"{setup.accumulation} of {setup.micro_batch} captions in each step",
        "gradient checkpointing": setup.checkpointing,
        "trained parameters": f"{trained.adapter_parameters:,}",
        "examples left out as too long": trained.left_out,
        "loss": "on the caption's tokens and the end-of-text token alone",
        "determinism": f"seed {recipe.seed}; torch.use_deterministic_algorithms(warn_only=True)",
    }
    given = {name: value for name, value in asdict(recipe).items() if value is not None}
    return {**{n: v for n, v in given.items() if n not in ("quantize", "seed")}, **computed}


def _losses(history: History) -> str:
    rows = "\n".join(
        f"| {step} | {loss:.4f} |" for step, loss in sorted(history.eval_losses.items())
    )
    best_step, best = history.best()
    samples = "\n\n".join(
        f"> {sample['prompt'].splitlines()[1]}\n>\n> written: {sample['written']}\n>\n"
        f"> in the data: {sample['expected']}"
        for sample in history.samples.get(best_step, [])
    )
    return f"""\
## Losses

The weights are those after step {best_step}, of the lowest validation loss ({best:.4f}). The mean
training loss of the last steps (50 at most) was {history.last_loss():.4f}. Each step is in
`log.jsonl`.

![losses](loss.png)

| step | validation loss |
| --- | --- |
{rows}

Captions of validation rows after step {best_step} (greedy):

{samples}"""


def _versions(trained: Trained) -> dict[str, str]:
    return {
        "machine": trained.machine,
        "time": f"{duration(trained.history.time_s)}, with evaluations",
        "Python": platform.python_version(),
        **{name: version(name) for name in ("caption-studio", *LIBRARIES)},
    }


def _own_card(text: str) -> str:
    if not text.strip():
        return ""
    quoted = "\n".join(f"> {line}".rstrip() for line in text.strip().splitlines())
    return f"### The data set's own card\n\n{quoted}"


def _section(title: str, facts: Mapping[str, Any]) -> str:
    return "\n".join([f"## {title}", "", *(f"- {name}: {_said(v)}" for name, v in facts.items())])


def _said(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(map(str, value))
    return str(value)
