"""The command on a tiny base, end to end and with everything that can be wrong."""

import json
import os
import signal
from pathlib import Path

import pytest

from caption_studio.cli import main
from caption_studio.language.adapters.check import BaseModel, check
from caption_studio.training.finetune import command
from tests.unit.training.finetune.tiny import tiny_config, write_data

QUICK = ["--steps", "4", "--batch-size", "4", "--evaluations", "2"]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write_data(tmp_path / "bakery.jsonl")


def finetune(data: Path, out: Path, *options: str) -> int:
    return main(["finetune", str(data), str(out), *options])


def steps(out: Path, name: str = "loss") -> dict[int, float]:
    lines = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    return {line["step"]: line[name] for line in lines if name in line}


def trained(data: Path, out: Path, base: Path, *options: str) -> Path:
    assert finetune(data, out, "--base", str(base), *QUICK, *options) == 0
    return out


@pytest.fixture(scope="module")
def bakery(tmp_path_factory: pytest.TempPathFactory, base_folder: Path) -> Path:
    """An adapter trained on data that have a card."""
    folder = tmp_path_factory.mktemp("bakery")
    (folder / "bakery.md").write_text("Teacher: nobody")
    data = write_data(folder / "bakery.jsonl")
    return trained(data, folder / "out", base_folder, "--licence", "cc0-1.0")


