"""The light clients of tests/clients against the shared service; all: `make test-clients`."""

from pathlib import Path

import pytest

from tests.clients.clients import CLIENTS, NOT_WORKING, Client, NotInstalled, command
from tests.clients.trial import ROOT, Service, tried
from tests.conftest import Service as RunningService

pytestmark = pytest.mark.service
LIGHT = [client for client in CLIENTS if client.light]
ENVIRONMENTS = ROOT / "tmp" / "clients"


@pytest.mark.parametrize("client", LIGHT, ids=lambda client: client.name)
def test_a_light_client_works(client: Client, service: RunningService) -> None:
    if client.is_npm:
        _skip_without_npm(client, ENVIRONMENTS)
    results = tried(client, Service(service.url, "no-key-is-needed-here"), ENVIRONMENTS)
    broken = [result for result in results if result.why]
    assert [
        (result.feature, result.why)
        for result in broken
        if (client.name, result.feature) not in NOT_WORKING
    ] == []


def _skip_without_npm(client: Client, environments: Path) -> None:
    try:
        command(client, environments)
    except NotInstalled as error:
        if "no npm" in str(error):
            pytest.skip(str(error))
        raise
