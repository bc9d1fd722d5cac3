"""Settings and Prompt → vLLM's environment, engine arguments and sampling parameters.

Not here: the engine itself (language.engine).
"""

import os
from collections.abc import Collection
from dataclasses import replace
from typing import Any

from vllm import AsyncEngineArgs, SamplingParams
from vllm.platforms import current_platform
from vllm.sampling_params import RequestOutputKind, StructuredOutputsParams

from caption_studio.language import engine_sampler
from caption_studio.language.engine_gathering import ASKED, Gather
from caption_studio.language.vllm_plugins.cpu_top_p import TOP_P, TopPWithoutSorting
from caption_studio.language.vllm_plugins.falcon import CONFIG_FORMAT
from caption_studio.records import Prompt, Sampling, Structure
from caption_studio.settings import LanguageSettings

CPU_COPIES = 4
"""Adapters kept in main memory for each slot in the model, so that a slot change reads no file."""

GREEDY_BELOW = 1e-5
"""Source: `_SAMPLING_EPS` in vllm/sampling_params.py (0.32.0)."""

STRUCTURED_OUTPUTS = {"backend": "guidance", "disable_any_whitespace": True}
"""Guidance computes each mask on demand and within a limit, so no schema takes long to compile.
White space between tokens is off because a small model may write it for ever."""


def set_environment(settings: LanguageSettings) -> None:
    """Set the options that vLLM reads only from the environment; its process inherits them."""
    os.environ["VLLM_CPU_OMP_THREADS_BIND"] = settings.cpu_threads
    os.environ["VLLM_NO_USAGE_STATS"] = "1"
    os.environ.setdefault("VLLM_LOGGING_LEVEL", "WARNING")
    # Each prompt length needs a matrix product of another shape, and oneDNN caches the last 1024:
    # hundreds of megabytes in the demo (measured: 800 MB over 240 lengths, 130 with 32).
    # https://uxlfoundation.github.io/oneDNN/dev_guide_primitive_cache.html
    os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "32")
    if current_platform.is_cuda() and not engine_sampler.can_run(os.environ):
        os.environ.setdefault(engine_sampler.VARIABLE, "0")
    if current_platform.is_cpu() and settings.cpu_threads == "nobind":
        # Run the model in the engine's process. A separate worker only serves to bind threads,
        # and the two wait for each other by spinning (vllm/platforms/cpu.py, 0.32.0).
        os.environ.setdefault("VLLM_ENABLE_V1_MULTIPROCESSING", "0")


def engine_args(
    settings: LanguageSettings, weights: str, *, lora: bool, batch_places: int = 0
) -> AsyncEngineArgs:
    """Return vLLM's arguments for the folder `weights`; `lora` says whether it takes adapters.

    With `batch_places`, so many sequences more may run, and prompts that wait have an order of
    their own (language.turns). The arguments allow any adapter; `for_these_adapters` narrows them.
    """
    sequences = settings.max_num_seqs + batch_places
    return AsyncEngineArgs(
        model=weights,
        served_model_name=settings.weights_id,
        config_format=CONFIG_FORMAT,
        dtype=settings.dtype,
        quantization=None if settings.quantization is None else "fp8_per_tensor",
        max_model_len=settings.max_model_len,
        max_num_seqs=sequences,
        max_num_batched_tokens=max(settings.max_num_batched_tokens, sequences),
        scheduling_policy="priority" if batch_places else "fcfs",
        kv_cache_memory_bytes=settings.kv_cache_bytes,
        gpu_memory_utilization=settings.gpu_memory_utilization,
        enforce_eager=settings.enforce_eager,
        enable_lora=lora,
        max_loras=settings.max_loaded_adapters,
        max_cpu_loras=settings.max_loaded_adapters * CPU_COPIES,
        max_lora_rank=settings.max_lora_rank,
        logits_processors=[TopPWithoutSorting] if current_platform.is_cpu() else None,
        structured_outputs_config=STRUCTURED_OUTPUTS,
        disable_log_stats=True,
        enable_log_requests=False,
        generation_config="vllm",  # a checkpoint's own sampling defaults are not ours
    )


