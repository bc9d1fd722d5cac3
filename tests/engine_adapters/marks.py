"""The marks of tests that start a `FalconEngine` in their own process."""

import pytest

ENGINE_HERE = [
    pytest.mark.anyio,
    pytest.mark.engine,
    # torch 2.13 warns of its own use of torch.jit when vLLM imports it.
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    # vLLM 0.32 leaves a ZeroMQ context to the garbage collector.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
