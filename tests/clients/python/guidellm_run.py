"""guidellm: https://github.com/vllm-project/guidellm, its synthetic pictures and texts."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from checks import KEY, MODEL, URL, feature

REQUESTS = 6
TARGET = URL.removesuffix("/v1")
TOKENIZER = os.environ["CLIENT_TEST_TOKENIZER"]


def run(data: str, request_format: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        backend = f"kind=openai_http,target={TARGET},model={MODEL},api_key={KEY}"
        result = subprocess.run(
            [
                str(Path(sys.executable).with_name("guidellm")),
                "run",
                "--disable-console-interactive",
                *("--backend", f"{backend},request_format={request_format}"),
                *("--profile", "kind=concurrent,streams=2"),
                *("--constraint", f"kind=max_requests,count={REQUESTS}"),
                *("--tokenizer", f"kind=hf_auto,model={TOKENIZER}"),
                *("--data", data),
                *("--output", f"kind=json,path={report}"),
            ],
            capture_output=True,
            text=True,
            timeout=300,
            env={**os.environ, "HF_HUB_OFFLINE": "1"},
        )
        if result.returncode:
            raise RuntimeError((result.stderr or result.stdout).strip().splitlines()[-1])
        (benchmark,) = json.loads(report.read_text())["benchmarks"]
    totals = benchmark["metrics"]["request_totals"]
    assert totals["errored"] == 0, totals
    assert totals["successful"] == REQUESTS, totals


TEXT = "kind=synthetic_text,prompt_tokens=16,output_tokens=8"
PICTURE = "kind=synthetic_image,width=64,height=64,output_tokens=8"
feature("text, chat", lambda: run(TEXT, "/v1/chat/completions"))
feature("text, completions", lambda: run(TEXT, "/v1/completions"))
feature("pictures, chat", lambda: run(PICTURE, "/v1/chat/completions"))
feature("pictures, responses", lambda: run(PICTURE, "/v1/responses"))
