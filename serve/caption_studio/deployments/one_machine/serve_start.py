"""Start Serve with its controller and proxies on the Ray that this process is connected to."""

from typing import Any

from ray import serve
from ray.exceptions import RayActorError
from ray.serve._private.api import serve_start
from ray.serve.schema import ServeDeploySchema

from caption_studio.deployments.one_machine.tries import tried


def start_serve(config: ServeDeploySchema) -> Any:
    """Start Serve, anew if its proxy does not answer in time; return the client.

    Serve waits 60 s for it (HTTP_PROXY_TIMEOUT, ray/serve/_private/api.py, 2.60). A proxy that
    answered nothing was seen once. Serve that runs already is only connected to. Raises
    `StartFailed`.
    """

    def start() -> Any:
        return serve_start(
            http_options=config.http_options.model_dump(),
            proxy_location=config.proxy_location,
            global_logging_config=config.logging_config,
        )

    return tried("Ray Serve", start, serve.shutdown, (TimeoutError, RayActorError))
