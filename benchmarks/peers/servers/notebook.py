"""The 2023 notebook behind HTTP: one request at a time through both models, then the next."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import uvicorn
from fastapi import FastAPI

from benchmarks.peers.servers import wire
from benchmarks.peers.servers.arguments import parse
from benchmarks.peers.servers.transformers_pair import FalconByGenerate, GitByGenerate


def main() -> None:
    """Load both models and serve them until a signal."""
    arguments = parse()
    git = GitByGenerate(arguments.git)
    falcon = FalconByGenerate(arguments.falcon, arguments.adapter)
    one_at_a_time = ThreadPoolExecutor(max_workers=1)
    app = FastAPI()

    def caption(picture: bytes) -> dict[str, Any]:
        (answer,) = falcon.caption(git.describe([picture]))
        return wire.caption_answer(
            arguments.model_id,
            answer.text,
            prompt_tokens=answer.prompt_tokens,
            completion_tokens=answer.completion_tokens,
        )

    @app.post("/v1/chat/completions")
    async def chat(body: dict[str, Any]) -> dict[str, Any]:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(one_at_a_time, caption, wire.picture_bytes(body))

    @app.get("/health")
    async def health() -> None:
        pass

    uvicorn.run(app, host="127.0.0.1", port=arguments.port, log_level="warning")


if __name__ == "__main__":
    main()
