"""vLLM's AsyncLLM by itself, in one process with its callers: no HTTP, no Ray.

The callers send the client's prompts, and for captions GIT's descriptions of the client's pictures.
Top-p is our engine's (language.vllm_plugins.cpu_top_p). The demo's adapter ends its answer by
itself after the closing quote, so the text need not be watched for the quote.
"""

import asyncio
import itertools
import json
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from vllm import AsyncEngineArgs, SamplingParams
from vllm.lora.request import LoRARequest
from vllm.sampling_params import RequestOutputKind
from vllm.v1.engine.async_llm import AsyncLLM

from benchmarks.peers import engine, loads
from benchmarks.peers.alone import Windows, arguments, write
from benchmarks.peers.alone_describer import BareDescriber
from benchmarks.peers.loads import Load
from benchmarks.peers.records import RoundRecord, Row
from benchmarks.peers.servers import captioning
from benchmarks.workload.bodies import Bodies
from caption_studio.language.vllm_plugins.cpu_top_p import TOP_P, TopPWithoutSorting

TEXTS = 2000
LOADS = {
    load.name: load
    for load in (loads.TEXT_WHOLE, loads.TEXT_STREAMED, loads.CAPTIONS_64, loads.CAPTIONS_1)
}


class BareEngine:
    """An engine as the servers set it up, with one adapter or none."""

    def __init__(self, falcon: Path, adapter: Path | None) -> None:
        lora = engine.LORA_ARGS if adapter else {}
        self._llm = AsyncLLM.from_engine_args(
            AsyncEngineArgs(
                model=str(falcon),
                logits_processors=[TopPWithoutSorting],
                **engine.ENGINE_ARGS,
                **lora,
            )
        )
        self._lora = LoRARequest(adapter.name, 1, str(adapter)) if adapter else None
        self._ids = itertools.count()

    def stop(self) -> None:
        """End the engine's process."""
        self._llm.shutdown()

    async def ask(self, load: Load, prompt: str, started: float) -> Row:
        """Generate one answer; times count from `started` (`time.monotonic`)."""
        due_s = time.monotonic() - started
        first_s, tokens = None, 0
        outputs = self._llm.generate(
            prompt, _sampling(load), str(next(self._ids)), lora_request=self._lora
        )
        async for output in outputs:
            tokens += len(output.outputs[0].token_ids)
            if load.streamed and first_s is None:
                first_s = time.monotonic() - started
        return Row(due_s, time.monotonic() - started, first_s, tokens, True)


def _sampling(load: Load) -> SamplingParams:
    kind = RequestOutputKind.DELTA if load.streamed else RequestOutputKind.FINAL_ONLY
    if load.captions:
        return SamplingParams(
            max_tokens=captioning.MAX_NEW_TOKENS,
            temperature=captioning.TEMPERATURE,
            extra_args={TOP_P: captioning.TOP_P},
            output_kind=kind,
        )
    return SamplingParams(max_tokens=loads.TEXT_TOKENS, temperature=0.0, output_kind=kind)


async def measure(
    bare: BareEngine, load: Load, prompts: Iterator[str], windows: Windows
) -> list[RoundRecord]:
    """Keep the load's number of requests in flight for each round's warm-up and window."""
    return [
        RoundRecord(
            load.name,
            round_,
            windows.warmup_s,
            windows.window_s,
            await _ask_for(bare, load, prompts, windows.warmup_s + windows.window_s),
        )
        for round_ in range(windows.repeats)
    ]


async def _ask_for(
    bare: BareEngine, load: Load, prompts: Iterator[str], until_s: float
) -> list[Row]:
    rows: list[Row] = []
    started = time.monotonic()

    async def caller() -> None:
        while time.monotonic() - started < until_s:
            rows.append(await bare.ask(load, next(prompts), started))

    await asyncio.gather(*(caller() for _ in range(load.in_flight)))
    return rows


def text_prompts() -> list[str]:
    """Return the prompts of the client's first requests."""
    requests = loads.TEXT_WHOLE.requests("any")
    bodies = Bodies(requests, urlsplit("http://any"), headers=(), seed=1, per_round=1)
    made = (
        bodies.request(index=index, model=0, streamed=False, pictures=[]) for index in range(TEXTS)
    )
    return [json.loads(request.partition(b"\r\n\r\n")[2])["prompt"] for request in made]


async def caption_prompts(git: Path) -> list[str]:
    """Return the captioning prompts of the client's first pictures."""
    bare = BareDescriber(git, threads=1)  # as the captioner, which runs next in this process
    try:
        described = await asyncio.gather(*(bare.describe(pixels) for pixels in bare.pictures))
    finally:
        bare.stop()
    return [captioning.caption_prompt(description) for description in described]


async def main() -> None:
    """Measure the loads that the command line names and write the records."""
    parser = arguments()
    parser.add_argument("--git", type=Path, required=True, metavar="DIR")
    parser.add_argument("--falcon", type=Path, required=True, metavar="DIR")
    parser.add_argument("--adapter", type=Path, metavar="DIR")
    parser.add_argument("--loads", nargs="+", choices=LOADS, required=True)
    chosen = parser.parse_args()
    prompts = {True: await caption_prompts(chosen.git), False: text_prompts()}
    bare = BareEngine(chosen.falcon, chosen.adapter)
    records: list[RoundRecord] = []
    try:
        for load in (LOADS[name] for name in chosen.loads):
            endless = itertools.cycle(prompts[load.captions])
            records += await measure(bare, load, endless, Windows.of(chosen))
    finally:
        bare.stop()
    write(records, chosen.output)


if __name__ == "__main__":
    asyncio.run(main())
