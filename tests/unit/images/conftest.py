import pytest

from tests.unit.images.internet import Internet


@pytest.fixture
def internet() -> Internet:
    return Internet()
