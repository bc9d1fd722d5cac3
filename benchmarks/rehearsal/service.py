"""deploy/gpu.yaml, changed only in its devices and as a small machine requires."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from benchmarks.service import Serving, serving

ROOT = Path(__file__).parents[2]
CONFIG = ROOT / "deploy" / "gpu.yaml"
KEY = "the-key-of-the-rehearsal"
START_TIMEOUT_S = 900.0


def config(side_px: int, *, merged: bool = False) -> dict[str, Any]:
    """Return the file's content, adapted to this machine."""
    value: dict[str, Any] = yaml.safe_load(CONFIG.read_text())
    value["http_options"]["host"] = "127.0.0.1"
    (application,) = value["applications"]
    args = application["args"]
    args["gateway"] = {"api_keys": [KEY], "request_timeout_s": 600, "max_predicted_s": 600}
    args["vision"] |= {"device": "cpu", "dtype": "float32", "image_size_px": side_px}
    args["vision"] |= {"max_batch_size": 8, "threads": os.cpu_count() or 1}
    args["language"] |= {
        "max_model_len": 512,
        "max_num_seqs": 8,
        "max_num_batched_tokens": 512,
        "kv_cache_bytes": 128 * 1024**2,
        "enforce_eager": True,
    }
    if merged:
        args["language"]["mode"] = "merged"
    for deployment in application["deployments"]:
        deployment["num_replicas"] = 1
        deployment["ray_actor_options"] = {"num_cpus": 0.5}
        if deployment["name"] == "Captioner":
            threads = {"OMP_NUM_THREADS": str(os.cpu_count() or 1)}
            deployment["ray_actor_options"]["runtime_env"] = {"env_vars": threads}
    return value


@contextmanager
def service(
    folder: Path, environment: Mapping[str, str], side_px: int, *, merged: bool = False
) -> Iterator[Serving]:
    """Run it for the length of the context; its log goes to `folder`.

    Raises `server.StartFailed`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    changed = config(side_px, merged=merged)
    with serving(changed, folder, environment, start_timeout_s=START_TIMEOUT_S) as started:
        yield started
