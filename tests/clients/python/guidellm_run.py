"""guidellm: https://github.com/vllm-project/guidellm, its synthetic pictures and texts.

Pictures need its extra `vision`: without it every row of the data is skipped, and it runs on
without an end.
"""

import json
import os
import tempfile
from pathlib import Path

from checks import KEY, MODEL, URL, feature
from programs import program, run

REQUESTS = 6
SIDE_PX = 64
TARGET = URL.removesuffix("/v1")
TOKENIZER = os.environ["CLIENT_TEST_TOKENIZER"]
TEXT = "kind=synthetic_text,prompt_tokens=16,output_tokens=8"
PICTURE = f"kind=synthetic_image,width={SIDE_PX},height={SIDE_PX},output_tokens=8"


def benchmark(data: str, request_format: str, pixels: int = 0) -> None:
    """Run with this data; every request must succeed, and have a picture of so many pixels."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        backend = f"kind=openai_http,target={TARGET},model={MODEL},api_key={KEY}"
        run(
            [
                *(program("guidellm"), "run", "--disable-console-interactive"),
                *("--backend", f"{backend},request_format={request_format}"),
                *("--profile", "kind=concurrent,streams=2"),
                *("--constraint", f"kind=max_requests,count={REQUESTS}"),
                *("--tokenizer", f"kind=hf_auto,model={TOKENIZER}"),
                *("--data", data),
                *("--output", f"kind=json,path={report}"),
            ]
        )
        (figures,) = json.loads(report.read_text())["benchmarks"]
    metrics = figures["metrics"]
    totals = metrics["request_totals"]
    assert totals["errored"] == 0, totals
    assert totals["successful"] == REQUESTS, totals
    if pixels:
        sent = metrics["image"]["pixels"]["input"]["successful"]
        assert (sent["min"], sent["count"]) == (pixels, REQUESTS), sent


def pictures(request_format: str) -> None:
    """Run with synthetic pictures."""
    benchmark(PICTURE, request_format, SIDE_PX**2)


feature("text, chat", lambda: benchmark(TEXT, "/v1/chat/completions"))
feature("text, completions", lambda: benchmark(TEXT, "/v1/completions"))
feature("pictures, chat", lambda: pictures("/v1/chat/completions"))
feature("pictures, responses", lambda: pictures("/v1/responses"))
