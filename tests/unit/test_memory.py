"""What is left of a machine's memory, and of its shared memory for Ray's object store."""

from pathlib import Path

import pytest

from caption_studio import memory

GIB = 2**30


def control_group(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)


@pytest.fixture
def group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    machine = tmp_path / "meminfo"
    machine.write_text(f"MemTotal: {16 * GIB // 1024} kB\nMemAvailable: {8 * GIB // 1024} kB\n")
    monkeypatch.setattr(memory, "_MACHINE", machine)
    monkeypatch.setattr(memory, "_CONTROL_GROUP", tmp_path / "group")
    return tmp_path / "group"


def test_without_a_container_it_is_what_the_machine_has_available(group: Path) -> None:
    assert memory.free_memory_bytes() == 8 * GIB


@pytest.mark.parametrize(
    ("files", "left"),
    [
        # What the container has taken already counts, but not files that it only read.
        (
            {
                "memory.max": f"{4 * GIB}\n",
                "memory.current": f"{3 * GIB}\n",
                "memory.stat": f"anon {2 * GIB}\ninactive_file {GIB // 2}\n",
            },
            4 * GIB - 3 * GIB + GIB // 2,
        ),
        (
            {
                "memory/memory.limit_in_bytes": f"{4 * GIB}\n",
                "memory/memory.usage_in_bytes": f"{3 * GIB}\n",
                "memory/memory.stat": f"inactive_file 0\ntotal_inactive_file {GIB}\n",
            },
            2 * GIB,
        ),
        ({"memory.max": "max\n", "memory.current": "1\n", "memory.stat": ""}, 8 * GIB),
        ({"memory.max": f"{64 * GIB}\n", "memory.current": "1\n"}, 8 * GIB),
        ({"memory.max": f"{4 * GIB}\n"}, 4 * GIB),
        ({"memory.max": f"{GIB}\n", "memory.current": f"{2 * GIB}\n"}, 0),
    ],
    ids=["version 2", "version 1", "no limit", "larger than the machine", "limit alone", "over it"],
)
def test_a_containers_limit_counts(group: Path, files: dict[str, str], left: int) -> None:
    group.mkdir()
    control_group(group, files)
    assert memory.free_memory_bytes() == left


@pytest.mark.parametrize(
    ("machine", "shared", "store"),
    [
        (16 * GIB, 16 * GIB, None),
        (16 * GIB, 5 * GIB, None),
        (16 * GIB, 2 * GIB, GIB),
        (16 * GIB, GIB // 2, GIB // 2 * 9 // 10),
        (16 * GIB, 64 * 1024**2, None),  # too small for Ray, which then takes the disk
    ],
)
def test_the_object_store_fits_the_shared_memory(
    machine: int, shared: int, store: int | None
) -> None:
    assert memory.store_bytes(machine, shared) == store


def test_between_84_and_128_mib_the_store_fits() -> None:
    mib = 1024**2
    assert [memory.store_fits(size * mib) for size in (83, 84, 127)] == [False, True, True]
