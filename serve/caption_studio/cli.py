"""The command line: `caption-studio serve | caption | models`."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

DEMO_CONFIG = Path(__file__).parents[2] / "deploy" / "demo.yaml"


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; return its exit status."""
    arguments = _parser().parse_args(argv)
    status: int = arguments.run(arguments)
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="caption-studio",
        description="A picture goes in, a caption worth posting comes out.",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    serve = commands.add_parser("serve", help="start the service on this machine")
    serve.add_argument("--config", type=Path, default=DEMO_CONFIG, metavar="FILE")
    serve.add_argument("--host", help="default: the config file's")
    serve.add_argument("--port", type=int, help="default: the config file's")
    serve.set_defaults(run=_serve)

    caption = commands.add_parser("caption", help="caption pictures through a running service")
    caption.add_argument("pictures", nargs="+", type=Path, metavar="PICTURE")
    caption.add_argument("--url", default="http://127.0.0.1:8000", help="default: %(default)s")
    caption.add_argument("--model", help="an id of GET /v1/models; default: the first adapter")
    caption.set_defaults(run=_caption)

    models = commands.add_parser("models", help="the embedded demo models")
    model_commands = models.add_subparsers(required=True, metavar="COMMAND")
    train = model_commands.add_parser(
        "train-demo", help="make the demo models anew: under an hour on two cores"
    )
    train.add_argument("--output", type=Path, required=True, metavar="DIR")
    train.set_defaults(run=_train_demo)
    return parser


def _serve(arguments: argparse.Namespace) -> int:
    # Ray on this machine alone: all its ports on loopback. It reads this when it is imported
    # (ray_constants.ENABLE_RAY_CLUSTER, 2.60), and calls it so because it is the default there.
    os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
    # Ray prints every line of every replica: by default it leaves out what two of them wrote alike,
    # and two gateways' request lines differ by their numbers only. Read at the import, too.
    os.environ.setdefault("RAY_DEDUP_LOGS", "0")
    # Ray takes seconds to import, and only this command needs it.
    from caption_studio.deployments.run import StartFailed, run

    try:
        run(arguments.config, host=arguments.host, port=arguments.port)
    except StartFailed as error:
        print(f"caption-studio: {error}", file=sys.stderr)
        return 1
    return 0


def _caption(arguments: argparse.Namespace) -> int:
    from caption_studio.client import caption_files

    return caption_files(arguments.pictures, url=arguments.url, model=arguments.model)


def _train_demo(arguments: argparse.Namespace) -> int:
    # torch takes seconds to import, and only this command needs it.
    from caption_studio.demo.train import train_demo
    from caption_studio.observability import logging as studio_logging
    from caption_studio.settings import LoggingSettings

    studio_logging.configure(LoggingSettings(format="text"))  # the progress
    train_demo(arguments.output)
    return 0
