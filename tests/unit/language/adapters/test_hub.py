"""An adapter on the hub, from the hub's own cache, in a process that may not reach the hub.

Its library reads its settings once, when it is imported: hence the processes.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.adapters import write

COMMIT = "0123456789abcdef0123456789abcdef01234567"
GET = """
import json, sys
from pathlib import Path
from caption_studio.errors import CaptionStudioError
from caption_studio.language.adapters.store import AdapterStore
from caption_studio.records import Adapter
from caption_studio.settings import LanguageSettings
try:
    store = AdapterStore(LanguageSettings(adapter_cache_dir=sys.argv[1]))
    folder = store.get(Adapter("a", "org/name", sys.argv[2])).folder
    print(json.dumps(sorted(path.name for path in folder.iterdir())))
except CaptionStudioError as error:
    print(json.dumps([error.code, error.message]))
"""


def get(home: Path, revision: str = COMMIT) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", GET, home / "ours", revision],
        env={**os.environ, "HF_HOME": str(home), "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answer: list[str] = json.loads(done.stdout)
    return answer


@pytest.mark.parametrize("form", ["safetensors", "bin"])
def test_a_cached_repository_is_used_at_its_commit(tmp_path: Path, form: str) -> None:
    write(tmp_path / "hub" / "models--org--name" / "snapshots" / COMMIT, form=form)
    assert get(tmp_path) == ["adapter_config.json", "adapter_model.safetensors"]
    code, message = get(tmp_path, "f" * 40)
    assert code == "adapter_unavailable"
    assert "org" not in message
