"""Tests with a vLLM engine of this process: `FalconEngine` is imported in a fixture, not above."""

import pytest


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"
