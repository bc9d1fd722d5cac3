"""A client against a running service → what of it works."""

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from caption_studio.settings import EMBEDDED_MODELS_DIR
from tests.clients.clients import Client, NotInstalled, command, version

ROOT = Path(__file__).parents[2]
PICTURE = ROOT / "docs" / "example.jpg"
SUBJECT = "balloon"
"""What a caption of the picture speaks of."""

TIMEOUT_S = 900


@dataclass(frozen=True)
class Service:
    """Where the service is; `url` has no /v1."""

    url: str
    key: str
    model: str = "caption-demo"


@dataclass(frozen=True)
class Result:
    """One feature of one client; `why` is empty where it works."""

    client: str
    version: str
    feature: str
    why: str


def tried(client: Client, service: Service, environments: Path) -> list[Result]:
    """Run the client's script and return a result for each feature that it tells of."""
    try:
        arguments = command(client, environments)
        its_version = version(client, environments)
    except NotInstalled as error:
        return [Result(client.name, "", "installation", str(error))]
    environment = {
        **os.environ,
        "CLIENT_TEST_URL": f"{service.url}/v1",
        "CLIENT_TEST_KEY": service.key,
        "CLIENT_TEST_MODEL": service.model,
        "CLIENT_TEST_PICTURE": str(PICTURE),
        "CLIENT_TEST_SUBJECT": SUBJECT,
        "CLIENT_TEST_TOKENIZER": str(EMBEDDED_MODELS_DIR / "falcon-demo"),
        "PYTHONWARNINGS": "ignore",
    }
    try:
        run = subprocess.run(
            arguments, env=environment, capture_output=True, text=True, timeout=TIMEOUT_S
        )
    except subprocess.TimeoutExpired:
        return [Result(client.name, its_version, "all", f"no end after {TIMEOUT_S} s")]
    lines = [json.loads(line) for line in run.stdout.splitlines() if line.startswith('{"feature"')]
    results = [Result(client.name, its_version, line["feature"], line["why"]) for line in lines]
    if run.returncode or not results:
        last = (run.stderr.strip().splitlines() or ["it said nothing"])[-1]
        results.append(Result(client.name, its_version, "the script", last[:300]))
    return results
