"""The service's application on an internet that the tests play; only they start it.

`build` is the `import_path` of the config that tests/conftest.py derives from
deploy/demo.yaml. All else is the service's own: only the two seams where a fetch touches the
network ask the Unix socket named by STAND_IN_INTERNET. Who answers: tests/contract/internet.py.
"""

import asyncio
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import httpcore

from caption_studio.images.loader import ImageIntake
from caption_studio.settings import Settings

SOCKET_VARIABLE = "STAND_IN_INTERNET"
FAULTS_VARIABLE = "STAGE_FAULTS"


class StandInNetwork(httpcore.AsyncNetworkBackend):
    """Resolver and network backend in one, as the tests answer."""

    def __init__(self, socket_path: str) -> None:
        self._socket_path = socket_path

    async def resolve(self, host: str, port: int) -> Sequence[str]:
        addresses = await self._ask("resolve", host, port)
        if addresses is None:
            raise OSError("no such name: secret resolver detail")
        return [str(address) for address in addresses]

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's signature
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        local_port = await self._ask("connect", host, port)
        if local_port == "silent":
            await asyncio.sleep(timeout or 0)
            raise httpcore.ConnectTimeout(f"silence from {host}")
        if local_port is None:
            raise httpcore.ConnectError(f"nothing listens on {host}")
        return await httpcore.AnyIOBackend().connect_tcp("127.0.0.1", local_port, timeout)

    async def _ask(self, question: str, host: str, port: int) -> Any:
        reader, writer = await asyncio.open_unix_connection(self._socket_path)
        try:
            writer.write(json.dumps([question, host, port]).encode() + b"\n")
            return json.loads(await reader.readline())
        finally:
            writer.close()


def build(values: Mapping[str, Any] | None = None) -> Any:
    # Here and not above: Ray takes seconds to import, and tests/conftest.py imports this module.
    from caption_studio.deployments.app import application
    from tests.faulty_stages import faulty_describer

    return application(
        Settings.load(values),
        partial(make_intake, socket_path=os.environ[SOCKET_VARIABLE]),
        describer=faulty_describer,
    )


def make_intake(settings: Settings, *, socket_path: str) -> ImageIntake:
    network = StandInNetwork(socket_path)
    return ImageIntake(
        settings.images, size_px=settings.vision.image_size_px, resolver=network, network=network
    )
