"""What every script here shares: where the service is, and one line of JSON for each feature.

Standard library only: each script runs in its client's own environment.
"""

import base64
import json
import os
import sys
import traceback
from collections.abc import Callable

URL = os.environ["CLIENT_TEST_URL"]
"""Of the API, with /v1 at its end."""
KEY = os.environ["CLIENT_TEST_KEY"]
MODEL = os.environ["CLIENT_TEST_MODEL"]
PICTURE = os.environ["CLIENT_TEST_PICTURE"]
SUBJECT = os.environ["CLIENT_TEST_SUBJECT"]
"""A word that a caption of the picture holds."""

with open(PICTURE, "rb") as _file:
    PICTURE_BYTES = _file.read()
PICTURE_BASE64 = base64.b64encode(PICTURE_BYTES).decode()
DATA_URL = f"data:image/jpeg;base64,{PICTURE_BASE64}"


def feature(name: str, body: Callable[[], object]) -> None:
    """Run `body` and print whether it worked, with the first line of what went wrong."""
    why = ""
    try:
        body()
    except BaseException as error:  # whatever a client makes of an answer
        traceback.print_exc(file=sys.stderr)
        why = f"{type(error).__name__}: {error}".splitlines()[0][:300]
    print(json.dumps({"feature": name, "works": not why, "why": why}), flush=True)


def is_about_the_picture(text: str | None) -> None:
    """Raise unless the text names the picture's subject."""
    if SUBJECT not in (text or "").lower():
        raise AssertionError(f"no {SUBJECT!r} in {text!r}")


def is_text(text: str | None) -> None:
    """Raise unless there is text."""
    if not text:
        raise AssertionError("the answer is empty")
