"""Applications that are not installed here: what they send, sent as it is.

One JSON file for each, named by the first argument: requests, with `{{model}}` and `{{picture}}`.
"""

import json
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from checks import DATA_URL, KEY, MODEL, URL, feature, is_about_the_picture, is_text


def answer(path: str, body: Any) -> str:
    """Return the text of the answer, whole or streamed."""
    request = urllib.request.Request(
        URL + path,
        json.dumps(body).encode(),
        {"Content-Type": "application/json", "Authorization": f"Bearer {KEY}"},
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as response:
            content = response.read().decode()
    except urllib.error.HTTPError as error:
        raise RuntimeError(f"{error.code}: {error.read().decode()}") from error
    if not body.get("stream"):
        return text_of(json.loads(content))
    events = [line[6:] for line in content.splitlines() if line.startswith("data: ")]
    assert events[-1] == "[DONE]"
    chunks = [json.loads(event) for event in events[:-1]]
    return "".join(
        choice["delta"].get("content") or "" for chunk in chunks for choice in chunk["choices"]
    )


def text_of(whole: Any) -> str:
    """Return the text of a chat completion or of a response."""
    if "choices" in whole:
        return whole["choices"][0]["message"]["content"]
    return "".join(part["text"] for item in whole["output"] for part in item["content"])


filled = Path(sys.argv[1]).read_text().replace("{{model}}", MODEL).replace("{{picture}}", DATA_URL)
for one in json.loads(filled)["requests"]:
    check = is_about_the_picture if one.get("about_the_picture") else is_text
    feature(one["feature"], lambda one=one, check=check: check(answer(one["path"], one["body"])))
