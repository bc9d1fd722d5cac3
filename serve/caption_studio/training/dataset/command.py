"""`caption-studio dataset build | review`: their arguments, and what they print."""

import argparse
from pathlib import Path
from typing import Any

from caption_studio.limits import MAX_IN_FLIGHT


def add_to(commands: Any) -> None:
    """Add `dataset` and its commands to the command line's."""
    group = commands.add_parser("dataset", help="make a data set of captions, and review it")
    actions = group.add_subparsers(required=True, metavar="COMMAND", parser_class=_OptionsAnywhere)
    build = actions.add_parser("build", help="pictures → descriptions → captions by a teacher")
    _add_sources(build)
    _add_describer(build)
    _add_teacher(build)
    _add_data_set(build)
    build.set_defaults(run=_build)
    review = actions.add_parser("review", help="read back what the page of --review exported")
    review.add_argument("rows", type=Path, metavar="OUT.jsonl", help="the data set as it was built")
    review.add_argument("export", type=Path, metavar="REVIEW.json", help="what the page exported")
    review.add_argument(
        "--output", type=Path, metavar="FILE", help="default: OUT.reviewed.jsonl, beside OUT.jsonl"
    )
    review.add_argument(
        "--accepted-only", action="store_true", help="leave out rows that nobody decided on"
    )
    review.set_defaults(run=_review)


class _OptionsAnywhere(argparse.ArgumentParser):
    """Takes options between PICTURES and OUT.jsonl too: argparse alone takes the first as OUT."""

    _is_inside = False

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Return the namespace and what is left, as `argparse` does."""
        if self._is_inside:  # called by the method below
            return super().parse_known_args(args, namespace)
        self._is_inside = True
        try:
            return self.parse_known_intermixed_args(args, namespace)
        finally:
            self._is_inside = False


def _add_sources(build: argparse.ArgumentParser) -> None:
    build.add_argument(
        "pictures",
        nargs="*",
        metavar="PICTURES",
        help="a file, a folder (and those in it), a pattern, an http(s) URL, an s3:// or gs:// "
        "folder, a .txt file with one of these a line",
    )
    build.add_argument("out", type=Path, metavar="OUT.jsonl", help="the data set; others beside it")
    build.add_argument(
        "--from",
        dest="table",
        type=Path,
        metavar="TABLE",
        help="instead of PICTURES: a .csv, .jsonl or .parquet with pictures, descriptions or both; "
        "what is there is not made anew",
    )
    for role in ("picture", "description", "caption"):
        build.add_argument(f"--{role}-column", metavar="NAME", help=f"default: {role}, if there")


def _add_describer(build: argparse.ArgumentParser) -> None:
    build.add_argument(
        "--url",
        default="http://127.0.0.1:8000",
        help="the service that describes; default: %(default)s",
    )
    build.add_argument("--api-key", metavar="KEY", help="of that service: CAPTION_STUDIO_API_KEY")
    build.add_argument(
        "--describer", metavar="MODEL", help="describe here instead: a folder or a hub id of a GIT"
    )


def _add_teacher(build: argparse.ArgumentParser) -> None:
    build.add_argument(
        "--teacher-url",
        metavar="URL",
        help="any OpenAI-compatible API, such as https://api.openai.com/v1; its key is read from "
        "CAPTION_STUDIO_TEACHER_KEY, else OPENAI_API_KEY",
    )
    build.add_argument("--teacher-model", metavar="MODEL")
    build.add_argument(
        "--teacher-sees-pictures",
        action="store_true",
        help="send the pictures to the teacher, with all that is in their files",
    )
    build.add_argument(
        "--prompt",
        metavar="FILE",
        help="what the teacher is asked, with {description} where that goes; default: ours. none: "
        "the picture alone, for a teacher that is a voice of Caption Studio",
    )
    build.add_argument(
        "--captions",
        type=_count,
        default=1,
        metavar="N",
        help="of each picture; default: %(default)s",
    )
    build.add_argument(
        "--in-flight",
        type=_in_flight,
        default=8,
        metavar="N",
        help="at a time; default: %(default)s",
    )
    build.add_argument(
        "--max-tokens",
        type=_count,
        default=200,
        metavar="N",
        help="of a caption; default: %(default)s",
    )
    build.add_argument(
        "--temperature", type=_number, metavar="T", help="default: the teacher's own"
    )
    build.add_argument("--price-in", type=_number, metavar="PRICE", help="of a million tokens read")
    build.add_argument(
        "--price-out", type=_number, metavar="PRICE", help="of a million tokens written"
    )


def _add_data_set(build: argparse.ArgumentParser) -> None:
    build.add_argument(
        "--near-duplicates",
        type=_bits,
        default=4,
        metavar="BITS",
        help="drop pictures whose difference hashes of 64 bits are so far apart at most; "
        "default: %(default)s",
    )
    for split in ("validation", "test"):
        build.add_argument(
            f"--{split}",
            type=_share,
            default=0.05,
            metavar="SHARE",
            help="of pictures; default: %(default)s",
        )
    build.add_argument("--licence", default="", metavar="TEXT", help="for the card")
    build.add_argument("--review", action="store_true", help="write a page to review the captions")
    build.add_argument(
        "--restart", action="store_true", help="put the journal away, and ask for all anew"
    )


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return number


def _in_flight(text: str) -> int:
    number = int(text)
    if not 1 <= number <= MAX_IN_FLIGHT:
        raise argparse.ArgumentTypeError(f"from 1 to {MAX_IN_FLIGHT}")
    return number


def _bits(text: str) -> int:
    number = int(text)
    if not 0 <= number <= 16:
        raise argparse.ArgumentTypeError("from 0 to 16")
    return number


def _number(text: str) -> float:
    number = float(text)
    if not 0 <= number < float("inf"):
        raise argparse.ArgumentTypeError("0 or more")
    return number


def _share(text: str) -> float:
    number = float(text)
    if not 0 <= number <= 0.5:
        raise argparse.ArgumentTypeError("from 0 to 0.5")
    return number


def _build(arguments: argparse.Namespace) -> int:
    # numpy, Pillow and httpx take their time to import.
    from caption_studio.training.dataset.run import build

    return build(arguments)


def _review(arguments: argparse.Namespace) -> int:
    from caption_studio.training.dataset.reviewing.read_back import review

    return review(arguments)
