"""`python -m benchmarks.images`: sizes of the images that are here, and a start of the CPU one.

Build them first (docs/install.md). An image that is not here is named under `not_built`.
"""

import argparse
import json
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.hardware import ROOT, describe
from benchmarks.images.contents import Contents, look
from benchmarks.images.docker import docker
from benchmarks.images.start import Start, StartFailed, start

TARGETS = ("cpu", "gateway", "gpu")
RUNS = "cpu"
"""The target that serves by itself without a GPU."""


def table(contents: Contents) -> list[str]:
    """Return the lines for the terminal."""
    return [
        f"{contents.image}: {contents.mb:.0f} MB, its environment {contents.environment_mb:.0f}",
        *(f"  {layer.mb:8.1f}  {layer.instruction[:80]}" for layer in contents.layers),
        *(f"  {mb:8.1f}    {name}" for name, mb in contents.largest_mb.items()),
    ]


def images() -> dict[str, str]:
    """Return the name of each target's image."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    return {target: f"caption-studio:{version}-{target}" for target in TARGETS}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print and write; return 1 if Docker does not answer or the image does not serve."""
    parser = argparse.ArgumentParser("python -m benchmarks.images", description=__doc__)
    parser.add_argument("--base", required=True, help="in words: what BASE was at the build")
    parser.add_argument("--output", type=Path, metavar="FILE", help="JSON")
    options = parser.parse_args(arguments)
    try:
        here = docker("image", "ls", "--format={{.Repository}}:{{.Tag}}").split()
        found = {target: look(name) for target, name in images().items() if name in here}
        started = start(found[RUNS].image) if RUNS in found else None
    except (OSError, subprocess.SubprocessError, StartFailed) as error:
        print(f"benchmarks: {getattr(error, 'stderr', None) or error}", file=sys.stderr)
        return 1
    for contents in found.values():
        print("\n".join(table(contents)))
    print(started or f"{RUNS} is not here, nothing was started")
    if options.output is not None:
        _write(options.output, options.base, found, started)
    return 0


def _write(output: Path, base: str, found: dict[str, Contents], started: Start | None) -> None:
    value = {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "docker": docker("version", "--format={{.Server.Version}}").strip(),
        "base": base,
        "not_built": [target for target in TARGETS if target not in found],
        "images": {target: asdict(contents) for target, contents in found.items()},
        "start": started and asdict(started),
        "environment": asdict(describe()),
    }
    output.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    sys.exit(main())
