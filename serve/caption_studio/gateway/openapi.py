"""The OpenAPI document: FastAPI's, completed by the bodies that wire.parse reads itself."""

from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from caption_studio.wire.schema import CompletionRequest

REF = "#/components/schemas/{model}"
EVENT_STREAM: dict[str, Any] = {
    "content": {
        "application/json": {},
        "text/event-stream": {
            "schema": {
                "type": "object",
                "description": "one event: a chunk, when `stream` is true",
                "properties": {"event": {"type": "string"}, "data": {"type": "string"}},
            }
        },
    }
}


def json_body(model: type[BaseModel], *, upload: bool) -> dict[str, Any]:
    """Document a route's body; if FastAPI parsed it, it would answer a bad one with 422."""
    content: dict[str, Any] = {
        "application/json": {"schema": {"$ref": REF.format(model=model.__name__)}}
    }
    if upload:
        content["multipart/form-data"] = {"schema": _upload_schema()}
    return {"requestBody": {"required": True, "content": content}}


def install(app: FastAPI, bodies: Sequence[type[BaseModel]]) -> None:
    """Make `app` serve the whole document, with these `bodies`, at /openapi.json."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = get_openapi(
                title=app.title, version=app.version, summary=app.summary, routes=app.routes
            )
            _, definitions = models_json_schema(
                [(body, "validation") for body in bodies], ref_template=REF
            )
            schemas = document["components"]["schemas"]
            schemas.update(definitions["$defs"])
            # FastAPI documents a 422 for every route with a parameter; there is none here
            # that it could refuse.
            for path in document["paths"].values():
                for operation in path.values():
                    operation["responses"].pop("422", None)
            for unused in ("HTTPValidationError", "ValidationError"):
                schemas.pop(unused, None)
            app.openapi_schema = document
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's documented way


def _upload_schema() -> dict[str, Any]:
    """One or more `image` files; every other field of the JSON form as a form field."""
    fields = CompletionRequest.model_json_schema(ref_template=REF)["properties"]
    return {
        "type": "object",
        "required": ["image"],
        "properties": {
            **{name: _form_field(schema) for name, schema in fields.items()},
            "prompt": {"type": "string", "default": ""},
            "stop": {"type": "string", "description": "one, or a JSON list of them"},
            "image": {"type": "array", "items": {"type": "string", "format": "binary"}},
        },
        "additionalProperties": False,
    }


def _form_field(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a field's schema without null: in a form it is left out instead."""
    kinds = [kind for kind in schema.get("anyOf", ()) if kind != {"type": "null"}]
    return kinds[0] if len(kinds) == 1 else schema
