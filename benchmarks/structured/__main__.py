"""Ask a running demo service for JSON of fifty schemas about each of twenty pictures.

    python -m benchmarks.structured --url http://127.0.0.1:8000

It prints the shares of answers that parse and fit their schema, that were cut by their length, and
that name the picture's subject in texts about the picture.
"""

import argparse
import asyncio
import base64
import io
import json
import time
from collections import Counter
from dataclasses import dataclass
from typing import Any

import httpx
import jsonschema  # type: ignore[import-untyped]

from benchmarks.structured.schemas import CAPTIONS, SCHEMAS, Schema
from caption_studio.demo.painter import paint
from caption_studio.demo.scenes import HELD_OUT_SEEDS, Scene, sample_scene

SIZE_PX = 128
TIMEOUT_S = 120.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of one answer: `fits`, `length` (cut), `broken` or `refused`."""

    schema: str
    verdict: str
    names_subject: bool
    tokens: int
    seconds: float


def main() -> None:
    """Run it and print the table."""
    arguments = _arguments()
    started_s = time.perf_counter()
    outcomes = asyncio.run(measure(arguments))
    elapsed_s = time.perf_counter() - started_s
    verdicts = Counter(outcome.verdict for outcome in outcomes)
    captions = [one for one in outcomes if one.schema in CAPTIONS and one.verdict == "fits"]
    told = sum(one.names_subject for one in captions)
    tokens = sum(one.tokens for one in outcomes)
    print(f"{len(outcomes)} answers of {arguments.model} in {elapsed_s:.0f} s: {tokens} tokens")
    for verdict in ("fits", "length", "broken", "refused"):
        print(f"  {verdict:8} {verdicts[verdict]:5} {verdicts[verdict] / len(outcomes):7.1%}")
    share = told / len(captions) if captions else 0.0
    print(f"  texts that name the subject: {told} of {len(captions)} whole ones, {share:.1%}")
    for name in SCHEMAS:
        mine = [outcome for outcome in outcomes if outcome.schema == name]
        counted = Counter(outcome.verdict for outcome in mine)
        slowest_s = max((outcome.seconds for outcome in mine), default=0.0)
        print(f"  {name:28} {dict(counted)}  slowest {slowest_s:.1f} s")
    if verdicts["broken"] or verdicts["refused"]:
        raise SystemExit(1)


async def measure(arguments: argparse.Namespace) -> list[Outcome]:
    """Ask for every schema about every picture, with a limited number in flight."""
    places = asyncio.Semaphore(arguments.in_flight)
    scenes = [(seed, sample_scene(seed)) for seed in HELD_OUT_SEEDS[: arguments.pictures]]
    async with httpx.AsyncClient(base_url=arguments.url, timeout=TIMEOUT_S) as client:

        async def one(name: str, scene: Scene, picture: str) -> Outcome:
            async with places:
                return await ask(client, arguments.model, name, scene, picture)

        pictures = [(scene, data_url(scene, seed)) for seed, scene in scenes]
        tasks = [one(name, scene, url) for name in SCHEMAS for scene, url in pictures]
        return await asyncio.gather(*tasks)


async def ask(
    client: httpx.AsyncClient, model: str, name: str, scene: Scene, picture: str
) -> Outcome:
    """Ask for JSON of one schema about one picture."""
    schema = SCHEMAS[name]
    wanted = {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}}
    content = [{"type": "image_url", "image_url": {"url": picture}}]
    body = {
        "model": model,
        "messages": [{"role": "user", "content": content}],
        "response_format": wanted,
    }
    started_s = time.perf_counter()
    answer = await client.post("/v1/chat/completions", json=body)
    seconds = time.perf_counter() - started_s
    if answer.status_code != httpx.codes.OK:
        print(f"{name}: {answer.text}")
        return Outcome(name, "refused", False, 0, seconds)
    value = answer.json()
    (choice,) = value["choices"]
    text = choice["message"]["content"]
    verdict = "length" if choice["finish_reason"] == "length" else fit(text, schema)
    names_subject = scene.subject in text.lower()
    return Outcome(name, verdict, names_subject, value["usage"]["completion_tokens"], seconds)


def fit(text: str, schema: Schema) -> str:
    """Return whether a whole answer parses and fits."""
    try:
        value: Any = json.loads(text)
        jsonschema.validate(value, schema, cls=jsonschema.Draft202012Validator)
    except (ValueError, jsonschema.ValidationError):
        return "broken"
    return "fits"


def data_url(scene: Scene, seed: int) -> str:
    """Return the scene's picture as a data URL."""
    buffer = io.BytesIO()
    paint(scene, seed, SIZE_PX).save(buffer, "JPEG")
    return f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.structured")
    parser.add_argument("--url", default="http://127.0.0.1:8000")
    parser.add_argument("--model", default="caption-demo")
    parser.add_argument("--pictures", type=int, default=20)
    parser.add_argument("--in-flight", type=int, default=16)
    return parser.parse_args()


if __name__ == "__main__":
    main()
