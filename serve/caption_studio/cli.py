"""The command line: what each command's words mean, and where its work is done."""

import argparse
import math
import os
import signal
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from caption_studio.cli_pictures import add_batch, add_caption
from caption_studio.training.dataset import command as dataset
from caption_studio.training.evaluation import command as evaluation
from caption_studio.training.finetune import command as finetune

CONFIGS = Path(__file__).with_name("configs")
"""The Serve configs that come along. Links to deploy's in a repository, copies in a wheel."""

DEMO_CONFIG = CONFIGS / "demo.yaml"
TRAIN_EXTRA = ("bitsandbytes", "datasets", "matplotlib", "trl")
"""Modules that only the extra `train` brings."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; return its exit status, that of the signal for Ctrl-C and a closed pipe."""
    arguments = _parser().parse_args(argv)
    try:
        status: int = arguments.run(arguments)
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    except BrokenPipeError:
        # Else Python would try to write the rest when it ends, and report that it cannot.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + signal.SIGPIPE
    except ModuleNotFoundError as error:
        module = (error.name or "").partition(".")[0]
        if module not in TRAIN_EXTRA:
            raise
        told = f"caption-studio: {module} is missing; pip install 'caption-studio[train]'."
        print(told, file=sys.stderr)
        return 1
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="caption-studio",
        description="A picture goes in, a caption worth posting comes out.",
    )
    parser.add_argument("--version", action="version", version=version("caption-studio"))
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    serve = commands.add_parser("serve", help="start the service on this machine")
    shipped = ", ".join(sorted(path.stem for path in CONFIGS.glob("*.yaml")))
    serve.add_argument(
        "--config",
        type=_config,
        default=DEMO_CONFIG,
        metavar="FILE",
        help=f"or one that comes along, by its name: {shipped}; default: demo",
    )
    serve.add_argument("--host", help="default: the config file's")
    serve.add_argument("--port", type=int, help="default: the config file's")
    serve.set_defaults(run=_serve)

    caption = commands.add_parser("caption", help="caption pictures through a running service")
    add_caption(caption)
    caption.set_defaults(run=_caption)

    batch = commands.add_parser("batch", help="caption many pictures without a service")
    add_batch(batch, config=_config, default=DEMO_CONFIG)
    batch.set_defaults(run=_batch)

    doctor = commands.add_parser("doctor", help="say what is wrong with this machine")
    doctor.set_defaults(run=_doctor)

    _add_admin(commands)
    for room in (dataset, finetune, evaluation):
        room.add_to(commands)

    models = commands.add_parser("models", help="what a service loads")
    model_commands = models.add_subparsers(required=True, metavar="COMMAND")
    train = model_commands.add_parser(
        "train-demo", help="make the demo models anew: seven to eight hours on two cores"
    )
    train.add_argument("--output", type=Path, required=True, metavar="DIR")
    train.set_defaults(run=_train_demo)
    pull = model_commands.add_parser(
        "pull", help="fetch what a config file names on the hub, so that a start needs no network"
    )
    pull.add_argument(
        "config", type=_config, metavar="CONFIG", help="a file, or the name of one that comes along"
    )
    pull.set_defaults(run=_pull)
    return parser


def _config(text: str) -> Path:
    """Return that path or, if nothing is there, the config of that name that comes along."""
    path, shipped = Path(text), CONFIGS / f"{text}.yaml"
    return shipped if path.name == text and not path.exists() and shipped.exists() else path


def _add_admin(commands: Any) -> None:
    """Add the commands that change what a running service serves."""
    for what in ("adapters", "voices", "aliases"):
        group = commands.add_parser(what, help=f"the {what} of a running service")
        actions = group.add_subparsers(required=True, metavar="COMMAND", dest="do")
        listing = actions.add_parser("list", help="one a line, tabs between id, writer and kind")
        removing = actions.add_parser("remove", help="serve it no longer")
        removing.add_argument("id")
        changing = _add_alias_set(actions) if what == "aliases" else _add_add(actions, what)
        for action in (listing, changing, removing):
            action.add_argument("--url", default="http://127.0.0.1:8000", help="%(default)s")
            action.add_argument("--admin-key", metavar="KEY", help="CAPTION_STUDIO_ADMIN_KEY")
            action.add_argument("--json", action="store_true", help="print one JSON object a line")
            action.set_defaults(run=_administer, what=what)


