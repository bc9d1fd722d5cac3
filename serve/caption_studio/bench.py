"""`caption-bench`: the load benchmarks, which stand beside this package in the repository.

They reach the service by HTTP only, and the service's images do not contain them.
"""

import sys

_NOT_HERE = (
    "caption-bench: the benchmarks are not installed here. In a checkout of the project: "
    'pip install --editable ".[cpu,bench]"'
)


def main() -> int:
    """Run the benchmarks; return 2 if they are not installed."""
    try:
        from benchmarks.__main__ import main as run
    except ModuleNotFoundError as error:
        print(f"{_NOT_HERE} ({error})", file=sys.stderr)
        return 2
    return run()
