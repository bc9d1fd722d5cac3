"""Products with half-precision weights, on a processor that has no instructions for them."""

import warnings

import pytest
import torch

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # vLLM's imports warn
    from vllm.model_executor.layers import utils

    from caption_studio.language.vllm_plugins import cpu_half


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("shape", [(1, 48), (3, 48), (4, 48), (2, 5, 48), (0, 48)])
@pytest.mark.parametrize("has_bias", [False, True])
def test_a_product_is_that_of_float32_rounded_once(
    dtype: torch.dtype, shape: tuple[int, ...], has_bias: bool
) -> None:
    generator = torch.Generator().manual_seed(1)
    outputs = cpu_half.BLOCK_ROWS + 40  # two blocks, the second one short
    x = torch.randn(shape, generator=generator).to(dtype)
    weight = torch.randn((outputs, 48), generator=generator).to(dtype)
    bias = torch.randn(outputs, generator=generator).to(dtype) if has_bias else None
    wanted = torch.nn.functional.linear(
        x.float(), weight.float(), None if bias is None else bias.float()
    )
    got = cpu_half.linear(x, weight, bias)
    assert got.dtype == dtype
    assert got.shape == wanted.shape
    # One step of the type, where PyTorch rounds before it adds the bias.
    torch.testing.assert_close(got.float(), wanted, rtol=2 * torch.finfo(dtype).eps, atol=0.02)


def layer(dtype: torch.dtype, *shape: int) -> torch.nn.Module:
    module = torch.nn.Module()
    module.weight = torch.nn.Parameter(torch.zeros(shape, dtype=dtype))
    return module


@pytest.fixture
def vllms(monkeypatch: pytest.MonkeyPatch) -> list[torch.nn.Module]:
    """The layers that vLLM's own function was asked to choose for."""
    asked: list[torch.nn.Module] = []
    monkeypatch.setattr(
        utils, "dispatch_cpu_unquantized_gemm", lambda layer, remove_weight: asked.append(layer)
    )
    return asked


def dispatched(*layers: torch.nn.Module) -> None:
    with cpu_half.products_of_our_own():
        for one in layers:
            utils.dispatch_cpu_unquantized_gemm(one, remove_weight=True)


def test_an_old_processor_gets_it_for_half_precision_alone(
    vllms: list[torch.nn.Module], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx2": True, "avx512_f": False})
    half, full, convolution = (
        layer(torch.bfloat16, 4, 4),
        layer(torch.float32, 4, 4),
        layer(torch.bfloat16, 4, 1, 4),
    )
    own = utils.dispatch_cpu_unquantized_gemm
    dispatched(half, full, convolution)
    assert half.cpu_linear is cpu_half.linear
    assert vllms == [full, convolution]
    assert utils.dispatch_cpu_unquantized_gemm is own


@pytest.mark.parametrize("has", [{"avx2": True, "avx512_f": True}, {"neon": True}])
def test_others_keep_vllms_choice(
    has: dict[str, bool], vllms: list[torch.nn.Module], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: has)
    half = layer(torch.bfloat16, 4, 4)
    dispatched(half)
    assert vllms == [half]
