"""The running Serve → the address that it listens on.

It was chosen at Serve's start: by our own command, by `serve deploy`, or by another application
before this one. Only the controller knows it, and no public call returns it
(ray/serve/_private/controller.py, 2.60).
"""

import ray
from ray.serve._private.constants import SERVE_CONTROLLER_NAME, SERVE_NAMESPACE


async def listening_host() -> str | None:
    """Return the host of proxies and gateways alike, None where there is no HTTP."""
    controller = ray.get_actor(SERVE_CONTROLLER_NAME, namespace=SERVE_NAMESPACE)
    options = await controller.get_http_config.remote()
    host: str | None = options.host
    return host
