"""One picture in ten voices, by a running service: the gallery of docs/voices.md.

`python -m caption_studio.demo.gallery` needs an administrator's key, because it adds eight voices
and removes them again.
"""

import argparse
import base64
import os
from pathlib import Path
from typing import Any

import httpx
import yaml

VOICES = Path(__file__).with_name("voices.yaml")
OWN = ("caption-demo", "caption-demo-plain")


def main() -> None:
    """Print the gallery as a table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("picture", type=Path)
    parser.add_argument("--url", default="http://127.0.0.1:8000")
    options = parser.parse_args()
    key = os.environ["CAPTION_STUDIO_ADMIN_KEY"]
    boss = {"Authorization": f"Bearer {key}"}
    added = yaml.safe_load(VOICES.read_text())
    with httpx.Client(base_url=options.url, timeout=130, trust_env=False) as http:
        try:
            for voice in added:
                http.post("/v1/admin/voices", json=voice, headers=boss).raise_for_status()
            rows = [_row(http, options.picture, voice) for voice in (*OWN, *_ids(added))]
        finally:
            for voice in added:
                http.delete(f"/v1/admin/voices/{voice['id']}", headers=boss)
    print("| voice | what it is like | caption |\n|---|---|---|", *rows, sep="\n")


def _ids(voices: list[dict[str, Any]]) -> list[str]:
    return [voice["id"] for voice in voices]


def _row(http: httpx.Client, picture: Path, voice: str) -> str:
    about = http.get(f"/v1/models/{voice}").raise_for_status().json()["description"]
    url = f"data:image/jpeg;base64,{base64.b64encode(picture.read_bytes()).decode()}"
    content = [{"type": "image_url", "image_url": {"url": url}}]
    body = {"model": voice, "seed": 1, "messages": [{"role": "user", "content": content}]}
    answer = http.post("/v1/chat/completions", json=body).raise_for_status().json()
    caption = answer["choices"][0]["message"]["content"].replace("|", "\\|")
    return f"| `{voice}` | {about} | {caption} |"


if __name__ == "__main__":
    main()