def _add_add(actions: Any, what: str) -> argparse.ArgumentParser:
    adding: argparse.ArgumentParser = actions.add_parser(
        "add", help="serve one more, on every gateway at once"
    )
    if what == "voices":
        adding.add_argument(
            "file", metavar="FILE", help="YAML or JSON, as POST /v1/admin/voices takes it; or -"
        )
    else:
        adding.add_argument("id", help="what callers put into `model`")
        adding.add_argument("source", help="hub id, s3:// or gs:// folder, or absolute folder")
        adding.add_argument("--revision", help="commit of a hub adapter")
        adding.add_argument("--any-base", action="store_true", help="whatever base it names")
    return adding


def _add_alias_set(actions: Any) -> argparse.ArgumentParser:
    setting: argparse.ArgumentParser = actions.add_parser(
        "set", help="let these models answer, on every gateway; replaces what it was"
    )
    setting.add_argument("id", help="what callers put into `model`")
    setting.add_argument(
        "targets", nargs="+", type=_target, metavar="MODEL=WEIGHT", help="such as caption-2023=90"
    )
    setting.add_argument("--description", default="", help="one line, for people who choose")
    return setting


def _target(text: str) -> tuple[str, float]:
    model, _, weight = text.rpartition("=")
    try:
        number = float(weight)
    except ValueError:
        number = 0.0
    if not model or not math.isfinite(number) or number <= 0:
        raise argparse.ArgumentTypeError(f"{text} is not MODEL=WEIGHT with a weight over 0")
    return model, number


def _serve(arguments: argparse.Namespace) -> int:
    from caption_studio.deployments.one_machine.supervisor import supervised

    return supervised(lambda: _serve_here(arguments))


def _keep_ray_here() -> None:
    """Keep Ray on this machine alone, with all its ports on loopback.

    Ray reads the variable at import (ray_constants.ENABLE_RAY_CLUSTER, 2.60); it is named for the
    systems where this is the default.
    """
    os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"


def _serve_here(arguments: argparse.Namespace) -> str | None:
    from caption_studio.deployments.allocator import limit_heaps

    _keep_ray_here()
    # Has Ray print every line of every replica. By default it leaves out lines that two of them
    # wrote alike, and two gateways' request lines differ only by their numbers. Read at import,
    # too.
    os.environ.setdefault("RAY_DEDUP_LOGS", "0")
    limit_heaps()
    # Ray takes seconds to import, and only this command needs it.
    from caption_studio.deployments.one_machine.config_file import StartFailed
    from caption_studio.deployments.one_machine.run import run

    try:
        run(arguments.config, host=arguments.host, port=arguments.port)
    except StartFailed as error:
        return f"caption-studio: {error}"
    return None


def _doctor(_: argparse.Namespace) -> int:
    from caption_studio.doctor.command import doctor

    return doctor()


def _caption(arguments: argparse.Namespace) -> int:
    from caption_studio.client import caption

    return caption(arguments)


def _batch(arguments: argparse.Namespace) -> int:
    from caption_studio.deployments.allocator import limit_heaps

    arguments.address = arguments.address or os.environ.get("RAY_ADDRESS")
    if arguments.address is None:
        _keep_ray_here()
    limit_heaps()
    # Ray takes seconds to import, and few commands need it.
    from caption_studio.offline.command import batch

    return batch(arguments)


def _administer(arguments: argparse.Namespace) -> int:
    from caption_studio.client.admin import administer

    return administer(arguments)


def _pull(arguments: argparse.Namespace) -> int:
    # Both take seconds to import.
    from caption_studio.deployments.one_machine.config_file import StartFailed, load_settings
    from caption_studio.model_files import PullFailed, pull, repositories

    try:
        wanted = list(
            dict.fromkeys(
                repository
                for settings in load_settings(arguments.config)
                for repository in repositories(settings)
            )
        )
        if not wanted:
            print(f"{arguments.config} names nothing on the hub.")
        for repository in wanted:
            done = pull(repository)
            print(
                f"{repository.id} at {done.commit}: {done.files} files, "
                f"{done.size_bytes / 1e9:.2f} GB, {done.seconds:.0f} s"
            )
    except (StartFailed, PullFailed) as error:
        print(f"caption-studio: {error}", file=sys.stderr)
        return 1
    return 0


def _train_demo(arguments: argparse.Namespace) -> int:
    # torch takes seconds to import, and only this command needs it.
    from caption_studio.demo.train import train_demo
    from caption_studio.observability import logging as studio_logging
    from caption_studio.settings import LoggingSettings

    studio_logging.configure(LoggingSettings(format="text"))  # the progress
    train_demo(arguments.output)
    return 0
