"""All stages in order: train, evaluate, write the model card. The CLI calls this module."""

import json
import logging
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from caption_studio.demo.model_card import write_model_card
from caption_studio.demo.paths import (
    FALCON_NAME,
    GIT_NAME,
    LIVELY_ADAPTER_NAME,
    PLAIN_ADAPTER_NAME,
)

logger = logging.getLogger(__name__)

STAGES = ("git", "sureness", "falcon", "lessons", "adapters", "evaluate")
"""Every stage, in order. A stage builds on what the earlier ones saved in the folder."""
_FIGURES = "figures.json"


def train_demo(output_dir: Path, *, stages: Iterable[str] = STAGES) -> None:
    """Train the demo models into `output_dir` and write figures and model card beside them.

    All stages take seven to eight hours on two cores. Progress goes to this module's log. Seeds are
    fixed and torch is deterministic for the rest of the process: the same machine with the same
    number of threads makes the same weights again.

    Raises:
        ValueError: a stage is not one of `STAGES`.
    """
    wanted = set(stages)
    if unknown := wanted.difference(STAGES):
        raise ValueError(f"unknown stages: {', '.join(sorted(unknown))}")
    output_dir.mkdir(parents=True, exist_ok=True)
    for stage in STAGES:
        if stage in wanted:
            started_s = time.perf_counter()
            logger.info("stage %s begins", stage)
            figures = _run(stage, output_dir)
            figures["stage_s"] = time.perf_counter() - started_s
            figures["threads"] = _threads()
            _remember(output_dir, stage, figures)
            logger.info("stage %s took %.0f s", stage, figures["stage_s"])
    write_model_card(output_dir, _remembered(output_dir))


def _run(stage: str, folder: Path) -> dict[str, Any]:
    """Run one stage; torch is imported only here."""
    import torch

    from caption_studio.demo import (
        evaluate,
        sureness,
        train_adapters,
        train_falcon,
        train_git,
        train_lessons,
    )
    from caption_studio.demo.corpus import LIVELY, PLAIN
    from caption_studio.demo.quick_listening import quick_listening

    torch.use_deterministic_algorithms(True)
    falcon = folder / FALCON_NAME
    adapters = {LIVELY_ADAPTER_NAME: LIVELY, PLAIN_ADAPTER_NAME: PLAIN}
    if stage == "git":
        return train_git.train_git(folder / GIT_NAME)
    if stage == "sureness":
        return sureness.fit_sureness(folder / GIT_NAME)
    if stage == "falcon":
        return train_falcon.train_falcon(falcon)
    if stage == "lessons":
        return train_lessons.teach_all(falcon)
    if stage == "adapters":
        return {
            name: train_adapters.train_adapter(falcon, folder / name, voice)
            for name, voice in adapters.items()
        }
    figures: dict[str, Any] = {"git": evaluate.evaluate_git(folder / GIT_NAME)}
    figures["perplexity"] = evaluate.perplexity(falcon)
    for name, voice in adapters.items():
        figures[name] = evaluate.evaluate_adapter(falcon, folder / name, voice)
        figures[name]["listening"] = quick_listening(falcon, folder / name)
    return figures


def _threads() -> int:
    """Return the number of torch's threads, which the times depend on."""
    import torch

    return torch.get_num_threads()


def _remembered(folder: Path) -> dict[str, Any]:
    path = folder / _FIGURES
    figures: dict[str, Any] = json.loads(path.read_text("utf-8")) if path.exists() else {}
    return figures


def _remember(folder: Path, stage: str, figures: dict[str, Any]) -> None:
    everything = {**_remembered(folder), stage: figures}
    text = json.dumps(everything, indent=2, ensure_ascii=False)
    (folder / _FIGURES).write_text(text + "\n", encoding="utf-8")
