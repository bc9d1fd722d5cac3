"""The describer's stage for real, on tiny models, where the service's other pieces are missing."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

BLOCKED = ("ray", "vllm", "fastapi", "peft", "starlette")
CODE = f"""
import importlib.util, runpy, sys
for name in {BLOCKED!r}:
    sys.modules[name] = None
find = importlib.util.find_spec
importlib.util.find_spec = lambda name, *rest: None if name in {BLOCKED!r} else find(name, *rest)
runpy.run_module("benchmarks.gpu", run_name="__main__")
"""


@pytest.mark.slow
def test_the_describer_is_measured_without_ray_vllm_peft_and_fastapi(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", CODE, "--tiny", "--output", str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    (path,) = tmp_path.glob("gpu-*.json")
    result = json.loads(path.read_text())
    values = {(f["stage"], f["name"]): f["value"] for f in result["figures"]}
    assert {stage for stage, _ in values} == {"describer"}
    for kind in ("ours, eager", "ours, graphs"):
        assert values["describer", f"{kind} float32 says what generate float32 says"] == 1.0
        assert values["describer", f"{kind}, best"] > 0
    assert {missing["piece"] for missing in result["missing"]} >= {"ray", "fastapi", "peft"}
    assert "tiny" in result["models"]["weights"]


def test_without_a_gpu_it_says_so(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.gpu", "--output", str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={"PATH": "", "CUDA_VISIBLE_DEVICES": "", "PYTHONPATH": ":".join(sys.path)},
    )
    assert (done.returncode, list(tmp_path.iterdir())) == (2, [])
    assert "No GPU" in done.stdout
