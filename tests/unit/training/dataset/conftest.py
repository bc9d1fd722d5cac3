"""What the tests of `dataset` share: a world to ask, and the command run in this process."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from caption_studio.cli import main
from tests.unit.training.dataset.world import TEACHER, World, serving

Run = Callable[..., int]


@pytest.fixture
def world() -> Iterator[World]:
    with serving(World()) as world:
        yield world


@pytest.fixture
def build(world: World) -> Run:
    """Run `dataset build` against the world; further arguments come before."""

    def run(*arguments: object, out: Path) -> int:
        named = ["--url", world.url, "--teacher-url", f"{world.url}/v1", "--teacher-model", TEACHER]
        return main(["dataset", "build", *map(str, arguments), str(out), *named])

    return run
