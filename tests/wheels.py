"""The project's wheel, built here."""

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
SOURCES = ("pyproject.toml", "README.md", "LICENSE", "serve", "benchmarks", "deploy")
UNTRACKED = shutil.ignore_patterns("__pycache__", "*.egg-info", "results")


def build_wheel(folder: Path) -> Path:
    """Build it from a copy in `folder`: setuptools would add what an earlier build has left."""
    for name in SOURCES:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, symlinks=True, ignore=UNTRACKED)
        else:
            shutil.copy(ROOT / name, folder / name)
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "."],
        cwd=folder,
        capture_output=True,
        timeout=300,
        check=True,
    )
    (built,) = folder.glob("caption_studio-*-py3-none-any.whl")
    return built
