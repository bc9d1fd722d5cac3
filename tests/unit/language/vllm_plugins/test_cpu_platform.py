import subprocess
import sys
import warnings

import pytest

from caption_studio.language.vllm_plugins.cpu import platform

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # vLLM's imports warn
    from vllm.lora.punica_wrapper.punica_cpu import PunicaWrapperCPU
    from vllm.platforms import cpu_platform_plugin
    from vllm.platforms.cpu import CpuPlatform
    from vllm.utils.import_utils import resolve_obj_by_qualname

    from caption_studio.language.vllm_plugins.cpu_lora import GroupedPunicaWrapper
    from caption_studio.language.vllm_plugins.cpu_platform import GroupedLoraCpuPlatform


@pytest.mark.skipif(
    cpu_platform_plugin() != "vllm.platforms.cpu.CpuPlatform", reason="this vLLM is for a GPU"
)
def test_the_plugin_names_our_platform_where_vllm_runs_on_a_cpu() -> None:
    named = platform()
    assert named is not None
    assert resolve_obj_by_qualname(named) is GroupedLoraCpuPlatform


@pytest.mark.parametrize("stock", [None, "vllm.platforms.zen_cpu.ZenCpuPlatform"])
def test_on_other_platforms_the_plugin_stands_aside(
    monkeypatch: pytest.MonkeyPatch, stock: str | None
) -> None:
    monkeypatch.setattr("vllm.platforms.cpu_platform_plugin", lambda: stock)
    assert platform() is None


def test_the_plugin_imports_neither_torch_nor_vllm_by_itself() -> None:
    program = (
        "import sys, caption_studio.language.vllm_plugins.cpu as _; "
        "sys.exit(bool({'torch', 'vllm'} & set(sys.modules)))"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_adapters_are_applied_by_our_wrapper() -> None:
    named = GroupedLoraCpuPlatform.get_punica_wrapper()
    assert resolve_obj_by_qualname(named) is GroupedPunicaWrapper


def test_nothing_else_of_the_platform_differs() -> None:
    class Same(CpuPlatform):
        """It has what Python gives to every class."""

    own = set(vars(GroupedLoraCpuPlatform)) - set(vars(Same))
    assert own == {"get_punica_wrapper", "check_and_update_config"}


def test_vllm_naming_another_wrapper_keeps_it(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(CpuPlatform, "get_punica_wrapper", classmethod(lambda _: "vllm.other"))
    assert GroupedLoraCpuPlatform.get_punica_wrapper() == "vllm.other"
    assert "unknown" in caplog.text


def test_another_interface_of_vllms_wrapper_keeps_it(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(PunicaWrapperCPU, "add_lora_linear", lambda self, y, x, adapters: None)
    named = GroupedLoraCpuPlatform.get_punica_wrapper()
    assert resolve_obj_by_qualname(named) is PunicaWrapperCPU
    assert "unknown" in caplog.text
