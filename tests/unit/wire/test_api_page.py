"""docs/api.md names every field that is obeyed or taken, and no other as such."""

import ast
import re
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from openai.types import completion_create_params
from openai.types.chat import completion_create_params as chat_create_params
from openai.types.responses import response_create_params

from caption_studio.wire.passed_over import (
    BOOKKEEPING,
    DEFAULTS,
    OF_IMAGES,
    OF_MESSAGES,
    OF_PARTS,
)
from caption_studio.wire.schema import ChatRequest, CompletionRequest

PAGE = (Path(__file__).parents[3] / "docs" / "api.md").read_text()
TAKEN = BOOKKEEPING | DEFAULTS.keys() | OF_MESSAGES | OF_PARTS | OF_IMAGES
OBEYED = ChatRequest.model_fields.keys() | CompletionRequest.model_fields.keys()


def named(heading: str) -> set[str]:
    section = PAGE.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    return set(re.findall(r"`([a-z_]+)`", section))


def test_every_field_stands_where_it_belongs() -> None:
    known_elsewhere = {"user", "tools", "functions", "tool_choice", "function_call"}
    assert OBEYED - known_elsewhere <= named("Obeyed")
    assert TAKEN | known_elsewhere <= named("Taken")


@pytest.mark.parametrize("field", sorted(named("Refused by name")))
def test_what_is_refused_is_neither_obeyed_nor_bookkeeping(field: str) -> None:
    assert field not in OBEYED | BOOKKEEPING | DEFAULTS.keys()


def fields_of_vllm() -> Iterator[str]:
    """Yield the request fields of vLLM's server, which takes seconds to import."""
    vllm = find_spec("vllm")
    assert vllm is not None
    assert vllm.origin is not None
    models = ("ChatCompletionRequest", "CompletionRequest", "ResponsesRequest")
    for kind in ("chat_completion", "completion", "responses"):
        path = Path(vllm.origin).parent / "entrypoints" / "openai" / kind / "protocol.py"
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef) and node.name in models:
                yield from (
                    line.target.id
                    for line in node.body
                    if isinstance(line, ast.AnnAssign)
                    and isinstance(line.target, ast.Name)
                    and not line.target.id.startswith("_")
                )


def test_every_field_of_the_official_api_and_of_vllm_stands_on_the_page() -> None:
    official = {
        name
        for params in (
            completion_create_params.CompletionCreateParamsStreaming,
            chat_create_params.CompletionCreateParamsStreaming,
            response_create_params.ResponseCreateParamsStreaming,
        )
        for name in params.__annotations__
    }
    vllms = set(fields_of_vllm())
    assert len(official) > 40
    assert len(vllms) > 60
    assert official | vllms <= set(re.findall(r"`([a-z_]+)`", PAGE))
