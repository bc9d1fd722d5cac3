"""What happens beside the steps: the log, sample captions, progress, and the stop on a signal."""

import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Event
from typing import Any

import torch
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from caption_studio.training.failures import Interrupted
from caption_studio.training.finetune.examples import Example
from caption_studio.training.finetune.journal import Journal
from caption_studio.training.finetune.setup import duration

SAMPLES = 3
SAMPLE_TOKENS = 64
SAID_EVERY_S = 10.0


class Watch(TrainerCallback):
    """Writes the journal and tells the progress; `tokens` has the tokens of each step."""

    def __init__(
        self,
        journal: Journal,
        tokens: Sequence[int],
        samples: "Samples",
        say: Callable[[str], None],
    ) -> None:
        self._journal = journal
        self._tokens = tokens
        self._samples = samples
        self._say = say
        self._before_s = self._begun_s = self._step_s = 0.0
        self._first_step = 0
        self._said_s = -math.inf

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Begin the clock where the journal left it at this step."""
        self._before_s = self._journal.time_s(state.global_step)
        self._first_step = state.global_step
        self._begun_s = time.perf_counter()

    def on_step_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Take the time: evaluations and checkpoints do not count as a step's."""
        self._step_s = time.perf_counter()

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, float] | None = None,
        **_: Any,
    ) -> None:
        """Log a step. Raises `Interrupted` if its loss is no number any more."""
        if logs is None or "loss" not in logs:
            return
        step, loss = state.global_step, logs["loss"]
        if not math.isfinite(loss):
            raise Interrupted(
                f"The loss is no number any more after step {step}; begin anew, in another folder, "
                "with a smaller --learning-rate.",
                can_resume=False,
            )
        took_s = time.perf_counter() - self._step_s
        entry = {
            "step": step,
            "loss": loss,
            "learning_rate": logs["learning_rate"],
            "gradient_norm": logs.get("grad_norm"),
            "tokens_per_s": round(self._tokens[step - 1] / took_s, 1),
            "time_s": self._time_s(),
        }
        self._journal.write(entry)
        self._tell(state, entry)

    def on_evaluate(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        metrics: dict[str, float] | None = None,
        **objects: Any,
    ) -> None:
        """Log an evaluation, with captions that the model writes by now."""
        loss = (metrics or {})["eval_loss"]
        samples = self._samples.write(objects["model"])
        self._journal.write(
            {
                "step": state.global_step,
                "eval_loss": loss,
                "time_s": self._time_s(),
                "samples": samples,
            }
        )
        self._say(f"step {state.global_step}: validation loss {loss:.4f}; {samples[0]['written']}")

    def _time_s(self) -> float:
        return round(self._before_s + time.perf_counter() - self._begun_s, 3)

    def _tell(self, state: TrainerState, entry: dict[str, Any]) -> None:
        now_s, done = time.perf_counter(), state.global_step - self._first_step
        is_last = state.global_step == state.max_steps
        if now_s - self._said_s < SAID_EVERY_S and not is_last:
            return
        self._said_s = now_s
        left_s = (now_s - self._begun_s) / done * (state.max_steps - state.global_step)
        self._say(
            f"step {entry['step']} of {state.max_steps}: loss {entry['loss']:.4f}, "
            f"{entry['tokens_per_s']:.0f} tokens/s"
            + ("" if is_last else f", {duration(left_s)} left")
        )


class Samples:
    """Has the model answer the first prompts of the validation, greedily, each once."""

    def __init__(self, tokenizer: Any, examples: Sequence[Example]) -> None:
        self._tokenizer = tokenizer
        first = {example.prompt: example for example in reversed(examples)}
        self._examples = list(reversed(first.values()))[:SAMPLES]

    @torch.no_grad()
    def write(self, model: Any) -> list[dict[str, str]]:
        """Return prompt, expected answer and written answer of each example."""
        return [
            {
                "prompt": example.prompt,
                "expected": example.answer.strip(),
                "written": self._answer(model, example.prompt),
            }
            for example in self._examples
        ]

    def _answer(self, model: Any, prompt: str) -> str:
        inputs = self._tokenizer(prompt, return_tensors="pt", split_special_tokens=True)
        input_ids = inputs["input_ids"].to(model.device)
        end = self._tokenizer.eos_token_id
        written = model.generate(
            input_ids=input_ids,
            attention_mask=torch.ones_like(input_ids),
            max_new_tokens=SAMPLE_TOKENS,
            do_sample=False,
            use_cache=True,
            eos_token_id=end,
            pad_token_id=end,
        )
        tokens = written[0, input_ids.shape[1] :]
        text: str = self._tokenizer.decode(tokens, skip_special_tokens=True)
        return text.strip().split("\n")[0]


class BestCheckpoint(TrainerCallback):
    """Finds the best checkpoint where the folder is now.

    transformers (5.19, `Trainer._init_training_state`) keeps its absolute path, and forgets it,
    with a warning alone, in a folder that was moved.
    """

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Name the best checkpoint by its step."""
        best = Path(str(args.output_dir), f"checkpoint-{state.best_global_step}")
        state.best_model_checkpoint = str(best) if best.is_dir() else None


class StopOnSignal(TrainerCallback):
    """Ends the training after the step in hand, with a checkpoint, once `stop` is set."""

    def __init__(self, stop: Event) -> None:
        self._stop = stop

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Ask for a checkpoint and the end; an evaluation that is due still runs."""
        if self._stop.is_set() and state.global_step < state.max_steps:
            control.should_save = True
            control.should_training_stop = True
