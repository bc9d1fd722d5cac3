"""llm: https://llm.datasette.io/en/stable/other-models.html#openai-compatible-models."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from checks import KEY, MODEL, PICTURE, URL, feature, is_about_the_picture

LLM = str(Path(sys.executable).with_name("llm"))

with tempfile.TemporaryDirectory() as folder:
    environment = {**os.environ, "LLM_USER_PATH": folder}
    model = {
        "model_id": "captions",
        "model_name": MODEL,
        "api_base": URL,
        "api_key_name": "captions",
        "vision": True,
        "supports_schema": True,
    }
    (Path(folder) / "extra-openai-models.yaml").write_text(json.dumps([model]))
    (Path(folder) / "keys.json").write_text(json.dumps({"captions": KEY}))

    def llm(*arguments: str) -> str:
        result = subprocess.run(
            [LLM, *arguments], env=environment, capture_output=True, text=True, timeout=120
        )
        if result.returncode:
            raise RuntimeError(result.stderr.strip())
        return result.stdout

    def caption(*arguments: str) -> None:
        is_about_the_picture(llm("-m", "captions", "A caption, please.", "-a", PICTURE, *arguments))

    def structured() -> None:
        text = llm("-m", "captions", "A post.", "-a", PICTURE, "--schema", "title, likes int")
        assert {"title", "likes"} == json.loads(text).keys()

    feature("stream", caption)
    feature("caption", lambda: caption("--no-stream"))
    feature("second turn", lambda: is_about_the_picture(llm("-c", "Another one, please.")))
    feature("structured", structured)
