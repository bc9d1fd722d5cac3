"""Whether a running service listens: what is asked beside a picture, and what its captions say.

    python -m caption_studio.demo.listening --url http://127.0.0.1:8000 --split validation

It paints pictures of combinations that training never showed and asks both adapters about them.
Captions are held to the painted scene and not to the description. Tune on `validation`; ask for
`test` once, from a clean commit.
"""

import argparse
import base64
import io
import json
import random
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from caption_studio.demo.figures import commit
from caption_studio.demo.listening_cases import Question, judged, questions
from caption_studio.demo.painter import paint
from caption_studio.demo.paths import ADAPTER_NAMES

IN_FLIGHT = 16
TIMEOUT_S = 130.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print and write; return the exit status."""
    options = _options(arguments)
    source = commit()
    if why := refusal(options.split, source):
        print(why, file=sys.stderr)
        return 2
    asked = questions(options.split, options.pictures, options.each, options.json)
    figures: dict[str, Any] = {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": source,
        "split": options.split,
        "questions": len(asked),
    }
    try:
        with httpx.Client(base_url=options.url, timeout=TIMEOUT_S, trust_env=False) as http:
            for voice in options.voices:
                print(f"{voice}: {len(asked)} questions", file=sys.stderr)
                figures[voice] = judged(answered(http, voice, asked))
    except httpx.HTTPError as error:
        print(f"{options.url} did not answer as it should: {error}", file=sys.stderr)
        return 1
    text = json.dumps(figures, indent=1)
    if options.out:
        options.out.write_text(text + "\n")
    print(text)
    return 0


def refusal(split: str, source: str) -> str | None:
    """Return why this commit may not measure this split, or None."""
    if split == "test" and source.endswith("-dirty"):
        return "The test split is for a clean commit: commit your changes first."
    return None


def answered(
    http: httpx.Client, voice: str, asked: Sequence[Question]
) -> list[tuple[Question, Any]]:
    """Ask a voice all questions, some at a time; return each with its answer."""
    with ThreadPoolExecutor(IN_FLIGHT) as threads:
        answers = threads.map(lambda question: _answer(http, voice, question), asked)
        return list(zip(asked, answers, strict=True))


def _answer(http: httpx.Client, voice: str, question: Question) -> Any:
    """Return the caption, or the object of a JSON answer: None if it is none."""
    body = request_body(voice, question)
    answer = http.post("/v1/chat/completions", json=body).raise_for_status().json()
    text = answer["choices"][0]["message"]["content"]
    if question.form is None:
        return text
    try:
        return json.loads(text)
    except ValueError:
        return None


def request_body(voice: str, question: Question) -> dict[str, Any]:
    """Return the request that asks a question; sampling is the service's own, with a fixed seed."""
    content: list[dict[str, Any]] = [
        {"type": "image_url", "image_url": {"url": _painted(question)}}
    ]
    if question.text:
        content.insert(0, {"type": "text", "text": question.text})
    body: dict[str, Any] = {
        "model": voice,
        "seed": 1,
        "messages": [{"role": "user", "content": content}],
    }
    if question.form is not None:
        schema = {
            "type": "object",
            "properties": question.form,
            "required": list(question.form),
            "additionalProperties": False,
        }
        named = {"name": "answer", "schema": schema}
        body["response_format"] = {"type": "json_schema", "json_schema": named}
    return body


def _painted(question: Question) -> str:
    buffer = io.BytesIO()
    quality = random.Random(question.seed).randint(75, 95)
    paint(question.scene, question.seed).save(buffer, "JPEG", quality=quality)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m caption_studio.demo.listening",
        description="Measure whether a running demo service listens.",
    )
    parser.add_argument("--url", default="http://127.0.0.1:8000")
    parser.add_argument("--split", choices=("validation", "test"), default="validation")
    parser.add_argument("--out", type=Path, help="also write the figures to this file")
    parser.add_argument("--voices", nargs="+", default=list(ADAPTER_NAMES))
    parser.add_argument("--pictures", type=int, default=400, help="without any instruction")
    parser.add_argument("--each", type=int, default=5, help="pictures for each instruction")
    parser.add_argument("--json", type=int, default=200, help="pictures for JSON answers")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
