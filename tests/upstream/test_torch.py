"""What docs/upstream.md lists of torch is still there, in the form that we need."""

from collections.abc import Callable

import pytest
import torch

from tests.upstream.listed import names


def counts_what_is_written() -> None:
    """Into a part of the tensor, too: vLLM writes one adapter's slot."""
    stacked = torch.zeros(2, 1, 4, 3)
    seen = [stacked._version]
    stacked[1, 0, :2, :3].copy_(torch.ones(2, 3))
    seen.append(stacked._version)
    stacked[1] = 0
    seen.append(stacked._version)
    assert seen == sorted(set(seen))
    stacked.any()
    assert stacked._version == seen[-1]


def multiplies_plain_weights() -> None:
    x, weight, bias = torch.ones(20, 3), torch.ones(4, 3), torch.ones(4)
    product = torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], "")
    assert product.eq(4).all()


CHECKS: dict[str, Callable[[], None]] = {
    "Tensor._version": counts_what_is_written,
    "torch.ops.mkldnn._linear_pointwise": multiplies_plain_weights,
}


@pytest.mark.parametrize("name", names("torch"))
def test_torch_still_has(name: str) -> None:
    CHECKS[name]()
