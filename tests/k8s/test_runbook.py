"""docs/kubernetes.md, its shell blocks run from the first to the last, without a cluster."""

import json
import re
import shlex
import subprocess
import sys
from base64 import b64decode
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from caption_studio.gateway.keys import parse_key_file
from tests.k8s import fake_kubectl
from tests.k8s.reference_rules import secrets
from tests.k8s.rendered import KUBECTL, ROOT, overlay

BLOCKS = re.findall(
    r"^ *```sh\n(.*?)^ *```",
    (ROOT / "docs" / "kubernetes.md").read_text(),
    flags=re.DOTALL | re.MULTILINE,
)
OTHERS = ("docker", "kind", "helm", "curl", "git")
"""Commands that would reach out; here they do nothing."""


@dataclass(frozen=True)
class Run:
    """What the blocks did to the cluster that was not there."""

    state: Path

    def before(self, words: str) -> "Run":
        """Return what the blocks before the first one with these words did."""
        return Run(self.state / f"before-{next(i for i, b in enumerate(BLOCKS) if words in b)}")

    def calls(self, verb: str) -> list[dict[str, Any]]:
        lines = (self.state / "calls").read_text().splitlines()
        return [call for call in map(json.loads, lines) if call["words"][0] == verb]

    def secret(self, name: str, key: str) -> str:
        data = json.loads((self.state / f"{name}.json").read_text())["data"]
        return b64decode(data[key]).decode()


def run(blocks: list[str], state: Path) -> Run:
    """Run the blocks in one shell, as somebody would who follows the page."""
    state.mkdir(exist_ok=True)
    fake = shlex.join([sys.executable, "-S", fake_kubectl.__file__, str(KUBECTL), str(state)])
    (state / "kubectl").write_text(f'#!/bin/sh\nexec {fake} "$@"\n')
    (state / "kubectl").chmod(0o755)
    nothing = [f"{name}() {{ :; }}" for name in OTHERS]
    kept = [
        f'mkdir "{state}/before-{i}"; cp "{state}"/*.json "{state}/before-{i}" || true\n{block}'
        for i, block in enumerate(blocks)
    ]
    script = "\n".join([f"PATH={shlex.quote(str(state))}:$PATH", *nothing, *kept, "wait"])
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return Run(state)


@pytest.fixture(scope="module")
def followed(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return run(BLOCKS, tmp_path_factory.mktemp("cluster"))


def test_the_secrets_are_made_with_keys_that_gateways_take(followed: Run) -> None:
    installed = followed.before("show()")
    made = {
        (path.stem, key)
        for path in installed.state.glob("*.json")
        for key in json.loads(path.read_text())["data"]
    }
    assert made == secrets(overlay("gpu")) - {("hf-token", "token")}  # only for gated models
    keys = parse_key_file(installed.secret("gateway-api-keys", "api-keys"))
    assert [key.name for key in keys] == [None, "prometheus"]
    line = f"{installed.secret('metrics-key', 'api-key')} name=prometheus"
    assert line in installed.secret("gateway-api-keys", "api-keys").splitlines()
    (admin,) = parse_key_file(
        installed.secret("gateway-admin-keys", "admin-keys"), with_limits=False
    )
    assert admin.digest not in {key.digest for key in keys}


def test_a_rotated_key_is_valid_beside_the_old_one_until_that_is_removed(followed: Run) -> None:
    halfway = followed.before("grep --invert-match").secret("gateway-api-keys", "api-keys")
    names = [key.name for key in parse_key_file(halfway)]
    assert names == [None, "prometheus", "prometheus-2"]
    after = followed.secret("gateway-api-keys", "api-keys")
    assert [key.name for key in parse_key_file(after)] == [None, "prometheus-2"]
    assert f"{followed.secret('metrics-key', 'api-key')} name=prometheus-2" in after.splitlines()


def test_sizes_and_finalizers_are_patched_on_the_active_cluster(followed: Run) -> None:
    sizes, finalizers = followed.calls("patch")
    assert sizes["words"][1:3] == ["raycluster", fake_kubectl.CLUSTER]
    paths = [operation["path"] for operation in yaml.safe_load(sizes["stdin"])]
    assert paths
    assert all(path.startswith("/spec/workerGroupSpecs/") for path in paths)
    assert finalizers["words"][1] == f"raycluster.ray.io/{fake_kubectl.CLUSTER}"
    assert json.loads(finalizers["words"][-1]) == {"metadata": {"finalizers": None}}


def test_the_service_is_deleted_before_what_it_needs(followed: Run) -> None:
    deleted = [call["words"] for call in followed.calls("delete")]
    service = next(i for i, words in enumerate(deleted) if words[1] == "rayservice")
    rest = next(i for i, words in enumerate(deleted) if "-k" in words)
    assert service < rest
    assert "--ignore-not-found" in deleted[rest]


def test_the_fake_refuses_what_an_api_server_refuses(tmp_path: Path) -> None:
    create = "printf x | kubectl create secret generic a --namespace n --from-file=k=/dev/stdin"
    with pytest.raises(AssertionError, match="AlreadyExists"):
        run([create, create], tmp_path / "twice")
    dry = f"{create} --dry-run=client --output yaml"
    with pytest.raises(AssertionError, match="NotFound"):
        run([f"{dry} | kubectl replace --filename -"], tmp_path / "never")