def test_the_arithmetic_is_said_first_and_the_folder_printed_last(
    data: Path, tmp_path: Path, base_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = trained(data, tmp_path / "out", base_folder)
    printed = capsys.readouterr()
    assert printed.out == f"{out}\n"
    for part in ("Memory:", "base model", "Time:", "passes the service's check"):
        assert part in printed.err
    assert printed.err.index("Memory:") < printed.err.index("step 1")


def test_out_comes_the_folder_that_the_service_loads(bakery: Path) -> None:
    out = bakery
    assert sorted(path.name for path in out.iterdir()) == [
        "README.md",
        "adapter_config.json",
        "adapter_model.safetensors",
        "log.jsonl",
        "loss.png",
    ]
    config = json.loads((out / "adapter_config.json").read_text())
    assert config["base_model_name_or_path"] == "tiny-falcon"
    base = BaseModel.of(tiny_config(), ["tiny-falcon"])
    check(out, base, max_rank=16, any_base=False)


def test_the_log_has_each_step_and_samples(bakery: Path) -> None:
    out = bakery
    assert sorted(steps(out)) == [1, 2, 3, 4]
    assert sorted(steps(out, "eval_loss")) == [0, 2, 4]
    assert all(value > 0 for value in steps(out, "tokens_per_s").values())
    assert steps(out, "learning_rate")[4] < steps(out, "learning_rate")[2]
    lines = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    (sample, *_) = next(line["samples"] for line in lines if "samples" in line)
    assert sample["prompt"].startswith("Convert the given image description")
    assert sample["expected"].endswith('#bakery"')


def test_the_card_states_base_data_recipe_and_versions(bakery: Path) -> None:
    card = (bakery / "README.md").read_text()
    for part in (
        "license: cc0-1.0",
        "`tiny-falcon`",
        "8 train, 2 validation",
        "> Teacher: nobody",
        "- rank: 16",
        "query_key_value",
        "trl:",
        "| 4 | ",
    ):
        assert part in card
    assert "seed 20262" in card
    assert str(bakery.parent) not in card


def test_the_same_seed_gives_the_same_weights(
    data: Path, tmp_path: Path, base_folder: Path
) -> None:
    first, second, other = (
        trained(data, tmp_path / name, base_folder, "--seed", seed)
        for name, seed in (("a", "5"), ("b", "5"), ("c", "6"))
    )
    weights = [(out / "adapter_model.safetensors").read_bytes() for out in (first, second, other)]
    assert weights[0] == weights[1] != weights[2]
    assert steps(first) == steps(second) != steps(other)


def test_micro_batches_and_packing_do_not_change_what_is_learnt(
    data: Path, tmp_path: Path, base_folder: Path
) -> None:
    whole = steps(trained(data, tmp_path / "a", base_folder, "--dropout", "0"))
    halves = steps(
        trained(data, tmp_path / "b", base_folder, "--dropout", "0", "--micro-batch", "2")
    )
    packed = steps(trained(data, tmp_path / "c", base_folder, "--dropout", "0", "--packing"))
    assert halves == pytest.approx(whole, rel=1e-4)
    assert packed == pytest.approx(whole, rel=1e-4)


def test_nf4_learns_too(data: Path, tmp_path: Path, base_folder: Path) -> None:
    out = trained(data, tmp_path / "out", base_folder, "--quantize", "nf4")
    assert "NF4" in (out / "README.md").read_text()
    check(out, BaseModel.of(tiny_config(), ["tiny-falcon"]), max_rank=16, any_base=False)


def test_a_folder_in_use_is_refused(
    data: Path, bakery: Path, base_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert finetune(data, bakery, "--base", str(base_folder)) == 2
    assert "not empty" in capsys.readouterr().err
    assert finetune(data, bakery, "--resume") == 2
    assert "holds no unfinished training" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no rows"),
        ('{"description": "a loaf", "caption": "Fresh", "split": "train"}\n', "one row"),
        ('{"description": "a loaf"}\n', "caption is missing"),
        ('{"caption": "Fresh"}\n', "description is missing"),
        ("no json\n", "line 1"),
    ],
)
def test_bad_data_are_refused(
    tmp_path: Path, text: str, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    data = tmp_path / "data.jsonl"
    data.write_text(text)
    assert finetune(data, tmp_path / "out") == 2
    error = capsys.readouterr().err
    assert says in error
    assert len(error.splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_no_validation_rows_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = write_data(tmp_path / "data.jsonl", validation=0)
    assert finetune(data, tmp_path / "out") == 2
    assert "no validation rows" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--base", "/nowhere"], "There is no base model"),
        (["--rank", "0"], "rank must be above 0"),
        (["--learning-rate", "nan"], "learning_rate"),
        (["--resume", "--rank", "8"], "leave out --rank"),
        (["--max-hours", "0"], "over the 0 hours"),
    ],
)
def test_bad_options_are_refused(
    data: Path, tmp_path: Path, options: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert finetune(data, tmp_path / "out", *options) == 2
    assert says in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_another_model_is_refused(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "llama").mkdir()
    (tmp_path / "llama" / "config.json").write_text('{"model_type": "llama"}')
    assert finetune(data, tmp_path / "out", "--base", str(tmp_path / "llama")) == 2
    assert "is no Falcon" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("visible", "used"), [("2,1", "2"), ("", ""), ("GPU-7c,GPU-8d", "GPU-7c"), (None, "0")]
)
def test_one_gpu_is_used_the_first_that_is_visible(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, visible: str | None, used: str
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible or "")
    if visible is None:
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    assert finetune(tmp_path / "none.jsonl", tmp_path / "out") == 2
    assert os.environ["CUDA_VISIBLE_DEVICES"] == used


def test_it_goes_on_by_the_printed_command_with_licence_and_micro_batch(
    tmp_path: Path,
    base_folder: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    data, out = write_data(tmp_path / "my bakery.jsonl"), tmp_path / "out"
    options = [*QUICK, "--licence", "cc0-1.0", "--micro-batch", "2"]
    say = command._say

    def stop(line: str) -> None:
        say(line)
        if line.startswith("step 0"):
            signal.raise_signal(signal.SIGTERM)

    with monkeypatch.context() as patch:
        patch.setattr(command, "_say", stop)
        assert finetune(data, out, "--base", str(base_folder), *options) == 1
    assert f"To go on: caption-studio finetune '{data}' {out} --resume" in capfd.readouterr().err
    assert finetune(data, out, "--resume") == 0
    assert "(2 at a time" in capfd.readouterr().err
    assert "license: cc0-1.0" in (out / "README.md").read_text()
