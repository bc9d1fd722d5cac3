from pathlib import Path

import pytest

from tests.unit.gateway.test_gateway import gateway

pytestmark = pytest.mark.anyio

ROUTES = {
    "/v1/chat/completions",
    "/v1/completions",
    "/v1/responses",
    "/v1/responses/{response_id}",
    "/v1/models",
    "/v1/models/{model}",
    "/health",
    "/healthz",
    "/readyz",
    "/metrics",
}

KEPT_ROUTES = {
    "/v1/files",
    "/v1/files/{file_id}",
    "/v1/files/{file_id}/content",
    "/v1/batches",
    "/v1/batches/{batch_id}",
    "/v1/batches/{batch_id}/cancel",
}


def references(value: object) -> set[str]:
    if isinstance(value, dict):
        found = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
        return found.union(*map(references, value.values()))
    if isinstance(value, list):
        return set().union(*map(references, value))
    return set()


async def test_the_document_names_every_route_and_every_schema_it_refers_to() -> None:
    async with gateway() as client:
        document = (await client.get("/openapi.json")).json()
    assert set(document["paths"]) == ROUTES
    chat = document["paths"]["/v1/chat/completions"]["post"]
    assert chat["security"] == [{"key": []}, {}]
    assert "security" not in document["paths"]["/healthz"]["get"]
    assert document["components"]["securitySchemes"]["key"]["scheme"] == "bearer"
    schemas = {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}
    assert references(document) <= schemas
    assert "422" not in str(document["paths"])
    body = document["paths"]["/v1/chat/completions"]["post"]["requestBody"]["content"]
    assert body["application/json"]["schema"]["$ref"].endswith("/ChatRequest")


async def test_with_a_store_it_names_the_routes_of_files_and_batches(tmp_path: Path) -> None:
    async with gateway(batches={"store": str(tmp_path)}) as client:
        document = (await client.get("/openapi.json")).json()
    assert set(document["paths"]) == ROUTES | KEPT_ROUTES
    schemas = {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}
    assert references(document) <= schemas
    assert "422" not in str(document["paths"])
    for path in KEPT_ROUTES:
        for operation in document["paths"][path].values():
            assert operation["security"] == [{"key": []}, {}]
            assert {"200", "401", "503", "507"} <= operation["responses"].keys()


async def test_an_uploads_fields_are_those_of_the_json_form() -> None:
    async with gateway() as client:
        document = (await client.get("/openapi.json")).json()
    fields = document["components"]["schemas"]["CompletionRequest"]["properties"]
    body = document["paths"]["/v1/completions"]["post"]["requestBody"]["content"]
    form = body["multipart/form-data"]["schema"]["properties"]
    assert form.keys() == fields.keys()
    assert form["n"] == {"type": "integer", "minimum": 1}
    assert form["prompt"]["type"] == "string"
    assert "null" not in str(form)
