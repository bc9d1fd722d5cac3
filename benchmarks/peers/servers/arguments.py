"""The command line that all captioning peers share."""

import argparse
from pathlib import Path


def parse() -> argparse.Namespace:
    """Read model folders, model id and port from the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--git", type=Path, required=True, metavar="DIR")
    parser.add_argument("--falcon", type=Path, required=True, metavar="DIR")
    parser.add_argument("--adapter", type=Path, metavar="DIR", help="none: --falcon has it merged")
    parser.add_argument("--model-id", required=True)
    parser.add_argument("--port", type=int, required=True)
    return parser.parse_args()
