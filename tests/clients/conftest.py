from collections.abc import Iterator

import pytest

from tests.conftest import ARGS, Service, running


@pytest.fixture(scope="package")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Start the embedded demo once for all clients."""
    with running(tmp_path_factory.mktemp("service"), ARGS) as service:
        yield service
