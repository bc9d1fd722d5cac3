"""Stock Ray Serve: GIT behind `@serve.batch`, Falcon behind `ray.serve.llm`, default proxy.

The captioner is the model with its adapter merged: `ray.serve.llm` takes none from a folder.
"""

from pathlib import Path
from typing import Any

from fastapi import FastAPI
from ray import serve
from ray.serve.handle import DeploymentHandle
from ray.serve.llm import build_llm_deployment
from ray.serve.llm.openai_api_models import CompletionRequest

from benchmarks.peers.servers import captioning, wire
from benchmarks.peers.servers.arguments import parse
from benchmarks.peers.servers.serve_llm import llm_config, run

MAX_BATCH_SIZE = 64
MAX_ONGOING_REQUESTS = 1000
"""Serve's defaults, 10 and 5, would limit batches to five pictures."""

app = FastAPI()


@serve.deployment(max_ongoing_requests=MAX_ONGOING_REQUESTS)
class Describer:
    """GIT by `generate`, on the pictures that gather within Serve's default 10 ms."""

    def __init__(self, folder: Path) -> None:
        from benchmarks.peers.servers.transformers_pair import GitByGenerate

        self._git = GitByGenerate(folder)

    @serve.batch(max_batch_size=MAX_BATCH_SIZE)  # type: ignore[untyped-decorator]
    async def describe(self, pictures: list[bytes]) -> list[str]:
        """Return one description for each picture."""
        return self._git.describe(pictures)


@serve.deployment(max_ongoing_requests=MAX_ONGOING_REQUESTS)
@serve.ingress(app)
class Ingress:
    """Composes the two by their handles."""

    def __init__(
        self, describer: DeploymentHandle, captioner: DeploymentHandle, model_id: str
    ) -> None:
        self._describer = describer
        self._captioner = captioner.options(stream=True)
        self._model_id = model_id

    @app.post("/v1/chat/completions")
    async def chat(self, body: dict[str, Any]) -> dict[str, Any]:
        """Caption the picture of one request."""
        description = await self._describer.describe.remote(wire.picture_bytes(body))
        request = CompletionRequest(
            model=self._model_id,
            prompt=captioning.caption_prompt(description),
            max_tokens=captioning.MAX_NEW_TOKENS,
            temperature=captioning.TEMPERATURE,
            top_p=captioning.TOP_P,
        )
        # A whole answer arrives as a stream of one item.
        answers = [answer async for answer in self._captioner.completions.remote(request)]
        (answer,) = answers
        return wire.caption_answer(
            self._model_id,
            captioning.caption_in(answer.choices[0].text),
            prompt_tokens=answer.usage.prompt_tokens,
            completion_tokens=answer.usage.completion_tokens,
        )

    @app.get("/health")
    async def health(self) -> None:
        """Answer 200 once the replicas run."""


def main() -> None:
    """Serve both models until a signal."""
    arguments = parse()

    def build() -> serve.Application:
        captioner = build_llm_deployment(llm_config(arguments.falcon, arguments.model_id))
        describer = Describer.bind(arguments.git)  # type: ignore[attr-defined]
        return Ingress.bind(describer, captioner, arguments.model_id)  # type: ignore[attr-defined]

    run(build, arguments.port)


if __name__ == "__main__":
    main()
