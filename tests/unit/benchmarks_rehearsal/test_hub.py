"""The hub on loopback, asked by the hub's own library, and `caption-studio models pull`."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from benchmarks.rehearsal.hub import COMMIT, Hub, environment, running
from tests.conftest import COMMAND

MODEL, ADAPTER = "owner/falcon-of-a-test", "owner/adapter-of-a-test"
WEIGHTS = bytes(range(256)) * 8000


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    root = tmp_path / "hub"
    for name, files in {
        MODEL: {
            "config.json": b"{}",
            "model-1.safetensors": WEIGHTS,
            "pytorch_model.bin": WEIGHTS,
            "modelling_RW.py": b"raise SystemExit",
        },
        ADAPTER: {"adapter_config.json": b"{}", "adapter_model.bin": WEIGHTS},
    }.items():
        folder = root / name
        folder.mkdir(parents=True)
        for file, data in files.items():
            (folder / file).write_bytes(data)
    with running(root) as hub:
        yield hub


@pytest.fixture
def config(tmp_path: Path) -> Path:
    language = {"model": MODEL, "adapters": [{"id": "a", "source": ADAPTER}]}
    application = {"import_path": "a:b", "args": {"language": language}}
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump({"applications": [application]}))
    return path


def pull(hub: Hub, config: Path, home: Path, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [COMMAND, "models", "pull", config],
        env={**os.environ, **environment(hub, home), **more},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_what_a_config_names_is_fetched_once_and_without_code(
    hub: Hub, config: Path, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    done = pull(hub, config, home)
    assert done.returncode == 0, done.stderr
    first, second = done.stdout.splitlines()
    assert first.startswith(f"{MODEL} at {COMMIT}: 2 files, 0.00 GB")
    assert second.startswith(f"{ADAPTER} at {COMMIT}: 2 files")
    snapshot = home / "hub" / f"models--{MODEL.replace('/', '--')}" / "snapshots" / COMMIT
    assert sorted(path.name for path in snapshot.iterdir()) == [
        "config.json",
        "model-1.safetensors",
    ]
    assert (snapshot / "model-1.safetensors").read_bytes() == WEIGHTS
    offline = "from huggingface_hub import hf_hub_download as get; import sys; get(*sys.argv[1:])"
    subprocess.run(
        [sys.executable, "-c", offline, MODEL, "config.json"],
        env={**os.environ, **environment(hub, home), "HF_HUB_OFFLINE": "1"},
        check=True,
    )
    sent = hub.bytes_sent
    assert pull(hub, config, home).returncode == 0
    assert hub.bytes_sent == sent


def test_a_file_that_broke_off_goes_on(hub: Hub, config: Path, tmp_path: Path) -> None:
    hub.fault = "half"
    broken = pull(hub, config, tmp_path / "home")
    assert broken.returncode == 1
    assert broken.stderr.splitlines()[-1].startswith(
        f"caption-studio: {MODEL} could not be fetched"
    )
    assert "Traceback" not in broken.stderr
    hub.fault = None
    done = pull(hub, config, tmp_path / "home")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("401", "answered 401. Set HF_TOKEN"),
        ("404", "on the hub"),
        ("429", "asked too often"),
    ],
)
def test_a_hub_that_refuses_is_one_sentence(
    hub: Hub, config: Path, tmp_path: Path, fault: str, said: str
) -> None:
    hub.fault = fault  # type: ignore[assignment]
    done = pull(hub, config, tmp_path / "home")
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert said in done.stderr
    assert sum(hub.asked.values()) < 10  # no storm


def load(hub: Hub, home: Path, model: str = MODEL, **more: str) -> subprocess.CompletedProcess[str]:
    """Ask for the model's folder, as the stages do when they load."""
    code = (
        "import sys; from caption_studio.model_files import model_folder; "
        "print(model_folder(sys.argv[1], None))"
    )
    return subprocess.run(
        [sys.executable, "-c", code, model],
        env={**os.environ, **environment(hub, home), **more},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_a_stage_loads_from_a_folder_of_the_cache(hub: Hub, tmp_path: Path) -> None:
    home = tmp_path / "home"
    fetched = load(hub, home)
    assert fetched.returncode == 0, fetched.stderr
    folder = Path(fetched.stdout.strip())
    assert (folder / "model-1.safetensors").read_bytes() == WEIGHTS
    assert not (folder / "modelling_RW.py").exists()
    hub.asked.clear()
    assert load(hub, home, HF_HUB_OFFLINE="1").stdout == fetched.stdout
    assert not hub.asked
    hub.fault = "429"  # and where the hub refuses, what is there is enough
    assert load(hub, home).stdout == fetched.stdout


@pytest.mark.parametrize("fault", ["401", "404", "429"])
def test_a_stage_asks_a_hub_that_refuses_once(hub: Hub, tmp_path: Path, fault: str) -> None:
    hub.fault = fault  # type: ignore[assignment]
    failed = load(hub, tmp_path / "home")
    assert failed.stderr.splitlines()[-1].startswith(
        f"caption_studio.model_files.PullFailed: {MODEL}"
    )
    assert hub.asked.total() <= 2


@pytest.mark.parametrize("model", ["/no/such/folder", "embedded:no-such-model"])
def test_a_model_that_is_nowhere_is_told(hub: Hub, tmp_path: Path, model: str) -> None:
    failed = load(hub, tmp_path / "home", model)
    assert f"{model} is no folder on this machine" in failed.stderr.splitlines()[-1]
    assert not hub.asked


def test_no_hub_at_all_is_one_sentence(hub: Hub, config: Path, tmp_path: Path) -> None:
    done = pull(hub, config, tmp_path / "home", HF_ENDPOINT="http://127.0.0.1:9")
    assert done.returncode == 1
    assert f"{MODEL} could not be fetched" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_config_of_embedded_models_needs_nothing(hub: Hub, tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(json.dumps({"applications": [{"import_path": "a:b"}]}))
    done = pull(hub, config, tmp_path / "home")
    assert (done.returncode, "names nothing" in done.stdout) == (0, True)
    assert not hub.asked


def test_a_wrong_config_is_told(hub: Hub, tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(json.dumps({"applications": [{"import_path": "a:b", "args": {"x": 1}}]}))
    done = pull(hub, config, tmp_path / "home")
    assert done.returncode == 1
    assert "no valid configuration" in done.stderr


def test_the_hub_gives_a_range(hub: Hub) -> None:
    code = (
        "import sys, urllib.request as u; "
        "print(u.urlopen(u.Request(sys.argv[1], headers={'Range': 'bytes=2047990-'})).read())"
    )
    url = f"{hub.url}/{MODEL}/resolve/main/model-1.safetensors"
    done = subprocess.run(
        [sys.executable, "-c", code, url], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == repr(WEIGHTS[2047990:])
