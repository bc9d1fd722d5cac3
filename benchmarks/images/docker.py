"""What is asked of the command `docker`."""

import json
import subprocess
from typing import Any

TIMEOUT_S = 300.0


def docker(*words: str, text: str | None = None) -> str:
    """Return what the command printed. Raises `subprocess.CalledProcessError`."""
    done = subprocess.run(
        ["docker", *words],
        input=text,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=True,
    )
    return done.stdout


def inspect(image: str) -> dict[str, Any]:
    """Return what Docker knows of an image."""
    (found,) = json.loads(docker("image", "inspect", image))
    known: dict[str, Any] = found
    return known


def history(image: str) -> str:
    """Return a line for each instruction, the last one first: its bytes, a tab, its text."""
    form = "{{.Size}}\t{{.CreatedBy}}"
    return docker("image", "history", "--human=false", "--no-trunc", "--format", form, image)


def program(image: str, source: str) -> str:
    """Run a Python program in a new container without a network, and remove the container."""
    return docker(
        "run", "--rm", "--interactive", "--network=none", image, "python", "-", text=source
    )
