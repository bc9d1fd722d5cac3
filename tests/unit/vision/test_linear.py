"""Both libraries give the product that PyTorch gives."""

import pytest
import torch
from torch.nn import functional

from caption_studio.vision.linear import MIN_ROWS, linear


@pytest.mark.parametrize("shape", [(1, 24), (MIN_ROWS, 24), (3, 65, 24), (0, 24)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("biased", [True, False])
@torch.inference_mode()
def test_it_is_the_product(shape: tuple[int, ...], dtype: torch.dtype, biased: bool) -> None:
    generator = torch.Generator().manual_seed(0)
    x, weight = (torch.randn(size, generator=generator).to(dtype) for size in (shape, (40, 24)))
    bias = torch.randn(40, generator=generator).to(dtype) if biased else None
    product = linear(x, weight, bias)
    torch.testing.assert_close(product, functional.linear(x, weight, bias))


@torch.inference_mode()
def test_rows_that_do_not_lie_together_are_read_in_their_order() -> None:
    x, weight = torch.randn(24, 2 * MIN_ROWS).t(), torch.randn(40, 24)
    torch.testing.assert_close(linear(x, weight, None), functional.linear(x, weight))
