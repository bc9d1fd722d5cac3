"""`caption-bench`: the load benchmarks, which stand beside this package in the repository.

They reach the service by HTTP only, and the service's images do not contain them.
"""

import sys
from importlib.util import find_spec

NEEDS = ("httptools", "matplotlib", "psutil", "uvloop")
"""Modules of the extra `bench` without which a run fails, some of them only at its end."""

_NOT_HERE = (
    "caption-bench: the benchmarks are not installed here. In a checkout of the project: "
    'pip install --editable ".[cpu,bench]"'
)


def main() -> int:
    """Run the benchmarks; return 2 if they, or what they need, are not installed."""
    if find_spec("benchmarks") is None:
        print(_NOT_HERE, file=sys.stderr)
        return 2
    missing = [name for name in NEEDS if find_spec(name) is None]
    if missing:
        needed = f"missing: {', '.join(missing)}; pip install 'caption-studio[bench]'."
        print(f"caption-bench: {needed}", file=sys.stderr)
        return 2
    from benchmarks.__main__ import main as run

    return run()
