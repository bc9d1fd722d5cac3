"""An image → its size, layer by layer, and what takes most of its environment.

Sizes are of files as they lie on the disk, in MB of 10**6 bytes; a registry sends them compressed.
"""

import json
import re
import subprocess
import sys
from dataclasses import dataclass

from benchmarks.hardware import ROOT
from benchmarks.images.docker import history, inspect, program

MB = 10**6
LARGEST = 8
SMALLEST_MB = 0.1
"""Layers below it, such as those that only set a variable, are left out."""

CLASSIC = re.compile(r"^/bin/sh -c (#\(nop\)\s*)?")
"""What the classic builder puts before an instruction."""

LOOK = """
import json, os, sysconfig
from pathlib import Path

def size(path):
    files = [path] if path.is_file() else path.rglob("*")
    return sum(file.lstat().st_blocks * 512 for file in files)

packages = Path(sysconfig.get_path("purelib"))
sizes = {path.name: size(path) for path in packages.iterdir()}
print(json.dumps({"environment": size(Path(".venv")), "packages": sizes, "user": os.getuid()}))
"""

HASH = """
import hashlib
from pathlib import Path

whole = hashlib.sha256()
for path in sorted(Path("serve/caption_studio").rglob("*")):
    if path.is_file() and "__pycache__" not in path.parts:
        whole.update(f"{path}\\n".encode() + path.read_bytes())
print(whole.hexdigest())
"""


@dataclass(frozen=True)
class Layer:
    """An instruction of the Dockerfile, and what it added."""

    instruction: str
    mb: float


@dataclass(frozen=True)
class Contents:
    """An image; `largest_mb` are those of its environment's packages, `user` who runs it."""

    image: str
    mb: float
    layers: list[Layer]
    environment_mb: float
    largest_mb: dict[str, float]
    user: int
    has_this_checkouts_files: bool


def look(image: str) -> Contents:
    """Look into an image; takes some seconds."""
    seen = json.loads(program(image, LOOK))
    here = subprocess.run(
        [sys.executable, "-"], input=HASH, cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    return Contents(
        image=image,
        mb=_mb(inspect(image)["Size"]),
        layers=layers(history(image)),
        environment_mb=_mb(seen["environment"]),
        largest_mb=largest(seen["packages"]),
        user=seen["user"],
        has_this_checkouts_files=program(image, HASH) == here,
    )


def layers(listing: str) -> list[Layer]:
    """Read `docker history`; return the layers that have files, the base's first."""
    rows = [line.split("\t", 1) for line in reversed(listing.splitlines())]
    found = [Layer(" ".join(CLASSIC.sub("", text).split()), _mb(int(size))) for size, text in rows]
    return [layer for layer in found if layer.mb >= SMALLEST_MB]


def largest(sizes: dict[str, int]) -> dict[str, float]:
    """Return the largest of them, in MB, the largest first."""
    order = sorted(sizes, key=sizes.__getitem__, reverse=True)
    return {name: _mb(sizes[name]) for name in order[:LARGEST]}


def _mb(size: int) -> float:
    return round(size / MB, 1)
