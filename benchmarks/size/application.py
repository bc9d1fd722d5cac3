"""Gateways over a stage, neither with any work; `build` is the application's `import_path`."""

from typing import Any

from ray import serve
from ray.serve import Application
from ray.serve.handle import DeploymentHandle
from starlette.requests import Request
from starlette.responses import Response

from benchmarks.null_server import WHOLE

_BODY = WHOLE.partition(b"\r\n\r\n")[2]


class Stage:
    """Answers at once."""

    async def answer(self, asked: int) -> int:
        """Return what was asked."""
        return asked

    def reconfigure(self, config: dict[str, Any]) -> None:
        """Take a change that needs no new replica."""


class Gateway:
    """Asks the stage for each request, and answers as a captioning service does."""

    def __init__(self, stage: DeploymentHandle) -> None:
        self._answer = stage.answer

    async def __call__(self, request: Request) -> Response:
        """Read the request, make one call, answer."""
        body = await request.body()
        await self._answer.remote(len(body))
        return Response(_BODY, media_type="application/json")


def build(values: dict[str, Any] | None = None) -> Application:
    """Return the application."""
    stage = serve.deployment(Stage).bind()
    return serve.deployment(max_ongoing_requests=1024)(Gateway).bind(stage)
