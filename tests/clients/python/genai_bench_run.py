"""genai-bench: https://github.com/sgl-project/genai-bench, its task image-text-to-text.

It takes pictures from a folder that `datasets` can read, if a dataset config names the folder as
one of the hub's; `--dataset-path` of a folder is refused (`DatasetConfig.from_cli_args`, 0.0.5).
"""

import json
import os
import shutil
import tempfile
from pathlib import Path

from checks import KEY, MODEL, PICTURE, URL, feature
from programs import OFFLINE, program, run

REQUESTS = 8
TOKENIZER = os.environ["CLIENT_TEST_TOKENIZER"]


def benchmark(folder: Path, task: str, scenario: str, *options: str) -> None:
    """Run a task; every request must succeed."""
    run(
        [
            *(program("genai-bench"), "benchmark"),
            *("--api-backend", "openai", "--api-base", URL.removesuffix("/v1")),
            *("--api-key", KEY, "--api-model-name", MODEL, "--model-tokenizer", TOKENIZER),
            *("--task", task, "--traffic-scenario", scenario, "--num-concurrency", "2"),
            *("--max-time-per-run", "1", "--max-requests-per-run", str(REQUESTS)),
            *("--experiment-base-dir", str(folder / "experiment"), *options),
        ],
        environment={**OFFLINE, "HF_HOME": str(folder / "cache")},
    )
    reports = [p.read_text() for p in (folder / "experiment").rglob("*.json")]
    (report,) = (json.loads(text) for text in reports if "aggregated_metrics" in text)
    metrics = report["aggregated_metrics"]
    assert metrics["num_completed_requests"] >= REQUESTS, metrics
    assert not metrics["num_error_requests"], metrics
    answers = [request["num_output_tokens"] for request in report["individual_request_metrics"]]
    assert all(answers), answers


def text() -> None:
    """Requests without a picture succeed."""
    with tempfile.TemporaryDirectory() as folder:
        benchmark(Path(folder), "text-to-text", "D(16,12)")


def pictures() -> None:
    """Requests with a picture of a folder and a prompt of its metadata succeed."""
    with tempfile.TemporaryDirectory() as folder:
        config = dataset(Path(folder))
        benchmark(Path(folder), "image-text-to-text", "I(256,256)", "--dataset-config", str(config))


def dataset(folder: Path) -> Path:
    """Write a folder of one picture, and return the config that names it."""
    source = folder / "pictures"
    source.mkdir()
    shutil.copy(PICTURE, source / "1.jpg")
    row = {"file_name": "1.jpg", "prompt": "Write a caption."}
    (source / "metadata.jsonl").write_text(json.dumps(row) + "\n")
    columns = {"image_column": "image", "prompt_column": "prompt"}
    config = folder / "config.json"
    config.write_text(
        json.dumps({"source": {"type": "huggingface", "path": str(source)}, **columns})
    )
    return config


feature("text, chat", text)
feature("pictures, chat", pictures)
