"""The service's answers against those of transformers and PEFT, token for token."""

import base64
import io
import json
import random
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from PIL import Image

from benchmarks.rehearsal.service import KEY

TOKENS = 16
TIMEOUT_S = 600.0
REFERENCE_TIMEOUT_S = 1200.0
TIE = 1.0
"""Steps of bfloat16. Two logits this close are a tie: another order of sums may swap them."""


@dataclass(frozen=True)
class Said:
    """The service's answers of both models, its description, and its stages' times."""

    base: list[list[str]]
    adapter: list[list[str]]
    description: str
    stage_times: dict[str, float]


def picture(side_px: int) -> bytes:
    """Return RGB bytes of a picture of the describer's input size, so that it is not resized."""
    return random.Random(5).randbytes(3 * side_px * side_px)


def prompts(vocabulary: int) -> list[list[int]]:
    """Return prompts as token ids."""
    draw = random.Random(6)
    return [[draw.randrange(20, vocabulary - 1) for _ in range(12)] for _ in range(2)]


def ask(url: str, side_px: int, vocabulary: int) -> Said:
    """Ask the running service. Raises `httpx.HTTPError`."""
    headers = {"authorization": f"Bearer {KEY}", "x-stage-times": "1"}
    with httpx.Client(base_url=url, timeout=TIMEOUT_S, headers=headers) as http:
        described = _captioned(http, side_px)
        asked = prompts(vocabulary)
        return Said(
            base=[_continued(http, "falcon-7b-instruct", ids) for ids in asked],
            adapter=[_continued(http, "caption", ids) for ids in asked],
            description=described["description"],
            stage_times=described["stage_times"],
        )


def reference(root: Path, folder: Path, side_px: int, vocabulary: int) -> dict[str, Any]:
    """Ask transformers and PEFT. Raises `subprocess.SubprocessError`."""
    asked = {
        "prompts": prompts(vocabulary),
        "tokens": TOKENS,
        "picture": picture(side_px).hex(),
        "side_px": side_px,
    }
    (folder / "asked.json").write_text(json.dumps(asked))
    command = [sys.executable, "-m", "benchmarks.rehearsal.reference", str(root)]
    subprocess.run(
        [*command, str(folder / "asked.json"), str(folder / "answers.json")],
        check=True,
        timeout=REFERENCE_TIMEOUT_S,
    )
    answers: dict[str, Any] = json.loads((folder / "answers.json").read_text())
    return answers


def differences(said: Said, wanted: dict[str, Any]) -> tuple[list[str], int]:
    """Return a sentence for each difference, and the number of answers that part at a tie."""
    found, ties = [], 0
    for name, ours in (("base", said.base), ("adapter", said.adapter)):
        for number, (tokens, theirs) in enumerate(zip(ours, wanted[name], strict=True)):
            pairs = zip(tokens, theirs["tokens"], strict=True)
            parted = next((place for place, (a, b) in enumerate(pairs) if a != b), None)
            if parted is None:
                continue
            if theirs["gaps"][parted] <= TIE:
                ties += 1
            else:
                found.append(f"{name}, prompt {number}: another token at place {parted}")
    if said.description != wanted["description"]:
        found.append(f"the description is {said.description!r}, not {wanted['description']!r}")
    if said.base == said.adapter:
        found.append("the adapter changes nothing")
    return found, ties


def _captioned(http: httpx.Client, side_px: int) -> dict[str, Any]:
    file = io.BytesIO()
    Image.frombytes("RGB", (side_px, side_px), picture(side_px)).save(file, "PNG")
    url = f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"
    answer = http.post("/v1/completions", json={"image": url, "max_tokens": 4})
    answer.raise_for_status()
    found: dict[str, Any] = answer.json()["caption_studio"]
    return found


def _continued(http: httpx.Client, model: str, ids: list[int]) -> list[str]:
    body = {"model": model, "prompt": ids, "max_tokens": TOKENS, "temperature": 0}
    answer = http.post("/v1/completions", json={**body, "ignore_eos": True, "logprobs": 1})
    answer.raise_for_status()
    tokens: list[str] = answer.json()["choices"][0]["logprobs"]["tokens"]
    return tokens
