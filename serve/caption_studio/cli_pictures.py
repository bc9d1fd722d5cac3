"""The arguments of the commands that caption pictures: `caption` and `batch`."""

import argparse
from collections.abc import Callable
from pathlib import Path

from caption_studio.limits import MAX_IN_FLIGHT


def add_caption(caption: argparse.ArgumentParser) -> None:
    """Add the arguments of `caption`."""
    caption.add_argument(
        "pictures",
        nargs="+",
        metavar="PICTURE",
        help="a file, a folder (and those in it), a pattern, an http(s) URL, - for standard input",
    )
    caption.add_argument(
        "--url", default="http://127.0.0.1:8000", help="with or without /v1; default: %(default)s"
    )
    caption.add_argument("--model", help="an id of GET /v1/models; default: the first adapter")
    caption.add_argument("--api-key", metavar="KEY", help="default: CAPTION_STUDIO_API_KEY")
    caption.add_argument(
        "--in-flight", type=_count, default=16, metavar="N", help="at a time; default: %(default)s"
    )
    caption.add_argument("--json", action="store_true", help="print one JSON object a line")
    caption.add_argument(
        "--output",
        type=Path,
        metavar="FILE",
        help="write a table instead of printing: .jsonl, .csv or .parquet",
    )
    _add_table_options(caption, "--output")


def add_batch(
    batch: argparse.ArgumentParser, *, config: Callable[[str], Path], default: Path
) -> None:
    """Add the arguments of `batch`; `config` reads the name of a config file."""
    batch.add_argument(
        "input",
        metavar="INPUT",
        help="a folder (and those in it), a pattern, an s3:// or gs:// folder, a .txt file with "
        "one of these or a URL a line, a .jsonl, .csv or .parquet with a column of pictures",
    )
    batch.add_argument(
        "output",
        type=Path,
        metavar="OUTPUT",
        help="a table: its name ends in .jsonl, .csv or .parquet; or .txt or .json alone, for a "
        "file beside each picture",
    )
    batch.add_argument(
        "--model",
        action="append",
        metavar="ID",
        help="a voice; several times for several captions; default: the config file's first",
    )
    batch.add_argument(
        "--config",
        type=config,
        default=default,
        metavar="FILE",
        help="the models and their sizes, as of `serve --config`; default: demo",
    )
    batch.add_argument("--address", help="of a Ray cluster; default: RAY_ADDRESS, or this machine")
    batch.add_argument("--picture-column", metavar="NAME", help="of a table; default: picture")
    batch.add_argument(
        "--price-per-hour",
        type=_price,
        metavar="PRICE",
        help="of all machines together; the cost is then shown",
    )
    _add_table_options(batch, "OUTPUT")


def _add_table_options(parser: argparse.ArgumentParser, table: str) -> None:
    """Add what both commands that write a table take."""
    existing = parser.add_mutually_exclusive_group()
    existing.add_argument("--resume", action="store_true", help=f"caption what {table} lacks")
    existing.add_argument("--overwrite", action="store_true", help=f"begin {table} anew")
    parser.add_argument(
        "--max-errors",
        type=_errors,
        metavar="N",
        help=f"end {table} when more pictures failed; default: never",
    )


def _errors(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise argparse.ArgumentTypeError(f"{text} is no number of errors")
    return int(text)


def _price(text: str) -> float:
    try:
        price = float(text)
    except ValueError:
        price = -1.0
    if not 0 <= price < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is no price")
    return price


def _count(text: str) -> int:
    number = int(text)
    if not 1 <= number <= MAX_IN_FLIGHT:
        raise argparse.ArgumentTypeError(f"from 1 to {MAX_IN_FLIGHT}")
    return number