def for_these_adapters(
    arguments: AsyncEngineArgs, modules: Collection[str], count: int
) -> AsyncEngineArgs:
    """Return arguments for `count` adapters that have weights for these modules, and no others.

    Otherwise vLLM would run its LoRA code in each linear layer of the model, for `max_loras`
    adapters at a time.
    """
    return replace(
        arguments,
        lora_target_modules=sorted(modules),
        max_loras=min(arguments.max_loras, count),
    )


def is_cut(prompt: Prompt) -> bool:
    """Return whether the answer may end before the model's text does."""
    return prompt.answer == "quoted" or bool(prompt.sampling.stop)


def comes_by_token(prompt: Prompt) -> bool:
    """Return whether vLLM must return each token separately.

    A quote or a stop word among the first `min_tokens` is text and not the end.
    """
    return is_cut(prompt) and prompt.sampling.min_tokens > 0


def sampling_params(
    prompt: Prompt, room: int, *, stream: bool, gather: Gather | None = None
) -> SamplingParams:
    """Return vLLM's sampling for a prompt that leaves `room` tokens.

    vLLM returns an answer that is not streamed in one piece, unless it `comes_by_token`. A greedy
    answer is generated once, whatever `n` is. `gather` is how its tokens gather before they leave
    vLLM's process.
    """
    sampling = prompt.sampling
    whole = not stream and not comes_by_token(prompt)
    stop = [] if prompt.answer == "quoted" else [*prompt.stop]
    return SamplingParams(
        n=1 if is_greedy(sampling) else sampling.n,
        max_tokens=min(sampling.max_tokens or room, room),
        temperature=sampling.temperature,
        **_extended(_top_p(sampling), gather),
        seed=sampling.seed,
        presence_penalty=sampling.presence_penalty,
        frequency_penalty=sampling.frequency_penalty,
        logit_bias=dict(sampling.logit_bias) or None,
        logprobs=sampling.top_logprobs,
        flat_logprobs=True,  # lists of numbers: no object for each candidate
        stop=stop,
        include_stop_str_in_output=sampling.include_stop and not stop,
        top_k=sampling.top_k,
        min_p=sampling.min_p,
        repetition_penalty=sampling.repetition_penalty,
        min_tokens=min(sampling.min_tokens, room),
        ignore_eos=sampling.ignore_eos,
        stop_token_ids=[*sampling.stop_token_ids],
        structured_outputs=_structured(sampling.structure),
        output_kind=RequestOutputKind.FINAL_ONLY if whole else RequestOutputKind.DELTA,
    )


def is_greedy(sampling: Sampling) -> bool:
    """Return whether vLLM always takes the likeliest token, so that answers are deterministic."""
    return sampling.temperature < GREEDY_BELOW


def _structured(structure: Structure | None) -> StructuredOutputsParams | None:
    return None if structure is None else StructuredOutputsParams(json=structure.schema)


def _extended(arguments: dict[str, Any], gather: Gather | None) -> dict[str, Any]:
    if gather is None:
        return arguments
    return {**arguments, "extra_args": {**(arguments.get("extra_args") or {}), ASKED: gather}}


def _top_p(sampling: Sampling) -> dict[str, Any]:
    """Return the `top_p` arguments: on a CPU those of `TopPWithoutSorting`, else vLLM's own.

    A greedy answer on a CPU needs none. With `top_k`, which vLLM applies first, vLLM's own is used.
    """
    if not current_platform.is_cpu() or sampling.top_k:
        return {"top_p": sampling.top_p}
    wanted = 1.0 if is_greedy(sampling) else sampling.top_p
    return {"extra_args": {TOP_P: wanted} if wanted < 1 else None}
