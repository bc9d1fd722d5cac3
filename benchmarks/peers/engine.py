"""The set-up of vLLM's engine, the same for the peers as for Caption Studio.

These are the values of deploy/demo.yaml, so that the comparison is fair.
"""

from typing import Any

ENGINE_ARGS: dict[str, Any] = {
    "dtype": "float32",
    "max_model_len": 1024,
    "max_num_seqs": 128,
    "max_num_batched_tokens": 192,
    "kv_cache_memory_bytes": 256 * 1024**2,
    "enforce_eager": True,
    "disable_log_stats": True,
    "generation_config": "vllm",
}

LORA_ARGS: dict[str, Any] = {"enable_lora": True, "max_loras": 4, "max_lora_rank": 16}

ENVIRONMENT = {
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",
    "VLLM_NO_USAGE_STATS": "1",
    "VLLM_LOGGING_LEVEL": "WARNING",
    "ONEDNN_PRIMITIVE_CACHE_CAPACITY": "32",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_worker_niceness": "0",  # as vLLM's own server, which is no worker of Ray
    "HF_HUB_OFFLINE": "1",
}


def flags(arguments: dict[str, Any]) -> list[str]:
    """Return `arguments` as the command line of vLLM's server spells them."""
    words: list[str] = []
    for name, value in arguments.items():
        flag = f"--{name.replace('_', '-')}"
        words += [flag] if value is True else [flag, str(value)]
    return words
