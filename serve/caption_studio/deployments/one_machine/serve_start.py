"""Start Serve with its controller and proxies on the Ray that this process is connected to."""

import itertools
from typing import Any

from ray import serve
from ray.exceptions import RayActorError
from ray.serve._private.api import serve_start
from ray.serve.schema import ServeDeploySchema

from caption_studio.deployments.one_machine.config_file import StartFailed

TRIES = 3


def start_serve(config: ServeDeploySchema) -> Any:
    """Start Serve, anew if its proxy does not answer in time; return the client.

    Serve waits 60 s for it (HTTP_PROXY_TIMEOUT, ray/serve/_private/api.py, 2.60). Seen once in
    some hundred starts: a proxy that answered nothing. Serve that runs already is only connected
    to. Raises `StartFailed`.
    """
    for attempt in itertools.count(1):
        try:
            return serve_start(
                http_options=config.http_options.model_dump(),
                proxy_location=config.proxy_location,
                global_logging_config=config.logging_config,
            )
        except (TimeoutError, RayActorError) as error:
            serve.shutdown()
            if attempt == TRIES:
                message = f"Ray Serve could not be started in {TRIES} tries. {error}"
                raise StartFailed(message) from error
            print(f"Ray Serve is not up; trying again. {error}", flush=True)
