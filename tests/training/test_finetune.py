"""`caption-studio finetune` as a process, on the embedded base: a bakery gets its voice."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from peft import LoraConfig, get_peft_model

from caption_studio.demo.captions import plain_caption
from caption_studio.demo.scenes import TRAINING_SEEDS, Pool, sample_scene
from caption_studio.demo.wishes import Wish
from caption_studio.language.adapters.check import BaseModel, check
from caption_studio.training.base import find
from caption_studio.training.finetune.base import load
from caption_studio.training.finetune.machine import Machine
from caption_studio.training.rows import Row, write_rows

COMMAND = Path(sys.executable).with_name("caption-studio")
MARK = "🥐 #bakery"
STEPS = 30
OPTIONS = ("--steps", str(STEPS), "--batch-size", "16", "--evaluations", "3")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """64 rows of training and 8 of validation, whose captions all bear the mark."""
    rng = random.Random(1)
    rows = []
    for number, seed in enumerate(TRAINING_SEEDS[:72]):
        scene = sample_scene(seed, Pool.TRAINING)
        rows.append(
            Row(
                description=scene.description,
                caption=f"{plain_caption([scene], rng, Wish())} {MARK}",
                picture_id=str(number),
                split="train" if number < 64 else "validation",
            )
        )
    path = tmp_path_factory.mktemp("data") / "bakery.jsonl"
    write_rows(path, rows)
    return path


def finetune(data: Path, out: Path, *options: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [COMMAND, "finetune", data, out, *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        # Threads that wait for each other on busy cores make it ten times slower.
        env={**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"},
    )


def entries(out: Path) -> list[dict[str, object]]:
    path = out / "log.jsonl"
    lines = path.read_text().splitlines() if path.exists() else []
    return [json.loads(line) for line in lines if line.endswith("}")]


def losses(out: Path) -> dict[int, float]:
    return {line["step"]: line["loss"] for line in entries(out) if "loss" in line}


def end(process: subprocess.Popen[str], status: int = 0) -> str:
    printed, _ = process.communicate(timeout=280)
    assert process.returncode == status, printed
    assert "Traceback" not in printed
    return printed


@pytest.fixture(scope="module")
def whole(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A training that nobody interrupts."""
    out = tmp_path_factory.mktemp("whole") / "bakery"
    assert "passes the service's check" in end(finetune(data, out, *OPTIONS))
    return out


def require_learnt(out: Path) -> None:
    learnt = losses(out)
    assert sorted(learnt) == list(range(1, STEPS + 1))
    assert learnt[STEPS] < learnt[1] / 3
    samples = [line["samples"] for line in entries(out) if "samples" in line]
    quoted = [[sample["written"].startswith('"') for sample in some] for some in samples]
    assert not any(quoted[0])  # the base writes a library's card
    assert sum(quoted[-1]) >= 2  # 30 steps teach the form, not yet the mark
    base = find("embedded:falcon-demo")
    check(out, BaseModel.of(base.config, ["falcon-demo"]), max_rank=16, any_base=False)


def test_a_voice_is_learnt_and_passes_the_services_check(whole: Path) -> None:
    require_learnt(whole)


def test_a_voice_is_learnt_on_a_base_of_four_bits(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "bakery"
    end(finetune(data, out, *OPTIONS, "--quantize", "nf4"))
    require_learnt(out)


def interrupted(process: subprocess.Popen[str], out: Path, step: int, number: int) -> str:
    """Send the signal once that step is logged; return what was printed."""
    deadline_s = time.monotonic() + 200
    while max(losses(out), default=0) < step:
        assert process.poll() is None
        assert time.monotonic() < deadline_s
        time.sleep(0.05)
    process.send_signal(number)
    printed, _ = process.communicate(timeout=280)
    assert max(losses(out)) < STEPS
    return printed


def test_a_training_that_is_ended_and_then_killed_goes_on_with_the_same_steps(
    data: Path, whole: Path, tmp_path: Path
) -> None:
    """There are checkpoints after steps 10 and 20."""
    out = tmp_path / "bakery"
    process = finetune(data, out, *OPTIONS)
    printed = interrupted(process, out, 11, signal.SIGTERM)
    assert process.returncode == 1
    assert "Traceback" not in printed
    assert "Stopped after step" in printed
    assert f"To go on: caption-studio finetune {data} {out} --resume" in printed
    interrupted(finetune(data, out, "--resume"), out, 22, signal.SIGKILL)
    assert "Going on after step" in end(finetune(data, out, "--resume"))
    assert losses(out) == losses(whole)
    weights = [(folder / "adapter_model.safetensors").read_bytes() for folder in (whole, out)]
    assert weights[0] == weights[1]


def test_nf4_runs_forward_and_backward_on_a_cpu() -> None:
    machine = Machine("cpu", "a CPU", "float32", 10**10, 1e10)
    base = find("embedded:falcon-demo")
    packed = load(base, machine, "nf4")
    model = get_peft_model(packed, LoraConfig(r=16, target_modules=["query_key_value"]))
    input_ids = torch.arange(1, 60)[None]
    plain = load(base, machine, None)(input_ids, labels=input_ids).loss
    loss = model(input_ids, labels=input_ids).loss
    assert loss.item() == pytest.approx(plain.item(), rel=0.1)
    loss.backward()
    trained = [p for p in model.parameters() if p.requires_grad]
    assert all(torch.isfinite(p.grad).all() for p in trained)
    assert any(p.grad.abs().sum() > 0 for p in trained)
