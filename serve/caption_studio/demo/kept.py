"""How often captions hold to their controls and to the picture, by a running service.

`python -m caption_studio.demo.kept OUT.json` paints pictures that training never drew. Whether a
control holds is judged here, from the caption alone, and not taken from the answer. It needs an
administrator's key, because it adds a voice that checks captions, and removes it again.
"""

import argparse
import base64
import io
import json
import os
import random
import re
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from caption_studio.demo.captions import has_emoji, names_scene
from caption_studio.demo.figures import commit
from caption_studio.demo.obedience import hashtags
from caption_studio.demo.painter import paint
from caption_studio.demo.scenes import HELD_OUT_SEEDS, Scene, sample_scene

FIRST_SEED = HELD_OUT_SEEDS[0] + 400_000
VOICES = ("caption-demo", "caption-demo-plain")
LONG_WISH = (
    "Please write something that my friends and my whole family would enjoy to read when they "
    "open the app in the morning over a cup of coffee, warm and cheerful but never silly, and "
    "keep in mind that some of them are older people who do not like slang at all"
)
"""51 words that ask for nothing which the picture would contradict."""

CHECKER = {"id": "checked", "adapter": "caption-demo", "faithful": True}


@dataclass(frozen=True, slots=True)
class Case:
    """Controls, and whether a caption holds to them."""

    name: str
    controls: dict[str, Any]
    holds: Callable[[str], bool]


CASES = (
    Case("hashtags: 0", {"hashtags": 0}, lambda text: hashtags(text) == 0),
    Case("hashtags: 1", {"hashtags": 1}, lambda text: hashtags(text) == 1),
    Case("hashtags: 5", {"hashtags": 5}, lambda text: hashtags(text) == 5),
    Case("emoji: false", {"emoji": False}, lambda text: not has_emoji(text)),
    Case("length: short", {"length": "short"}, lambda text: len(text) <= 80),
    Case("length: 30", {"length": 30}, lambda text: 0 < len(text) <= 30),
    Case("platform: x", {"platform": "x"}, lambda text: len(text) <= 280),
    Case(
        "avoid: the, two, red",
        {"avoid": ["the", "two", "red"]},
        lambda text: not re.search(r"\b(the|two|red)\b", text.lower()),
    ),
    Case(
        "length: 60, hashtags: 2, emoji: false",
        {"length": 60, "hashtags": 2, "emoji": False},
        lambda text: len(text) <= 60 and hashtags(text) == 2 and not has_emoji(text),
    ),
)


@dataclass(frozen=True, slots=True)
class Picture:
    """A painted picture and what it shows."""

    scene: Scene
    url: str


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--url", default="http://127.0.0.1:8000")
    parser.add_argument("--pictures", type=int, default=200)
    options = parser.parse_args()
    boss = {"Authorization": f"Bearer {os.environ['CAPTION_STUDIO_ADMIN_KEY']}"}
    pictures = [_painted(FIRST_SEED + number) for number in range(options.pictures)]
    with httpx.Client(base_url=options.url, timeout=130, trust_env=False) as http:
        figures: dict[str, Any] = {
            "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "commit": commit(),
            "pictures": len(pictures),
            "kept": {},
            "faithful": {},
        }
        for voice in VOICES:
            figures["kept"][voice] = {
                case.name: _kept(http, voice, case, pictures) for case in CASES
            }
        http.post("/v1/admin/voices", json=CHECKER, headers=boss).raise_for_status()
        try:
            for name, wish in (("no wish", ""), ("a wish of 51 words", LONG_WISH)):
                figures["faithful"][name] = {
                    "before": _faithful(http, "caption-demo", wish, pictures),
                    "after": _faithful(http, "checked", wish, pictures),
                }
        finally:
            http.delete("/v1/admin/voices/checked", headers=boss)
    text = json.dumps(figures, indent=1)
    options.out.write_text(text + "\n")
    print(text)


def _painted(seed: int) -> Picture:
    scene = sample_scene(seed)
    buffer = io.BytesIO()
    paint(scene, seed).save(buffer, "JPEG", quality=random.Random(seed).randint(75, 95))
    return Picture(scene, "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode())


def _kept(
    http: httpx.Client, voice: str, case: Case, pictures: Sequence[Picture]
) -> dict[str, float]:
    """Return the share that holds, and the share of answers that tell rightly whether it does."""
    answers = _asked(http, voice, "", case.controls, pictures)
    holds = [case.holds(caption) for caption, _ in answers]
    told = [all(about["controls"].values()) for _, about in answers]
    return {
        "held": sum(holds) / len(holds),
        "told rightly": sum(map(bool.__eq__, holds, told)) / len(holds),
    }


def _faithful(
    http: httpx.Client, voice: str, wish: str, pictures: Sequence[Picture]
) -> dict[str, float]:
    """Return the share of captions that name what the description does, by the demo's own rule."""
    answers = _asked(http, voice, wish, {}, pictures)
    seen = [
        (picture, caption, about)
        for picture, (caption, about) in zip(pictures, answers, strict=True)
        if about["description"] == picture.scene.description
    ]
    named = [names_scene(caption, picture.scene) for picture, caption, _ in seen]
    marked = [about.get("faithful") is False for _, _, about in seen]
    return {
        "described exactly": len(seen) / len(pictures),
        "names the picture": sum(named) / len(named),
        "marked as contradicting": sum(marked) / len(marked),
    }


def _asked(
    http: httpx.Client,
    voice: str,
    wish: str,
    controls: dict[str, Any],
    pictures: Sequence[Picture],
) -> list[tuple[str, dict[str, Any]]]:
    def ask(picture: Picture) -> tuple[str, dict[str, Any]]:
        content = [
            {"type": "text", "text": wish},
            {"type": "image_url", "image_url": {"url": picture.url}},
        ]
        body: dict[str, Any] = {
            "model": voice,
            "seed": 1,
            "messages": [{"role": "user", "content": content}],
        }
        if controls:
            body["caption_studio"] = controls
        answer = http.post("/v1/chat/completions", json=body).raise_for_status().json()
        return answer["choices"][0]["message"]["content"], answer["caption_studio"]

    with ThreadPoolExecutor(16) as threads:
        return list(threads.map(ask, pictures))


if __name__ == "__main__":
    main()
