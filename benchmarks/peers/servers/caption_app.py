"""HTTP around a function that captions a picture, common to the transformers peers."""

from collections.abc import Awaitable, Callable
from typing import Any

import uvicorn
from fastapi import FastAPI
from starlette.types import StatelessLifespan

from benchmarks.peers.servers import wire
from benchmarks.peers.servers.transformers_pair import Caption


def serve(
    caption: Callable[[bytes], Awaitable[Caption]],
    *,
    model_id: str,
    port: int,
    lifespan: StatelessLifespan[FastAPI] | None = None,
) -> None:
    """Answer chat requests with the caption of their picture, until a signal."""
    app = FastAPI(lifespan=lifespan)

    @app.post("/v1/chat/completions")
    async def chat(body: dict[str, Any]) -> dict[str, Any]:
        answer = await caption(wire.picture_bytes(body))
        return wire.caption_answer(
            model_id,
            answer.text,
            prompt_tokens=answer.prompt_tokens,
            completion_tokens=answer.completion_tokens,
        )

    @app.get("/health")
    async def health() -> None:
        pass

    uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning")
