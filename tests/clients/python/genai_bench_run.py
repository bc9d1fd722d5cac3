"""genai-bench: https://github.com/sgl-project/genai-bench, its task image-text-to-text."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from checks import KEY, MODEL, PICTURE, URL, feature

REQUESTS = 8
TOKENIZER = os.environ["CLIENT_TEST_TOKENIZER"]


def run(task: str, scenario: str, *options: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        result = subprocess.run(
            [
                *(str(Path(sys.executable).with_name("genai-bench")), "benchmark"),
                *("--api-backend", "openai", "--api-base", URL.removesuffix("/v1")),
                *("--api-key", KEY, "--api-model-name", MODEL, "--model-tokenizer", TOKENIZER),
                *("--task", task, "--traffic-scenario", scenario, "--num-concurrency", "2"),
                *("--max-time-per-run", "1", "--max-requests-per-run", str(REQUESTS)),
                *("--experiment-base-dir", folder, *options),
            ],
            capture_output=True,
            text=True,
            timeout=300,
            env={**os.environ, "HF_HUB_OFFLINE": "1"},
        )
        reports = [p for p in Path(folder).rglob("*.json") if "aggregated_metrics" in p.read_text()]
        if result.returncode or not reports:
            raise RuntimeError((result.stderr or result.stdout).strip().splitlines()[-1])
        metrics = json.loads(reports[0].read_text())["aggregated_metrics"]
    assert metrics["num_completed_requests"] >= REQUESTS, metrics
    assert not metrics["num_error_requests"], metrics


def pictures() -> None:
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(PICTURE, Path(folder) / "1.jpg")
        run("image-text-to-text", "I(256,256)", "--dataset-path", folder)


feature("text, chat", lambda: run("text-to-text", "D(16,12)"))
feature("pictures, chat", pictures)
