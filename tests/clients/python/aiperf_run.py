"""aiperf: https://github.com/ai-dynamo/aiperf, its synthetic pictures and texts.

Under HF_HUB_OFFLINE it looks for every tokenizer in the hub's cache, a folder's too
(`Tokenizer._resolve_local_snapshot`, 0.13.0); without the variable it reads the folder, and asks
no hub.
"""

import json
import os
import tempfile
from pathlib import Path
from typing import Any

from checks import KEY, MODEL, URL, feature
from programs import program, run

REQUESTS = 8
TOKENIZER = os.environ["CLIENT_TEST_TOKENIZER"]
PICTURE = ["--image-width-mean", "64", "--image-height-mean", "64"]


def profile(*options: str) -> dict[str, Any]:
    """Return the figures of a run in which every request succeeded."""
    with tempfile.TemporaryDirectory() as folder:
        run(
            [
                *(program("aiperf"), "profile", "--model", MODEL),
                *("--url", URL.removesuffix("/v1"), "--api-key", KEY),
                *("--endpoint-type", "chat", "--tokenizer", TOKENIZER),
                *("--request-count", str(REQUESTS), "--concurrency", "2"),
                *("--synthetic-input-tokens-mean", "16", "--output-tokens-mean", "12"),
                *("--output-artifact-dir", folder, "--ui", "none"),
                *options,
            ],
            environment={},
        )
        (report,) = Path(folder).rglob("profile_export_aiperf.json")
        figures: dict[str, Any] = json.loads(report.read_text())
    assert figures["request_count"]["avg"] == REQUESTS, figures["request_count"]
    assert not figures["error_summary"], figures["error_summary"]
    return figures


def pictures(*options: str) -> dict[str, Any]:
    """Return the figures of a run in which each request had a picture, and an answer with text."""
    figures = profile(*PICTURE, *options)
    assert figures["num_images"]["sum"] == REQUESTS, figures["num_images"]
    assert figures["output_token_count"]["min"] > 0, figures["output_token_count"]
    return figures


def streamed_pictures() -> None:
    """Each answer's first token was timed."""
    figures = pictures("--streaming")
    assert figures["time_to_first_token"]["count"] == REQUESTS, figures["time_to_first_token"]


feature("text, chat", profile)
feature("pictures, chat", pictures)
feature("pictures, streamed", streamed_pictures)
