"""The captioner's stages and the chain's of benchmarks/gpu for real, on tiny models."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.engine, pytest.mark.slow]


def test_captioner_and_chain_are_measured_and_exact(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "benchmarks.gpu", "--tiny", "--output", str(tmp_path)]
    done = subprocess.run(
        [*command, "--only", "answers", "captioner", "merged", "chain"],
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    result = json.loads((tmp_path / "gpu-cpu-answers-captioner-merged-chain.json").read_text())
    values = {(f["stage"], f["name"]): f["value"] for f in result["figures"]}
    for way in ("base", "adapter"):
        assert values["answers", f"{way} float32 says what transformers says"] == 1.0
    for name in ("base, best", "adapter, best"):
        assert values["captioner", name] > 0
    assert values["merged", "merged, best"] > 0
    assert values["chain", "best"] > 0
    assert [missing["piece"] for missing in result["missing"]] == ["fp8"]
    (note,) = result["notes"]
    assert "changes 0 of" not in note
