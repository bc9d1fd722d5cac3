import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3] / "benchmarks"

INSIDE = {
    "affinity", "describer", "cluster", "gpu", "hop", "offline", "rehearsal", "size", "structured"
}  # fmt: skip
"""They measure engines by themselves; two of them paint the demo's held-out scenes."""
ALONE = {"alone_captioner.py", "alone_describer.py", "policies.py", "stepped_captioner.py"}
"""One engine in its own process has no wire to be asked over; a stand-in for one needs its seam.
The scaling policy is asked in one file of its simulation, which shares no other code with it."""


ROOMS = ("workload", "load", "figures", "report")
"""Each may import those before it."""
FOUNDATIONS = {"arguments", "hardware", "ports", "processes", "scenario", "server", "service"}
"""Modules beside the rooms that import none of them. The others are built on rooms."""


def modules(path: Path) -> set[str]:
    """Return the dotted names of all that a file imports, and of what it takes out of them."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def imported(path: Path) -> set[str]:
    return {name.split(".")[0] for name in modules(path)}


def of_ours(path: Path) -> set[str]:
    """Return the rooms, and the modules beside them, that a file imports."""
    parts = [name.split(".") for name in modules(path)]
    return {inside[0] for top, *inside in parts if top == "benchmarks" and inside}


def test_the_benchmarks_know_the_service_over_http_only() -> None:
    files = [
        path
        for path in ROOT.rglob("*.py")
        if path.parent.name not in INSIDE and path.name not in ALONE
    ]
    assert len(files) > 20
    assert [str(path) for path in files if "caption_studio" in imported(path)] == []


def test_the_client_drags_in_no_framework() -> None:
    """A client process is to start at once and leave the memory to the server."""
    heavy = {"vllm", "ray", "torch", "transformers", "fastapi"}
    folders = (ROOT, ROOT / "scenario", *(ROOT / room for room in ROOMS))
    files = [path for folder in folders for path in folder.glob("*.py")]
    assert len(files) > 35
    assert [str(path) for path in files if imported(path) & heavy] == []


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_those_before_it(room: str) -> None:
    before = {*ROOMS[: ROOMS.index(room) + 1], *FOUNDATIONS}
    if room == "report":  # it tells of what these return
        before |= {"calibrate", "fleet", "run", "sweep"}
    files = list((ROOT / room).glob("*.py"))
    assert len(files) > 3
    for path in files:
        assert of_ours(path) <= before, path


def test_the_foundations_stand_on_no_room() -> None:
    for name in FOUNDATIONS:
        files = [*ROOT.glob(f"{name}.py"), *(ROOT / name).glob("*.py")]
        assert files, name
        for path in files:
            assert of_ours(path) <= FOUNDATIONS, path
