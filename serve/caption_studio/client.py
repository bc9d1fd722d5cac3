"""Picture files → captions on the terminal, through a running service over HTTP."""

import base64
import mimetypes
import sys
from collections.abc import Sequence
from pathlib import Path

import httpx
from tqdm import tqdm

TIMEOUT_S = 130.0
"""A little over the service's own deadline, so that its answer arrives and not ours."""


def caption_files(pictures: Sequence[Path], *, url: str, model: str | None) -> int:
    """Print description and caption of each picture; return 0, or 1 if any failed.

    A picture that fails is named on standard error, and the others go on.
    """
    failed = 0
    with httpx.Client(base_url=url, timeout=TIMEOUT_S) as client:
        for picture in tqdm(pictures, unit="picture", disable=len(pictures) == 1):
            try:
                description, caption = _caption(client, picture, model)
            except (OSError, httpx.HTTPError, _Refused) as error:
                failed += 1
                tqdm.write(f"{picture}: {error or type(error).__name__}", file=sys.stderr)
            else:
                tqdm.write(f"{picture}\n  description: {description}\n  caption:     {caption}")
    return 1 if failed else 0


class _Refused(Exception):
    """The service answered with an error body."""


def _caption(client: httpx.Client, picture: Path, model: str | None) -> tuple[str, str]:
    media_type = mimetypes.guess_type(picture.name)[0] or "image/jpeg"
    data = base64.b64encode(picture.read_bytes()).decode()
    url = f"data:{media_type};base64,{data}"
    content = [{"type": "image_url", "image_url": {"url": url}}]
    body: dict[str, object] = {"messages": [{"role": "user", "content": content}]}
    if model is not None:
        body["model"] = model
    answer = client.post("/v1/chat/completions", json=body)
    if answer.is_error:
        raise _Refused(_message(answer))
    value = answer.json()
    return value["caption_studio"]["description"], value["choices"][0]["message"]["content"]


def _message(answer: httpx.Response) -> str:
    try:
        return str(answer.json()["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return f"HTTP status {answer.status_code}"
