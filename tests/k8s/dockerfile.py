"""The Dockerfile, read."""

import re
import shlex

from tests.k8s.rendered import ROOT

DOCKERFILE = (ROOT / "deploy" / "Dockerfile").read_text()


def instructions(name: str) -> list[str]:
    """Return the arguments of an instruction, each on one line."""
    joined = re.sub(r"\\\n\s*", " ", re.sub(r"(?m)^\s*#.*\n", "", DOCKERFILE))
    return re.findall(rf"^{name} (.*)$", joined, flags=re.MULTILINE)


def environment() -> dict[str, str]:
    """Return what ENV sets."""
    return dict(pair.split("=", 1) for line in instructions("ENV") for pair in shlex.split(line))
