"""What docs/upstream.md lists of transformers is still there, in the form that we need."""

import pytest
import torch
from transformers import FalconConfig, FalconForCausalLM

from tests.upstream.forms import has_attributes
from tests.upstream.listed import names

GIT = "transformers.models.git"


@pytest.fixture(scope="module")
def falcons_weights() -> set[str]:
    """The names in a Falcon's checkpoint, of a model without numbers."""
    config = FalconConfig(
        vocab_size=8, hidden_size=8, num_hidden_layers=1, num_attention_heads=2, bias=False
    )
    with torch.device("meta"):
        return set(FalconForCausalLM(config).state_dict())


@pytest.mark.parametrize("name", [name for name in names("transformers") if name[:3] == "Git"])
def test_git_still_has(name: str) -> None:
    class_, _, attributes = name.partition(".")
    module = "configuration_git" if class_ == "GitConfig" else "modeling_git"
    has_attributes(f"{GIT}.{module}.{class_}", *attributes.split("/"))


@pytest.mark.parametrize("name", [name for name in names("transformers") if name[:3] != "Git"])
def test_a_falcon_still_has(name: str, falcons_weights: set[str]) -> None:
    in_a_layer = f"transformer.h.0.{name}.weight"
    assert name in falcons_weights or in_a_layer in falcons_weights, sorted(falcons_weights)
