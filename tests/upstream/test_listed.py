"""docs/upstream.md against our source: every private use has a row, and every row a use."""

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.upstream.listed import PACKAGE, ROOT, Row, file, libraries, names, rows

LIBRARIES = ("Ray", "vLLM", "transformers", "torch", "TRL", "Starlette", "Python")
ROWS = [row for library in LIBRARIES for row in rows(library)]
LISTED = {row.name for row in ROWS}

PUBLIC_OF_VLLM = {
    "vllm",
    "vllm.config",
    "vllm.exceptions",
    "vllm.logprobs",
    "vllm.lora.request",
    "vllm.outputs",
    "vllm.sampling_params",
    "vllm.tokenizers",
}
PUBLIC_NAMES = {"vllm.platforms.current_platform", "os._exit"}

DOCUMENTED = {
    "RAY_ADDRESS",
    "RAY_AUTH_MODE",
    "RAY_DEDUP_LOGS",
    "RAY_SERVE_ENABLE_HA_PROXY",
    "RAY_SERVE_RUN_ROUTER_IN_SEPARATE_LOOP",
    "RAY_SERVE_USE_GRPC_BY_DEFAULT",
    "RAY_USAGE_STATS_ENABLED",
}
"""Variables that a guide of Ray explains."""


def sources() -> Iterator[tuple[str, ast.Module]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        yield path.relative_to(PACKAGE).as_posix(), ast.parse(path.read_text())


def is_private(module: str, name: str) -> bool:
    if module.startswith("vllm") and module not in PUBLIC_OF_VLLM:
        return f"{module}.{name}" not in PUBLIC_NAMES
    parts = [*module.split("."), name]
    return any(re.match(r"_(?!_)", part) for part in parts)


def private_imports() -> list[tuple[str, str]]:
    """Return our module and upstream's full name, for each private name that is imported."""
    found = []
    for place, tree in sources():
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and not (node.module or "").startswith(
                ("caption_studio", "benchmarks")
            ):
                module = node.module or ""
                found += [
                    (place, f"{module}.{alias.name}")
                    for alias in node.names
                    if is_private(module, alias.name)
                ]
            elif isinstance(node, ast.Import):
                found += [
                    (place, alias.name)
                    for alias in node.names
                    if is_private(*alias.name.rpartition(".")[::2])
                ]
    return found


def private_attributes() -> list[tuple[str, str]]:
    """Return our module and the attribute, where another's object is asked for a private one."""
    found = []
    for place, tree in sources():
        attributes = [node for node in ast.walk(tree) if isinstance(node, ast.Attribute)]
        own = {node.attr for node in attributes if isinstance(node.ctx, ast.Store)}
        found += [
            (place, node.attr)
            for node in attributes
            if re.match(r"_(?!_)", node.attr)
            and node.attr not in own
            and ast.unparse(node.value) not in ("self", "cls", "super()")
            and ast.unparse(node) not in PUBLIC_NAMES
        ]
    return sorted(set(found))


def variables() -> list[tuple[str, str]]:
    """Return file and name of each of Ray's variables that we set or read."""
    deployed = [ROOT / "deploy" / "Dockerfile", ROOT / "deploy" / "cluster-env.sh"]
    files = [*sorted(PACKAGE.rglob("*.py")), *deployed, *sorted((ROOT / "k8s").rglob("*.yaml"))]
    return [
        (_place(path), name)
        for path in files
        for name in sorted(set(re.findall(r"\bRAY_\w+\b(?=\"|=|,? value)", path.read_text())))
        if name not in DOCUMENTED
    ]


def _place(path: Path) -> str:
    return path.relative_to(PACKAGE if path.is_relative_to(PACKAGE) else ROOT).as_posix()


@pytest.mark.parametrize(("place", "name"), private_imports())
def test_a_private_import_has_a_row(place: str, name: str) -> None:
    assert [row for row in ROWS if row.name == name and place in row.places]


@pytest.mark.parametrize(("place", "attribute"), private_attributes())
def test_a_private_attribute_has_a_row(place: str, attribute: str) -> None:
    assert [row for row in ROWS if row.name.endswith(f".{attribute}") and place in row.places]


@pytest.mark.parametrize(("place", "name"), variables())
def test_an_undocumented_variable_has_a_row(place: str, name: str) -> None:
    assert [row for row in ROWS if row.name == name and place in row.places]


@pytest.mark.parametrize("row", ROWS, ids=[row.name for row in ROWS])
def test_a_row_names_files_of_ours_that_use_it(row: Row) -> None:
    assert row.places
    for place in row.places:
        assert file(place).is_file(), place
        text = file(place).read_text()
        for part in row.name.split("/"):
            assert part in text or re.split(r"[. ]", part)[-1] in text, (place, part)


@pytest.mark.parametrize("row", ROWS, ids=[row.name for row in ROWS])
def test_a_row_says_why_and_until_when(row: Row) -> None:
    assert len(row.cells) == 4
    assert all(cell.endswith(".") for cell in row.cells[2:])


@pytest.mark.parametrize("library", LIBRARIES)
def test_the_counts_at_the_top_are_right(library: str) -> None:
    assert libraries()[library].count == len(set(names(library))) == len(names(library))


@pytest.mark.parametrize("library", ["Ray", "vLLM", "transformers", "torch"])
def test_the_versions_at_the_top_are_the_pinned_ones(library: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    pins = [*project["dependencies"], *extras["models"], *extras["gpu"]]
    pattern = rf"{library.lower()}(\[\w+\])?[=>]=([\d.]+)(,<.*)?"
    (match,) = filter(None, (re.fullmatch(pattern, pin) for pin in pins))
    assert match[2] == libraries()[library].version


def test_private_uses_are_seen_at_all() -> None:
    assert (
        "deployments/one_machine/serve_start.py",
        "ray.serve._private.api.serve_start",
    ) in private_imports()
    assert ("language/engine.py", "vllm.v1.engine.async_llm.AsyncLLM") in private_imports()
    assert ("language/vllm_plugins/cpu_lora.py", "_version") in private_attributes()
    assert ("deploy/cluster-env.sh", "RAY_SERVE_HAPROXY_NBTHREAD") in variables()
    assert "Tensor._version" in LISTED
