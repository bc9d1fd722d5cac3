"""LiteLLM's proxy: https://docs.litellm.ai/docs/simple_proxy, the service behind it."""

import json
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from checks import DATA_URL, KEY, MODEL, URL, feature, is_about_the_picture
from openai import OpenAI

START_TIMEOUT_S = 120
MASTER_KEY = "sk-of-the-proxy-itself"
ASKED = [
    {"role": "user", "content": [{"type": "image_url", "image_url": {"url": DATA_URL}}]},
]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(url: str, process: subprocess.Popen) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            urllib.request.urlopen(url, timeout=2)
            return
        except OSError:
            time.sleep(0.5)
    raise RuntimeError("the proxy did not start")


with tempfile.TemporaryDirectory() as folder:
    config = Path(folder) / "config.yaml"
    service = {"model": f"openai/{MODEL}", "api_base": URL, "api_key": KEY}
    models = [{"model_name": "captions", "litellm_params": service}]
    general = {"master_key": MASTER_KEY}
    config.write_text(json.dumps({"model_list": models, "general_settings": general}))
    port = free_port()
    command = [str(Path(sys.executable).with_name("litellm")), "--config", str(config)]
    process = subprocess.Popen(
        [*command, "--host", "127.0.0.1", "--port", str(port)],
        stdout=sys.stderr,
        stderr=sys.stderr,
    )
    try:
        wait_for(f"http://127.0.0.1:{port}/health/liveliness", process)
        client = OpenAI(base_url=f"http://127.0.0.1:{port}/v1", api_key=MASTER_KEY)

        def caption() -> None:
            answer = client.chat.completions.create(model="captions", messages=ASKED)
            is_about_the_picture(answer.choices[0].message.content)

        def stream() -> None:
            pieces = client.chat.completions.create(model="captions", messages=ASKED, stream=True)
            text = "".join(p.choices[0].delta.content or "" for p in pieces if p.choices)
            is_about_the_picture(text)

        feature("caption", caption)
        feature("stream", stream)
    finally:
        process.terminate()
        process.wait(30)
