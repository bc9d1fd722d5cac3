"""The routes of files: /v1/files, as the OpenAI API has them."""

from dataclasses import asdict
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from caption_studio.batches.records import StoredFile
from caption_studio.batches.storage import Storage
from caption_studio.gateway.batch_calls import owner_in
from caption_studio.gateway.file_content import file_content
from caption_studio.gateway.file_upload import FileUploads
from caption_studio.gateway.openapi import GUARDED
from caption_studio.settings import Settings
from caption_studio.wire.answers import ErrorBody
from caption_studio.wire.files import (
    FileDeleted,
    FileList,
    FileObject,
    file_list,
    parse_file_page,
)

UPLOAD: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file", "purpose"],
                    "properties": {
                        "file": {"type": "string", "format": "binary"},
                        "purpose": {"enum": ["batch", "vision", "user_data"]},
                        "expires_after[anchor]": {"enum": ["created_at"]},
                        "expires_after[seconds]": {"type": "integer"},
                    },
                    "additionalProperties": False,
                }
            }
        },
    }
}
CONTENT: dict[int | str, dict[str, Any]] = {
    status: {"description": what, "content": {"application/octet-stream": {}}}
    for status, what in ((200, "All of it"), (206, "The range that was asked for"))
}
PAGE: dict[str, Any] = {
    "parameters": [
        {"name": "after", "in": "query", "schema": {"type": "string"}},
        {"name": "limit", "in": "query", "schema": {"type": "integer", "minimum": 1}},
        {"name": "order", "in": "query", "schema": {"enum": ["asc", "desc"]}},
        {"name": "purpose", "in": "query", "schema": {"type": "string"}},
    ]
}


def kept_errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the errors of a route over the store: these, and those that all of them have."""
    return {**{status: {"model": ErrorBody} for status in (*statuses, 503, 507)}, **GUARDED}


def create_files_router(storage: Storage, settings: Settings) -> APIRouter:
    """Return the routes over one store."""
    router = APIRouter()
    files, threads = storage.files, storage.threads
    uploads = FileUploads(settings, storage)

    @router.post(
        "/v1/files",
        summary="Keep a file: requests of a batch, or a picture",
        responses=kept_errors(400, 408, 413, 415),
        openapi_extra=UPLOAD,
    )
    async def create_file(request: Request) -> FileObject:
        async with uploads.read(request) as upload:
            file = await threads.run_long(
                files.create,
                owner_in(request.scope),
                upload.source,
                size_bytes=upload.size_bytes,
                filename=upload.filename,
                purpose=upload.asked.purpose,
                keep_s=upload.asked.keep_s,
            )
        return _shown(file)

    @router.get(
        "/v1/files",
        summary="Your files, the newest first",
        responses=kept_errors(400),
        openapi_extra=PAGE,
    )
    async def list_files(request: Request) -> FileList:
        page = parse_file_page(request.query_params)
        found, has_more = await threads.run(
            files.listed,
            owner_in(request.scope),
            after=page.after,
            limit=page.limit,
            newest_first=page.newest_first,
            purpose=page.purpose,
        )
        return file_list([_shown(file) for file in found], has_more=has_more)

    @router.get("/v1/files/{file_id}", summary="One of them", responses=kept_errors(404))
    async def one_file(file_id: str, request: Request) -> FileObject:
        return _shown(await threads.run(files.find, owner_in(request.scope), file_id))

    @router.delete("/v1/files/{file_id}", summary="Delete it", responses=kept_errors(404))
    async def delete_file(file_id: str, request: Request) -> FileDeleted:
        await threads.run(files.delete, owner_in(request.scope), file_id)
        return FileDeleted(id=file_id)

    @router.get(
        "/v1/files/{file_id}/content",
        summary="Its content, or a range of it",
        response_class=Response,
        responses={**CONTENT, **kept_errors(404, 416)},
    )
    async def content(file_id: str, request: Request) -> Response:
        owner = owner_in(request.scope)
        file = await threads.run(files.find, owner, file_id)
        return await file_content(storage, owner, file, request)

    return router


def _shown(file: StoredFile) -> FileObject:
    return FileObject.model_validate(asdict(file))
