"""The shipped models, answered by vLLM as transformers and PEFT answer them."""

from pathlib import Path

import pytest
import torch
from transformers import AutoTokenizer, FalconForCausalLM

from caption_studio.demo.scenes import sample_scene
from caption_studio.language.adapters.merge import write_merged_checkpoint
from caption_studio.language.vllm_plugins.cpu_top_p import TOP_P, TopPWithoutSorting
from caption_studio.records import Description
from caption_studio.settings import EMBEDDED_MODELS_DIR
from caption_studio.voices.prompt import plain_prompt
from tests.engine.checkpoints import copy_with_config_2023
from tests.engine.conftest import Engines, Job
from tests.engine.reference import Answer, answers, differences

pytestmark = pytest.mark.engine
BASE = EMBEDDED_MODELS_DIR / "falcon-demo"
ADAPTERS = [EMBEDDED_MODELS_DIR / name for name in ("caption-demo", "caption-demo-plain")]
MAX_TOKENS = 12
COUNT = 200
ADAPTER_OF = [(None, 0, 1)[i % 3] for i in range(COUNT)]


@pytest.fixture(scope="module")
def prompts() -> list[list[int]]:
    tokenizer = AutoTokenizer.from_pretrained(BASE)
    return [
        tokenizer(plain_prompt(Description(sample_scene(seed).description)))["input_ids"]
        for seed in range(COUNT)
    ]


@pytest.fixture(scope="module")
def reference(prompts: list[list[int]]) -> list[Answer]:
    model = FalconForCausalLM.from_pretrained(BASE, dtype=torch.float32)
    return answers(model, ADAPTERS, prompts, ADAPTER_OF, MAX_TOKENS)


def test_base_and_adapters_in_one_batch_give_the_reference_tokens(
    engines: Engines, prompts: list[list[int]], reference: list[Answer]
) -> None:
    tokens = engines.run(_job(BASE, prompts))
    assert differences(reference, tokens) == []


def test_top_p_without_sorting_draws_the_tokens_that_vllm_draws(
    engines: Engines, prompts: list[list[int]]
) -> None:
    ours = f"{TopPWithoutSorting.__module__}:{TopPWithoutSorting.__name__}"
    drawn = {"temperature": 1.2, "seed": 5}
    from_all = engines.run(_job(BASE, prompts, sampling=drawn))
    their_tokens = engines.run(_job(BASE, prompts, sampling={**drawn, "top_p": 0.8}))
    sampling = {**drawn, "extra_args": {TOP_P: 0.8}}
    our_tokens = engines.run(_job(BASE, prompts, sampling=sampling, logits_processors=[ours]))
    assert our_tokens == their_tokens
    assert our_tokens != from_all


def test_the_same_with_a_config_of_2023(
    engines: Engines, prompts: list[list[int]], reference: list[Answer], tmp_path: Path
) -> None:
    """With its tokenizer, which vLLM loads by a config of its own reading."""
    fields = {"model_type": "RefinedWebModel", "multi_query": True}
    old = copy_with_config_2023(BASE, fields, tmp_path / "2023")
    tokens = engines.run(_job(old, prompts, skip_tokenizer_init=False))
    assert differences(reference, tokens) == []
    assert not (old / "code-was-run").exists()


def test_a_merged_checkpoint_gives_its_adapters_tokens(
    engines: Engines, prompts: list[list[int]], reference: list[Answer], tmp_path: Path
) -> None:
    write_merged_checkpoint(str(BASE), str(ADAPTERS[0]), tmp_path / "merged", "float32")
    mine = [i for i in range(COUNT) if ADAPTER_OF[i] == 0]
    tokens = engines.run(
        Job(str(tmp_path / "merged"), [prompts[i] for i in mine], [None] * len(mine), MAX_TOKENS)
    )
    assert differences([reference[i] for i in mine], tokens) == []


def test_the_two_adapters_and_the_base_model_answer_differently(
    prompts: list[list[int]],
) -> None:
    model = FalconForCausalLM.from_pretrained(BASE, dtype=torch.float32)
    texts = {
        adapter: [
            tuple(answer.tokens)
            for answer in answers(model, ADAPTERS, prompts[:12], [adapter] * 12, MAX_TOKENS)
        ]
        for adapter in (None, 0, 1)
    }
    for first, second in ((None, 0), (None, 1), (0, 1)):
        different = sum(a != b for a, b in zip(texts[first], texts[second], strict=True))
        assert different > 6, (first, second)


def _job(
    model: Path,
    prompts: list[list[int]],
    sampling: dict[str, object] | None = None,
    **options: object,
) -> Job:
    return Job(
        model=str(model),
        prompts=prompts,
        adapter_of=ADAPTER_OF,
        max_tokens=MAX_TOKENS,
        adapters=[str(adapter) for adapter in ADAPTERS],
        options=options,
        sampling=sampling or {},
    )
