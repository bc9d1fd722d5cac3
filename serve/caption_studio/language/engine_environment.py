"""LanguageSettings → the variables that vLLM reads on any platform.

This module does not import vLLM, because some are read while it is imported. Those that depend on
the platform: language.engine_options.
"""

import os

from caption_studio.settings import LanguageSettings


def set_for_all_platforms(settings: LanguageSettings) -> None:
    """Set the variables; processes that are started later inherit them."""
    os.environ["VLLM_CPU_OMP_THREADS_BIND"] = settings.cpu_threads
    os.environ["VLLM_NO_USAGE_STATS"] = "1"
    os.environ.setdefault("VLLM_LOGGING_LEVEL", "WARNING")
    # Each prompt length needs a matrix product of another shape, and oneDNN caches the last 1024:
    # hundreds of megabytes in the demo (measured: 800 MB over 240 lengths, 130 with 32).
    # https://uxlfoundation.github.io/oneDNN/dev_guide_primitive_cache.html
    os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "32")
