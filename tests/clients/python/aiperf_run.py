"""aiperf: https://github.com/ai-dynamo/aiperf, its synthetic pictures and texts."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from checks import KEY, MODEL, URL, feature

REQUESTS = 8
TOKENIZER = os.environ["CLIENT_TEST_TOKENIZER"]
PICTURE = ["--image-width-mean", "64", "--image-height-mean", "64"]


def run(*options: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        result = subprocess.run(
            [
                *(str(Path(sys.executable).with_name("aiperf")), "profile", "--model", MODEL),
                *("--url", URL.removesuffix("/v1"), "--api-key", KEY),
                *("--endpoint-type", "chat", "--tokenizer", TOKENIZER),
                *("--request-count", str(REQUESTS), "--concurrency", "2"),
                *("--synthetic-input-tokens-mean", "16", "--output-tokens-mean", "12"),
                *("--output-artifact-dir", folder, "--ui", "none"),
                *options,
            ],
            capture_output=True,
            text=True,
            timeout=300,
            env={**os.environ, "HF_HUB_OFFLINE": "1"},
        )
        if result.returncode:
            raise RuntimeError((result.stderr or result.stdout).strip().splitlines()[-1])
        (report,) = Path(folder).rglob("profile_export_aiperf.json")
        figures = json.loads(report.read_text())
    assert figures["request_count"]["avg"] == REQUESTS, figures["request_count"]
    assert not figures.get("error_summary"), figures["error_summary"]


feature("text, chat", run)
feature("pictures, chat", lambda: run(*PICTURE))
feature("pictures, streamed", lambda: run(*PICTURE, "--streaming"))
