"""One thread for what trains: two that wait for each other on busy cores are ten times slower."""

from collections.abc import Iterator

import pytest
import torch

VARIABLE = "OMP_NUM_THREADS"


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """For the test's own process and for the commands that it starts."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(VARIABLE, "1")
        yield
    torch.set_num_threads(before)
