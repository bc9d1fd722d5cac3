"""The routes of batches: /v1/batches, as the OpenAI API has them."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from fastapi import APIRouter, Request

from caption_studio.batches.kept import Asked
from caption_studio.batches.states import BatchState
from caption_studio.batches.storage import Storage
from caption_studio.errors import InvalidValue
from caption_studio.gateway.batch_calls import owner_in
from caption_studio.gateway.body import read_json
from caption_studio.gateway.files_routes import kept_errors
from caption_studio.gateway.openapi import json_body
from caption_studio.settings import Settings
from caption_studio.wire.batches import (
    BATCHES,
    MAX_BATCHES,
    BatchBody,
    BatchErrorObject,
    BatchErrors,
    BatchList,
    BatchObject,
    RequestCounts,
    batch_list,
    parse_batch,
)
from caption_studio.wire.files import page_limit

PAGE: dict[str, Any] = {
    "parameters": [
        {"name": "after", "in": "query", "schema": {"type": "string"}},
        {"name": "limit", "in": "query", "schema": {"type": "integer", "minimum": 1}},
    ]
}


def create_batches_router(
    storage: Storage, settings: Settings, wake: Callable[[], None]
) -> APIRouter:
    """Return the routes over one store; `wake` is called when there is a new batch."""
    router = APIRouter()
    files, batches, threads = storage.files, storage.batches, storage.threads

    @router.post(
        "/v1/batches",
        summary="Have the requests of a file answered within a day",
        responses=kept_errors(400, 404, 408, 413, 415),
        openapi_extra=json_body(BatchBody, upload=False),
    )
    async def create_batch(request: Request) -> BatchObject:
        asked = parse_batch(await read_json(request, settings.gateway))
        owner = owner_in(request.scope)
        file = await threads.run(files.find, owner, asked.input_file_id, param="input_file_id")
        if file.purpose != "batch":
            message = "The input file's purpose must be batch."
            raise InvalidValue(message, param="input_file_id")
        expires = asked.output_expires_after
        kept = Asked(
            asked.endpoint,
            asked.input_file_id,
            asked.metadata,
            None if expires is None else expires.seconds,
        )
        state = await threads.run(batches.create, owner, kept)
        request.scope["caption_studio.log"]["batch"] = state.request.id
        wake()
        return _shown(state)

    @router.get(
        "/v1/batches",
        summary="Your batches, the newest first",
        responses=kept_errors(400),
        openapi_extra=PAGE,
    )
    async def list_batches(request: Request) -> BatchList:
        query = request.query_params
        limit = page_limit(query, BATCHES, MAX_BATCHES)
        found, has_more = await threads.run(
            batches.listed, owner_in(request.scope), after=query.get("after"), limit=limit
        )
        return batch_list([_shown(state) for state in found], has_more=has_more)

    @router.get("/v1/batches/{batch_id}", summary="One of them", responses=kept_errors(404))
    async def one_batch(batch_id: str, request: Request) -> BatchObject:
        return _shown(await threads.run(batches.find, owner_in(request.scope), batch_id))

    @router.post(
        "/v1/batches/{batch_id}/cancel",
        summary="Begin no further request of it; what is answered stays",
        responses=kept_errors(400, 404),
    )
    async def cancel_batch(batch_id: str, request: Request) -> BatchObject:
        return _shown(await threads.run(batches.cancel, owner_in(request.scope), batch_id))

    return router


def _shown(state: BatchState) -> BatchObject:
    request, ended, validated = state.request, state.ended, state.validated
    errors = () if validated is None else validated.errors
    if ended is not None:
        errors += ended.errors
    shown = [BatchErrorObject.model_validate(asdict(error)) for error in errors]
    shown_batch = BatchObject(
        id=request.id,
        endpoint=request.endpoint,
        errors=BatchErrors(data=shown) if shown else None,
        input_file_id=request.input_file_id,
        status=state.status,
        created_at=request.created_at,
        expires_at=request.expires_at,
        request_counts=RequestCounts(total=state.total, **asdict(state.counts)),
        metadata=request.metadata,
    )
    return shown_batch.model_copy(update=_later(state))


def _later(state: BatchState) -> dict[str, Any]:
    """Return the fields that a batch gets as it goes on."""
    fields: dict[str, Any] = {}
    if state.validated is not None and not state.validated.errors:
        fields["in_progress_at"] = state.validated.at
    if state.cancelled is not None:
        fields["cancelling_at"] = state.cancelled.at
    if (ended := state.ended) is not None:
        fields[f"{ended.status}_at"] = ended.at
        fields["finalizing_at"] = ended.began_at
        fields["output_file_id"] = ended.output_file_id
        fields["error_file_id"] = ended.error_file_id
    return fields
