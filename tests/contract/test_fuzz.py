"""The running service against its own OpenAPI document: made-up requests, a bounded number.

Whatever is sent, the status, the content type and the body's schema are documented ones, and
none of them is a 5xx.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import hypothesis
import pytest
import schemathesis
from PIL import Image
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.conftest import Service
from tests.contract.hostile import data_url
from tests.unit.images.test_decode import encode

pytestmark = [pytest.mark.service, pytest.mark.usefixtures("goes_on")]

EXAMPLES = 40
"""Of valid and of invalid input each, for every operation that takes any."""

GENERATING = ("POST /v1/chat/completions", "POST /v1/completions", "POST /v1/responses")
WITH_BODY = (
    *GENERATING,
    "POST /v1/files",
    "POST /v1/batches",
    "POST /v1/admin/adapters",
    "POST /v1/admin/voices",
    "POST /v1/admin/aliases",
)
WITH_INPUT = (
    *WITH_BODY,
    "GET /v1/models/{model}",
    "DELETE /v1/admin/adapters/{adapter_id}",
    "DELETE /v1/admin/voices/{voice_id}",
    "DELETE /v1/admin/aliases/{alias_id}",
    "GET /v1/files",
    "GET /v1/files/{file_id}",
    "GET /v1/files/{file_id}/content",
    "DELETE /v1/files/{file_id}",
    "GET /v1/batches",
    "GET /v1/batches/{batch_id}",
    "POST /v1/batches/{batch_id}/cancel",
    "GET /v1/responses/{response_id}",
    "DELETE /v1/responses/{response_id}",
)
WITHOUT_INPUT = (
    "GET /v1/models",
    "GET /v1/admin/adapters",
    "GET /v1/admin/voices",
    "GET /v1/admin/aliases",
    "GET /v1/admin/usage",
    "GET /health",
    "GET /healthz",
    "GET /readyz",
    "GET /metrics",
)
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
PNG = encode(Image.new("RGB", (8, 8), "red"))
MODELS = ("falcon-demo", "caption-demo")
MAX_TOKENS = 4


@pytest.fixture(scope="module")
def document(service: Service) -> schemathesis.BaseSchema:
    return schemathesis.openapi.from_url(f"{service.url}/openapi.json")


@pytest.fixture(scope="module")
def statuses(figures: dict[str, object]) -> Iterator[Counter[int]]:
    """Count the answers by status, for the end of the run."""
    counter: Counter[int] = Counter()
    yield counter
    figures["fuzz requests"] = counter.total()
    figures["fuzz answers by status"] = dict(sorted(counter.items()))
    figures["fuzz 5xx"] = sum(counter[status] for status in counter if status >= 500)


def test_all_operations_are_here(document: schemathesis.BaseSchema) -> None:
    found = {result.ok().label for result in document.get_all_operations()}
    assert found == {*WITH_INPUT, *WITHOUT_INPUT}


@pytest.mark.parametrize(
    ("operation", "mode"),
    [
        *[(operation, schemathesis.GenerationMode.POSITIVE) for operation in WITH_INPUT],
        *[(operation, schemathesis.GenerationMode.NEGATIVE) for operation in WITH_BODY],
    ],
    ids=lambda value: getattr(value, "value", value),
)
def test_every_answer_is_a_documented_one(
    document: schemathesis.BaseSchema,
    statuses: Counter[int],
    operation: str,
    mode: schemathesis.GenerationMode,
) -> None:
    method, path = operation.split()

    # Not through schemathesis' own pytest plugin: 4.32 does not work with pytest 9.2
    # ('Function' object has no attribute '_nodeid').
    @hypothesis.settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(document[path][method].as_strategy(generation_mode=mode))
    def ask(case: schemathesis.Case) -> None:
        if operation in GENERATING:
            case.body = meaningful(case.body)
        answered(case, statuses)

    ask()


@pytest.mark.parametrize("operation", WITHOUT_INPUT)
def test_answers_without_input_are_documented_ones(
    document: schemathesis.BaseSchema, statuses: Counter[int], operation: str
) -> None:
    method, path = operation.split()
    answered(document[path][method].Case(), statuses)


def answered(case: schemathesis.Case, statuses: Counter[int]) -> None:
    response = case.call(timeout=60)
    statuses[response.status_code] += 1
    case.validate_response(response, checks=CHECKS)


def meaningful(body: Any) -> Any:
    """Let every other body get past the names of models and pictures, and none cost much."""
    if not isinstance(body, dict):
        return body
    body = dict(body)
    if isinstance(model := body.get("model"), str) and len(model) % 2:
        body["model"] = MODELS[len(model) % 4 // 2]
    for field in ("max_tokens", "max_completion_tokens"):
        if isinstance(body.get(field), int) and body[field] > MAX_TOKENS:
            body[field] = MAX_TOKENS
    if "max_tokens" not in body and "max_completion_tokens" not in body:
        body["max_tokens"] = MAX_TOKENS
    if isinstance(image := body.get("image"), str):
        body["image"] = picture(image)
    if isinstance(image, list):
        body["image"] = [PNG if isinstance(file, bytes) else file for file in image]
    for part in parts(body.get("messages")):
        reference = part.get("image_url")
        if isinstance(reference, dict) and isinstance(reference.get("url"), str):
            reference["url"] = picture(reference["url"])
    return body


def picture(url: str) -> str:
    return data_url(PNG) if len(url) % 2 else url


def parts(messages: Any) -> Iterator[dict[str, Any]]:
    for message in messages if isinstance(messages, list) else []:
        content = message.get("content") if isinstance(message, dict) else None
        for part in content if isinstance(content, list) else []:
            if isinstance(part, dict):
                yield part
