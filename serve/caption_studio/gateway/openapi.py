"""The OpenAPI document: FastAPI's, completed by the bodies that wire reads itself."""

from base64 import b64encode
from collections.abc import Collection, Sequence
from functools import cache
from importlib.resources import files
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from caption_studio.gateway.page import EXAMPLE
from caption_studio.wire.answers import ErrorBody
from caption_studio.wire.responses_schema import ResponsesRequest
from caption_studio.wire.schema import ChatRequest, CompletionRequest

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

GUARDED: dict[int | str, dict[str, Any]] = {
    status: {"model": ErrorBody} for status in (401, 403, 429, 500, 504)
}
"""The errors of every route that middleware may refuse."""


def admin_errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the errors of an administrators' route: these, and those that all of them have."""
    return {status: {"model": ErrorBody} for status in (401, *statuses, 500, 503, 504)}


def _picture() -> str:
    """Return a small picture as a data URL."""
    data = files("caption_studio.page").joinpath(EXAMPLE).read_bytes()
    return f"data:image/jpeg;base64,{b64encode(data).decode()}"


def _examples(wish: str, picture: str) -> dict[type[BaseModel], dict[str, Any]]:
    chat = [{"type": "text", "text": wish}, {"type": "image_url", "image_url": {"url": picture}}]
    parts = [{"type": "input_text", "text": wish}, {"type": "input_image", "image_url": picture}]
    return {
        ChatRequest: {"messages": [{"role": "user", "content": chat}]},
        CompletionRequest: {"prompt": wish, "image": picture},
        ResponsesRequest: {"input": [{"role": "user", "content": parts}]},
    }


EXAMPLES = _examples("No hashtags.", _picture())
"""A request of each kind that works as it is, for readers who try the reference."""


def json_body(model: type[BaseModel], *, upload: bool) -> dict[str, Any]:
    """Document a route's body; if FastAPI parsed it, it would answer a bad one with 422."""
    described: dict[str, Any] = {"schema": {"$ref": REF.format(model=model.__name__)}}
    if model in EXAMPLES:
        described["example"] = EXAMPLES[model]
    content: dict[str, Any] = {"application/json": described}
    if upload:
        content["multipart/form-data"] = {"schema": _upload_schema()}
    return {"requestBody": {"required": True, "content": content}}


def install(
    app: FastAPI, bodies: Sequence[type[BaseModel]], *, open_paths: Collection[str]
) -> None:
    """Make `app` serve the whole document, with these `bodies`, at /openapi.json.

    All but `open_paths` may need a key.
    """

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
            for path, operations in document["paths"].items():
                for operation in operations.values():
                    operation["responses"].pop("422", None)
                    if path not in open_paths:
                        operation["security"] = [{"key": []}, {}]
            document["components"]["securitySchemes"] = {
                "key": {"type": "http", "scheme": "bearer"}
            }
            for unused in ("HTTPValidationError", "ValidationError"):
                schemas.pop(unused, None)
            app.openapi_schema = document
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's documented way


@cache
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
