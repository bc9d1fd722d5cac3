"""`caption-studio finetune`: the command line of a fine-tuning."""

import argparse
import os
import shlex
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from types import FrameType
from typing import Any

FAILED, REFUSED = 1, 2
DEFAULT_BASE = "embedded:falcon-demo"
DEFAULT_LICENCE = "other"
RECIPE = {
    "epochs": (float, "how often each row is read; default: 3"),
    "steps": (int, "steps of the optimiser, instead of --epochs"),
    "batch_size": (int, "captions in a step; default: 16"),
    "learning_rate": (float, "the highest; default: 2e-4 for Falcon-7B, more for smaller bases"),
    "warmup_steps": (int, "steps until it is reached; default: 3 %% of all"),
    "rank": (int, "of the adapter; default: 16"),
    "alpha": (int, "the adapter's scale times its rank; default: 32"),
    "dropout": (float, "before the adapter; default: 0.05"),
    "evaluations": (int, "of the validation rows, evenly spread; default: 10"),
    "seed": (int, "of order, initial weights and dropout; default: 20262"),
}
"""The recipe's fields that have an option: type and help."""


def add_to(commands: Any) -> None:
    """Add the command to the parser's sub-commands."""
    parser = commands.add_parser(
        "finetune",
        help="train an adapter on a data set",
        description="Train a LoRA adapter for a Falcon on a data set of captions, and write the "
        "folder that the service loads.",
    )
    parser.add_argument("dataset", type=Path, metavar="DATASET", help="a file of JSON lines")
    parser.add_argument("out", type=Path, metavar="OUT", help="a new or empty folder")
    parser.add_argument(
        "--base",
        metavar="MODEL",
        help=f"a Falcon: folder, hub id or embedded:NAME; default: {DEFAULT_BASE}",
    )
    parser.add_argument("--revision", help="commit of a hub model; default: the newest")
    parser.add_argument(
        "--quantize", choices=["nf4"], help="keep the base model in four bits (QLoRA)"
    )
    parser.add_argument(
        "--packing",
        action="store_true",
        default=None,
        help="lay captions end to end instead of padding them",
    )
    for name, (kind, text) in RECIPE.items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=kind, metavar="N", help=text)
    parser.add_argument(
        "--micro-batch",
        type=_positive,
        metavar="N",
        help="captions at a time, at most; default: as many as fit",
    )
    parser.add_argument(
        "--max-hours", type=float, metavar="H", help="do not begin what takes longer"
    )
    parser.add_argument("--licence", help=f"for the model card; default: {DEFAULT_LICENCE}")
    parser.add_argument(
        "--resume", action="store_true", help="go on with the unfinished training in OUT"
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Train; print the folder; return 0, 1 if it was interrupted, 2 if it was refused."""
    # Read by CUDA when it starts: TRL trains on one GPU in a process, and refuses to see several.
    visible = os.environ.get("CUDA_VISIBLE_DEVICES", "0")
    os.environ["CUDA_VISIBLE_DEVICES"] = visible.partition(",")[0]
    # torch and TRL take seconds to import, and only this command needs them.
    from caption_studio.training.failures import Interrupted, Refused
    from caption_studio.training.rows import DataSetError

    try:
        _finetune(arguments)
    except (Refused, DataSetError) as error:
        _say(f"caption-studio: {error}")
        return REFUSED
    except Interrupted as error:
        _say(f"caption-studio: {error}")
        if error.can_resume:
            paths = (str(arguments.dataset), str(arguments.out))
            _say(f"To go on: {shlex.join(['caption-studio', 'finetune', *paths, '--resume'])}")
        return FAILED
    print(arguments.out)
    return 0


def _finetune(arguments: argparse.Namespace) -> None:
    from caption_studio.training.failures import Refused
    from caption_studio.training.finetune import data

    given = _given(arguments)
    if arguments.resume and (names := [*given, *_given_base(arguments)]):
        options = ", ".join(f"--{name.replace('_', '-')}" for name in names)
        raise Refused(f"--resume goes on as it was begun: leave out {options}.")
    read = data.read(arguments.dataset)

    from transformers.utils.logging import disable_progress_bar

    from caption_studio.training.base import find
    from caption_studio.training.finetune.finetune import finetune
    from caption_studio.training.finetune.job import Job, Limits, begun_in
    from caption_studio.training.finetune.recipe import Recipe

    if arguments.resume:
        begun = begun_in(arguments.out)
        recipe, base = begun.recipe, find(begun.base, begun.commit)
        licence, micro_batch = begun.licence, begun.micro_batch
    else:
        recipe = Recipe(**given)
        base = find(arguments.base or DEFAULT_BASE, arguments.revision)
        licence, micro_batch = DEFAULT_LICENCE, None
    job = Job(read, base, recipe, arguments.out, arguments.licence or licence)
    limits = Limits(arguments.micro_batch or micro_batch, arguments.max_hours)
    if not sys.stderr.isatty():
        disable_progress_bar()  # of the weights that are loaded
    with _stop_on_signals() as stop:
        result = finetune(job, _say, resume=arguments.resume, limits=limits, stop=stop)
    _say(
        f"{arguments.out} passes the service's check: validation loss "
        f"{result.validation_loss:.4f} after step {result.best_step} of {result.steps}."
    )


def _given(arguments: argparse.Namespace) -> dict[str, Any]:
    names = (*RECIPE, "quantize", "packing")
    return {name: value for name in names if (value := getattr(arguments, name)) is not None}


def _given_base(arguments: argparse.Namespace) -> list[str]:
    return [name for name in ("base", "revision") if getattr(arguments, name) is not None]


@contextmanager
def _stop_on_signals() -> Iterator[Event]:
    """Set the event at the first SIGTERM or Ctrl-C; a second Ctrl-C ends at once."""
    stop = Event()

    def handle(number: int, _: FrameType | None) -> None:
        if stop.is_set() and number == signal.SIGINT:
            raise KeyboardInterrupt
        stop.set()
        # Not print: the signal may come while a line is being printed.
        os.write(sys.stderr.fileno(), b"Stopping after the step in hand, with a checkpoint.\n")

    before = {number: signal.signal(number, handle) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return number


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
