"""Encoded examples, a base model and a set-up → a trained adapter, by TRL's `SFTTrainer`.

The examples come in the order of `order`, each step's one after another, so TRL is given them
tokenized and is told not to shuffle.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from peft import LoraConfig, TaskType
from transformers import FalconForCausalLM, PrinterCallback, TrainerCallback
from trl import SFTConfig, SFTTrainer

from caption_studio.training.finetune.examples import IGNORED, Encoded
from caption_studio.training.finetune.machine import Machine
from caption_studio.training.finetune.packing import PackingCollator
from caption_studio.training.finetune.preparation import Lesson
from caption_studio.training.finetune.recipe import Recipe
from caption_studio.training.finetune.setup import Setup

CHECKPOINTS_KEPT = 2
"""The best and the last."""


class _Trainer(SFTTrainer):
    """TRL's trainer, which tells nobody of it, and evaluates alike for all sizes of a batch.

    TRL 1.16 reports each training to the hub (`_BaseTrainer._send_telemetry`); it looks at
    HF_HUB_DISABLE_TELEMETRY, but only as it was when the hub's library was imported.

    transformers 5.19 (`Trainer.evaluation_loop`) averages the losses of batches, whose answers
    have more or fewer tokens. Here an evaluation's loss is the mean of all answers' tokens.
    """

    _nll_sum = 0.0
    _answer_tokens = 0

    def _send_telemetry(self) -> None:
        pass

    def prediction_step(self, model: Any, inputs: Any, *args: Any, **options: Any) -> Any:
        """Evaluate a batch, and count its answers' tokens."""
        loss, logits, labels = super().prediction_step(model, inputs, *args, **options)
        tokens = int((inputs["labels"] != IGNORED).sum())
        self._nll_sum += loss.item() * tokens
        self._answer_tokens += tokens
        return loss, logits, labels

    def evaluation_loop(self, *args: Any, **options: Any) -> Any:
        """Evaluate all batches."""
        self._nll_sum, self._answer_tokens = 0.0, 0
        output = super().evaluation_loop(*args, **options)
        output.metrics["eval_loss"] = self._nll_sum / self._answer_tokens
        return output


@dataclass(frozen=True, slots=True)
class Loaded:
    """The base model, its tokenizer, and the folder of its config.json."""

    model: FalconForCausalLM
    tokenizer: Any
    folder: Path


@dataclass(frozen=True, slots=True)
class Way:
    """How it is learnt, here."""

    recipe: Recipe
    setup: Setup
    machine: Machine


def trainer_of(
    base: Loaded,
    lesson: Lesson,
    way: Way,
    folder: Path,
    *,
    resumes: bool,
    callbacks: Sequence[TrainerCallback],
) -> SFTTrainer:
    """Return a trainer whose `train` does the whole lesson, with checkpoints in `folder`.

    The adapter's weights are float32, whatever the base model's are. In a checkpoint the adapter
    names the base model's folder, where PEFT looks for the config.json at each save.
    """
    recipe, model = way.recipe, base.model
    in_order = [index for step in lesson.order for index in step]
    trainer = _Trainer(
        model=model,
        args=_arguments(way, lesson.steps, model.config.hidden_size, folder, resumes),
        processing_class=base.tokenizer,
        train_dataset=_dataset(lesson.training).select(in_order),
        eval_dataset=_dataset(lesson.validation),
        data_collator=PackingCollator(base.tokenizer.eos_token_id) if recipe.packing else None,
        peft_config=LoraConfig(
            r=recipe.rank,
            lora_alpha=recipe.alpha,
            lora_dropout=recipe.dropout,
            target_modules=list(recipe.target_modules),
            task_type=TaskType.CAUSAL_LM,
        ),
        callbacks=list(callbacks),
    )
    trainer.remove_callback(PrinterCallback)
    trainer.model.peft_config["default"].base_model_name_or_path = str(base.folder)
    for weight in trainer.model.parameters():
        if weight.requires_grad:  # TRL makes them bfloat16 if the base model is quantized
            weight.data = weight.data.float()
    return trainer


def _arguments(way: Way, steps: int, width: int, folder: Path, resumes: bool) -> SFTConfig:
    recipe, setup, machine = way.recipe, way.setup, way.machine
    every = recipe.evaluate_every(steps)
    return SFTConfig(
        output_dir=str(folder),
        max_steps=steps,
        per_device_train_batch_size=setup.micro_batch,
        per_device_eval_batch_size=setup.micro_batch,
        gradient_accumulation_steps=setup.accumulation,
        learning_rate=recipe.peak_learning_rate(width),
        lr_scheduler_type="cosine",
        warmup_steps=recipe.warmup(steps),
        optim="adamw_torch",
        weight_decay=recipe.weight_decay,
        max_grad_norm=recipe.max_gradient_norm,
        bf16=machine.dtype == "bfloat16",
        fp16=machine.dtype == "float16",
        use_cpu=machine.device == "cpu",
        dataloader_pin_memory=machine.device == "cuda",
        gradient_checkpointing=setup.checkpointing,
        gradient_checkpointing_kwargs={"use_reentrant": False},
        eval_strategy="steps",
        eval_steps=every,
        eval_on_start=not resumes,
        prediction_loss_only=True,
        save_strategy="steps",
        save_steps=every,
        save_total_limit=CHECKPOINTS_KEPT,
        load_best_model_at_end=True,
        metric_for_best_model="eval_loss",
        greater_is_better=False,
        logging_steps=1,
        logging_nan_inf_filter=False,
        report_to="none",
        disable_tqdm=True,
        log_level="error",
        seed=recipe.seed,
        train_sampling_strategy="sequential",
        max_length=None,
    )


def _dataset(examples: Sequence[Encoded]) -> Dataset:
    """TRL leaves a data set with `input_ids` and `labels` as it is."""
    return Dataset.from_dict(
        {
            "input_ids": [example.input_ids for example in examples],
            "labels": [example.labels for example in examples],
        }
    )


@contextmanager
def deterministic() -> Iterator[None]:
    """Have torch compute the same from the same seed, where its kernels can; it warns of others.

    transformers' own switch (`full_determinism`) also makes every CUDA call wait for its end.
    Enter it before anything is computed: cuBLAS reads its variable when it starts.
    """
    before = torch.are_deterministic_algorithms_enabled()
    warned = torch.is_deterministic_algorithms_warn_only_enabled()
    more: Any = torch.utils.deterministic  # its attribute has no type
    filled = more.fill_uninitialized_memory
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True, warn_only=True)
    more.fill_uninitialized_memory = False  # costs time, finds only bugs
    try:
        yield
    finally:
        more.fill_uninitialized_memory = filled
        torch.use_deterministic_algorithms(before, warn_only=warned)
