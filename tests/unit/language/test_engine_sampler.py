"""FlashInfer's sampler is taken only where its kernels are, or can be made."""

import os
from pathlib import Path

import pytest
from vllm.platforms import current_platform

from caption_studio.language import engine_options, engine_sampler
from caption_studio.language.engine_sampler import VARIABLE, can_run
from caption_studio.settings import LanguageSettings

TOOLS = ("nvcc", "ninja", "c++")


def machine(folder: Path, *tools: str, home: Path | None = None) -> dict[str, str]:
    for name in tools:
        place = (home / "bin" if home and name == "nvcc" else folder) / name
        place.parent.mkdir(exist_ok=True, parents=True)
        place.write_text("#!/bin/sh\n")
        place.chmod(0o755)
    return {"PATH": str(folder), **({} if home is None else {"CUDA_HOME": str(home)})}


@pytest.fixture(autouse=True)
def no_cuda_of_this_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_sampler, "CUDA_HOME", str(tmp_path / "usual-place"))
    monkeypatch.setattr(engine_sampler, "FLASHINFER", "json")  # it is installed


def test_with_all_that_it_takes_to_compile_them(tmp_path: Path) -> None:
    assert can_run(machine(tmp_path, *TOOLS))


def test_nvcc_may_lie_in_cudas_own_folder(tmp_path: Path) -> None:
    assert can_run(machine(tmp_path / "bin", *TOOLS, home=tmp_path / "cuda"))


def test_a_folder_that_is_named_must_have_it(tmp_path: Path) -> None:
    assert not can_run(machine(tmp_path, *TOOLS) | {"CUDA_HOME": str(tmp_path / "nowhere")})


@pytest.mark.parametrize("missing", TOOLS)
def test_not_where_a_tool_is_missing(tmp_path: Path, missing: str) -> None:
    assert not can_run(machine(tmp_path, *(tool for tool in TOOLS if tool != missing)))


def test_not_without_flashinfer_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_sampler, "FLASHINFER", "no_such_module")
    assert not can_run(machine(tmp_path, *TOOLS))


def test_compiled_ones_need_no_tool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_sampler, "COMPILED", "json")
    assert can_run(machine(tmp_path))


@pytest.mark.parametrize(
    ("cuda", "can", "said", "wanted"),
    [
        (True, False, None, "0"),
        (True, True, None, None),  # vLLM decides
        (True, False, "1", "1"),  # the operator knows better
        (False, False, None, None),
    ],
)
def test_vllm_is_told(
    monkeypatch: pytest.MonkeyPatch, cuda: bool, can: bool, said: str | None, wanted: str | None
) -> None:
    monkeypatch.setattr(os, "environ", {} if said is None else {VARIABLE: said})
    monkeypatch.setattr(current_platform, "is_cuda", lambda: cuda)
    monkeypatch.setattr(current_platform, "is_cpu", lambda: not cuda)
    monkeypatch.setattr(engine_sampler, "can_run", lambda environment: can)
    engine_options.set_environment(LanguageSettings())
    assert os.environ.get(VARIABLE) == wanted
