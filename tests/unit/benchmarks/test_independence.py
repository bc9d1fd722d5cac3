import ast
from pathlib import Path

ROOT = Path(__file__).parents[3] / "benchmarks"

INSIDE = {"describer", "cluster", "gpu", "hop", "rehearsal", "structured"}
"""They measure engines by themselves; `structured` paints the demo's held-out scenes."""
ALONE = {"alone_captioner.py", "alone_describer.py"}
"""One engine in its own process has no wire to be asked over; a stand-in for one needs its seam."""


def imported(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names.add((node.module or "").split(".")[0])
    return names


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
    assert [str(path) for path in ROOT.glob("*.py") if imported(path) & heavy] == []
