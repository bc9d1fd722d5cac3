"""A kubectl for a cluster that is not there: python fake_kubectl.py REAL_KUBECTL STATE WORD…

Secrets are kept as files in the folder STATE, kustomizations are rendered by the real kubectl, a
few questions have an answer, and every call is a line of STATE/calls. It refuses what an API server
refuses: to create a Secret that is there, and to replace one that is not.
"""

import base64
import json
import re
import subprocess
import sys
from pathlib import Path

CLUSTER = "caption-studio-abcde"
ANSWERS = {
    ("get", "rayservice"): CLUSTER,
    ("get", "rayclusters"): f"raycluster.ray.io/{CLUSTER}",
    ("get", "pods"): f"pod/{CLUSTER}-head",
}


def main(real: str, state: Path, words: list[str]) -> int:
    """Return the exit status."""
    given = sys.stdin.read() if "/dev/stdin" in " ".join(words) or words[-1] == "-" else ""
    with (state / "calls").open("a") as calls:
        calls.write(json.dumps({"words": words, "stdin": given}) + "\n")
    if "-k" in words:
        return _render(real, words[words.index("-k") + 1])
    match words:
        case ["create", "secret", *_]:
            made = _made(real, words, given)
            if "--dry-run=client" in words:
                print(made)
                return 0
            return _keep(state, made, replace=False)
        case ["replace", *_]:
            return _keep(state, given, replace=True)
        case ["get", "secret", name, *_]:
            (key,) = re.findall(r'\.data "([\w-]+)"', " ".join(words))
            data = json.loads((state / f"{name}.json").read_text())["data"]
            sys.stdout.write(base64.b64decode(data[key]).decode())
        case [verb, kind, *_] if "--output" in words:
            print(ANSWERS[verb, kind])
    return 0


def _render(real: str, folder: str) -> int:
    if "://" in folder:
        return 0
    done = subprocess.run([real, "kustomize", folder], stdout=subprocess.DEVNULL, check=False)
    return done.returncode


def _made(real: str, words: list[str], given: str) -> str:
    client = [word for word in words if word not in ("--dry-run=client", "--output", "yaml")]
    command = [real, *client, "--dry-run=client", "--output=json"]
    return subprocess.run(command, input=given, capture_output=True, text=True, check=True).stdout


def _keep(state: Path, secret: str, *, replace: bool) -> int:
    path = state / f"{json.loads(secret)['metadata']['name']}.json"
    if path.exists() != replace:
        print("NotFound" if replace else "AlreadyExists", file=sys.stderr)
        return 1
    path.write_text(secret)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2]), sys.argv[3:]))
