"""A cluster that is not there is told at once, and whatever ends a flow in a sentence."""

import socket

import pytest

from caption_studio.deployments.one_machine.config_file import StartFailed
from caption_studio.offline.cluster import connected, ends_told
from caption_studio.offline.restarts import NodeDied
from caption_studio.offline.run import Unfinished


@pytest.fixture
def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port


@pytest.mark.parametrize("host", ["127.0.0.1", "no-such-host.invalid"])
def test_an_address_at_which_nobody_listens(host: str, closed_port: int) -> None:
    address = f"{host}:{closed_port}"
    with pytest.raises(StartFailed, match=f"^No Ray cluster answers at {address}.$"):
        connected(address).__enter__()


@pytest.mark.parametrize(
    ("error", "kind", "says"),
    [
        (StartFailed("Too small."), Unfinished, "Too small."),
        (ValueError("a line\nOSError: no room"), Unfinished, "the run has ended: OSError: no room"),
        (NodeDied("a node has died"), NodeDied, "a node has died"),
    ],
)
def test_what_ends_a_flow_is_a_sentence(error: Exception, kind: type, says: str) -> None:
    with pytest.raises(kind) as told, ends_told():
        raise error
    assert str(told.value) == says
