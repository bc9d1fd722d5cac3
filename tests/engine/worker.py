"""One process with vLLM in it, for the tests of this folder; started by conftest.py.

It reads one job a line from its standard input (JSON: see `Job` in conftest.py) and writes
one answer a line: {"tokens": …} or {"error": "…"}. A process of its own, because vLLM's
imports warn, and so that its memory goes when the tests end.
"""

import gc
import json
import os
import sys
from typing import Any

os.environ.update(
    VLLM_ENABLE_V1_MULTIPROCESSING="0",
    VLLM_CPU_OMP_THREADS_BIND="nobind",
    VLLM_NO_USAGE_STATS="1",
    VLLM_LOGGING_LEVEL="WARNING",
    ONEDNN_PRIMITIVE_CACHE_CAPACITY="32",
)


class Engine:
    """The engine of the last job, kept for the next if it asks for the same one."""

    def __init__(self) -> None:
        self._asked: tuple[dict[str, Any], list[str]] | None = None
        self._llm: Any = None

    def of(self, options: dict[str, Any], adapters: list[str]) -> Any:
        """Return an engine for these options and adapters; its prefix cache is empty."""
        if (options, adapters) != self._asked:
            self.end()
            from vllm import LLM

            self._llm, self._asked = LLM(**options), (options, adapters)
        self._llm.reset_prefix_cache()
        return self._llm

    def end(self) -> None:
        """End the engine, if there is one."""
        self._llm = self._asked = None
        gc.collect()
        from vllm.distributed import cleanup_dist_env_and_memory

        cleanup_dist_env_and_memory()


def main() -> None:
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # vLLM writes its log to the standard output
    engine = Engine()
    for line in sys.stdin:
        try:
            answer: dict[str, Any] = {"tokens": generate(engine, **json.loads(line))}
        except Exception as error:  # the edge of this process
            engine.end()
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), file=answers, flush=True)


def generate(
    engine: Engine,
    model: str,
    adapters: list[str],
    prompts: list[list[int]],
    adapter_of: list[int | None],
    max_tokens: int,
    options: dict[str, Any],
    sampling: dict[str, Any],
) -> list[list[int]]:
    """Answer all prompts in one mixed batch."""
    from vllm import SamplingParams, TokensPrompt
    from vllm.lora.request import LoRARequest

    from caption_studio.language.vllm_plugins.falcon import CONFIG_FORMAT

    requests = [LoRARequest(f"a{i}", i + 1, path) for i, path in enumerate(adapters)]
    llm = engine.of(
        {
            "model": model,
            "config_format": CONFIG_FORMAT,
            "dtype": "float32",
            "skip_tokenizer_init": True,
            "enforce_eager": True,
            "max_model_len": 128,
            "max_num_seqs": 64,
            "kv_cache_memory_bytes": 128 * 1024**2,
            "enable_lora": bool(adapters),
            "max_loras": max(1, len(adapters)),
            "max_lora_rank": 16,
            **options,
        },
        adapters,
    )
    outputs = llm.generate(
        [TokensPrompt(prompt_token_ids=prompt) for prompt in prompts],
        SamplingParams(
            **{
                "temperature": 0.0,
                "max_tokens": max_tokens,
                "ignore_eos": True,
                "detokenize": False,
                **sampling,
            }
        ),
        lora_request=[None if i is None else requests[i] for i in adapter_of],
        use_tqdm=False,
    )
    return [list(output.outputs[0].token_ids) for output in outputs]


if __name__ == "__main__":
    main()
