"""Every form of Falcon checkpoint, answered by vLLM as transformers and PEFT answer it.

Float32 and greedy: the tokens must be equal, one by one. All prompts of a form are one
batch in which neighbours have different adapters.
"""

from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from transformers import FalconForCausalLM
from transformers.models.falcon import modeling_falcon

from tests.engine.checkpoints import (
    ALIBI,
    ALIBI_1B,
    ELEVEN_B,
    FORTY_B,
    MULTI_HEAD,
    SEVEN_B,
    VOCABULARY,
    Form,
    random_adapter,
    random_falcon,
    write_2023,
    write_modern,
)
from tests.engine.conftest import Engines, Job
from tests.engine.reference import TIE, Answer, answers, differences

pytestmark = pytest.mark.engine
MAX_TOKENS = 6


@pytest.mark.parametrize(
    ("form", "prompts"),
    [
        (SEVEN_B, 48),
        pytest.param(FORTY_B, 24, marks=pytest.mark.slow),  # 11B has its form, and is smaller
        (ELEVEN_B, 90),
        (ALIBI, 60),
        (MULTI_HEAD, 40),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_both_config_forms_give_the_reference_tokens(
    form: Form, prompts: int, engines: Engines, tmp_path: Path
) -> None:
    model = random_falcon(form)
    job, reference = _reference(form, model, tmp_path, prompts)
    modern, old = tmp_path / "modern", tmp_path / "2023"
    write_modern(model, modern)
    write_2023(model, form, old, safetensors=form is SEVEN_B)
    del model
    for folder in (modern, old):
        tokens = engines.run(Job(model=str(folder), **job))
        assert differences(reference, tokens) == [], folder.name
    assert not (old / "code-was-run").exists()


def test_alibi_is_served_with_exact_slopes(
    engines: Engines, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """transformers rounds the slopes of 32 heads to bfloat16, and vLLM does not.

    Those of 8 heads are powers of two, which no rounding changes: see the test above.
    """
    monkeypatch.setattr(modeling_falcon, "build_alibi_tensor", _unrounded_alibi)
    model = random_falcon(ALIBI_1B)
    job, reference = _reference(ALIBI_1B, model, tmp_path, 40)
    tokens = engines.run(Job(model=str(write_modern(model, tmp_path / "modern")), **job))
    assert differences(reference, tokens) == []


def _reference(
    form: Form, model: FalconForCausalLM, folder: Path, count: int
) -> tuple[dict[str, object], list[Answer]]:
    adapters = [
        random_adapter(model, targets, folder / f"adapter-{seed}", seed=seed)
        for seed, targets in enumerate(form.adapters)
    ]
    choice = [None, *range(len(adapters))]
    adapter_of = [choice[i % len(choice)] for i in range(count)]
    prompts = _prompts(count, of_groups=len(choice))
    reference = answers(model, adapters, prompts, adapter_of, MAX_TOKENS)
    _require_telling(model, prompts, adapter_of, reference)
    job = {
        "adapters": [str(adapter) for adapter in adapters],
        "prompts": prompts,
        "adapter_of": adapter_of,
        "max_tokens": MAX_TOKENS,
    }
    return job, reference


def _prompts(count: int, of_groups: int) -> list[list[int]]:
    """Return random prompts, all those of one adapter equally long, 4 to 28 tokens."""
    random = torch.Generator().manual_seed(count)
    lengths = [4 + 24 * group // of_groups for group in range(of_groups)]
    return [
        torch.randint(1, VOCABULARY, (lengths[i % of_groups],), generator=random).tolist()
        for i in range(count)
    ]


def _require_telling(
    model: FalconForCausalLM,
    prompts: Sequence[list[int]],
    adapter_of: Sequence[int | None],
    reference: Sequence[Answer],
) -> None:
    """Hold the reference itself: adapters change the answers, and few steps are ties."""
    adapted = [i for i, adapter in enumerate(adapter_of) if adapter is not None][:16]
    bare = answers(model, [], [prompts[i] for i in adapted], [None] * len(adapted), MAX_TOKENS)
    changed = sum(reference[i].tokens != base.tokens for i, base in zip(adapted, bare, strict=True))
    assert changed > 0.9 * len(adapted)
    assert sum(lead < TIE for answer in reference for lead in answer.leads) <= 1


def _unrounded_alibi(
    attention_mask: torch.Tensor, num_heads: int, dtype: torch.dtype
) -> torch.Tensor:
    """Return transformers' bias without its rounding; for a power of two of heads."""
    slopes = 2.0 ** (-8 / num_heads * torch.arange(1, num_heads + 1))
    positions = (attention_mask.cumsum(-1) - 1) * attention_mask
    bias = slopes[None, :, None] * positions[:, None, :]
    return bias.reshape(-1, 1, attention_mask.shape[1]).to(dtype)
