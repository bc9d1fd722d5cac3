"""The images' figures, of what Docker prints; no Docker is needed."""

import json
import tomllib
from pathlib import Path

import pytest

from benchmarks.hardware import ROOT
from benchmarks.images import __main__ as command
from benchmarks.images import contents
from benchmarks.images.contents import Layer, largest, layers, look
from benchmarks.images.start import memory

HISTORY = """\
0\t/bin/sh -c #(nop)  CMD ["caption-studio" "serve"]
566000000\t/bin/sh -c #(nop) COPY dir:1 in .venv
7000000\tRUN /bin/sh -c apt-get update     && apt-get install wget # buildkit
168000000\t
"""
CGROUP_1 = "cache 900\nrss 1\nshmem 2\ntotal_cache 1000\ntotal_rss 5000000\ntotal_shmem 1000000\n"
CGROUP_2 = "anon 5000000\nfile 9000\nshmem 1000000\n"


def test_layers_are_those_with_files_in_the_order_of_the_build() -> None:
    assert layers(HISTORY) == [
        Layer("", 168.0),
        Layer("RUN /bin/sh -c apt-get update && apt-get install wget # buildkit", 7.0),
        Layer("COPY dir:1 in .venv", 566.0),
    ]


def test_the_largest_come_first() -> None:
    sizes = {f"package{number}": number * 10**6 for number in range(20)}
    assert list(largest(sizes).items())[:2] == [("package19", 19.0), ("package18", 18.0)]
    assert len(largest(sizes)) == contents.LARGEST


@pytest.mark.parametrize("statistics", [CGROUP_1, CGROUP_2])
def test_memory_is_what_processes_hold(statistics: str) -> None:
    assert memory(statistics) == 6.0


@pytest.mark.parametrize("has_same", [True, False])
def test_an_image_of_other_files_is_told_apart(
    monkeypatch: pytest.MonkeyPatch, has_same: bool
) -> None:
    seen = {"environment": 10**9, "packages": {"torch": 7 * 10**8}, "user": 1000}

    def program(_: str, source: str) -> str:
        if source is contents.LOOK:
            return json.dumps(seen)
        return contents.subprocess.run(
            [contents.sys.executable, "-"],
            input=source,
            cwd=ROOT if has_same else "/",
            capture_output=True,
            text=True,
            check=True,
        ).stdout

    monkeypatch.setattr(contents, "program", program)
    monkeypatch.setattr(contents, "inspect", lambda _: {"Size": 2 * 10**9})
    monkeypatch.setattr(contents, "history", lambda _: HISTORY)
    found = look("caption-studio:test")
    assert (found.mb, found.environment_mb, found.user) == (2000.0, 1000.0, 1000)
    assert found.has_this_checkouts_files is has_same


def test_the_images_are_those_of_this_version() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    dockerfile = (ROOT / "deploy" / "Dockerfile").read_text()
    for target, image in command.images().items():
        assert image == f"caption-studio:{version}-{target}"
        assert f"--target {target} --tag {image} " in dockerfile


def test_without_docker_it_ends_with_one_sentence(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert command.main(["--base", "none", "--output", str(tmp_path / "out.json")]) == 1
    assert capsys.readouterr().err.startswith("benchmarks: ")
    assert not (tmp_path / "out.json").exists()
