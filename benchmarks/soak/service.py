"""The demo as the soak needs it: with keys, an administrator, and one host to fetch from."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml

from benchmarks.service import serving
from benchmarks.soak.requests import Keys

ROOT = Path(__file__).parents[2]
CONFIG = ROOT / "deploy" / "demo.yaml"
FRUGAL_PER_MINUTE = 6
CACHE_SIZE = 500
"""Size of the cache of descriptions, which must be full before measuring begins. The default's
10,000 would take over an hour to fill."""

PATIENCE_S = 60.0
"""Time limit for a picture from the soak's own server, which shares the loaded machine."""


@dataclass(frozen=True)
class Soaked:
    """The running service."""

    url: str
    pid: int
    keys: Keys


@contextmanager
def service(folder: Path, pictures: str) -> Iterator[Soaked]:
    """Run the service for the length of the context; `pictures` is the host it may fetch from.

    Its log goes to `folder`. Raises `server.StartFailed`.
    """
    keys = Keys(*(secrets.token_hex(16) for _ in range(3)))
    key_file = folder / "keys"
    key_file.touch(mode=0o600)
    key_file.write_text(
        f"{keys.caller} name=caller\n"
        f"{keys.frugal} name=frugal requests_per_minute={FRUGAL_PER_MINUTE}\n"
    )
    config = yaml.safe_load(CONFIG.read_text())
    config["applications"][0]["args"] = {
        "vision": {"cache_size": CACHE_SIZE},
        "images": {"allowed_hosts": [pictures], "fetch_timeout_s": PATIENCE_S},
        "gateway": {"api_keys_file": str(key_file), "admin_keys": [keys.admin]},
    }
    import_path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    with serving(config, folder, {"PYTHONPATH": import_path}) as started:
        yield Soaked(started.url, started.pid, keys)
