"""Where the service listens: its public port and, for this machine alone, everything else."""

import ipaddress
from dataclasses import dataclass

import grpc
import psutil
import pytest

from tests.conftest import Service

pytestmark = pytest.mark.service

REPLICA = "ray::ServeReplica"
"""Serve's replicas take each other's calls on all addresses (`[::]:0` in
ray/serve/_private/replica.py, 2.60), whatever they are told: Ray's token guards them."""


@dataclass(frozen=True)
class Listener:
    process: str
    address: str
    port: int

    @property
    def is_for_this_machine_alone(self) -> bool:
        address = ipaddress.ip_address(self.address)
        mapped = getattr(address, "ipv4_mapped", None)
        return bool((mapped or address).is_loopback)


@pytest.fixture(scope="module")
def listeners(service: Service) -> list[Listener]:
    found = []
    parent = psutil.Process(service.pid)
    for process in [parent, *parent.children(recursive=True)]:
        try:
            name = " ".join(process.cmdline())[:60]
            connections = process.net_connections(kind="tcp")
        except psutil.NoSuchProcess:
            continue
        found += [
            Listener(name, c.laddr.ip, c.laddr.port)
            for c in connections
            if c.status == psutil.CONN_LISTEN
        ]
    return found


def test_nothing_but_the_replicas_takes_connections_from_other_machines(
    service: Service, listeners: list[Listener]
) -> None:
    assert any(service.url.endswith(f":{one.port}") for one in listeners)
    others = [one for one in listeners if not one.is_for_this_machine_alone]
    assert [one for one in others if not one.process.startswith(REPLICA)] == []


def test_a_replica_answers_nobody_without_rays_token(listeners: list[Listener]) -> None:
    open_ports = [one.port for one in listeners if not one.is_for_this_machine_alone]
    assert open_ports
    for port in open_ports:
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            call = channel.unary_unary("/ray.serve.ASGIService/HandleRequest")
            with pytest.raises(grpc.RpcError) as refused:
                call(b"", timeout=10)
        assert refused.value.code() == grpc.StatusCode.UNAUTHENTICATED
