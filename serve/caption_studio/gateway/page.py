"""The studio at `/` and the API's reference at `/docs`: static files, read once, for any browser.

Both are clients of the public API. Their policy lets them load and call nothing but this service,
and run no script that is not a file of theirs (https://www.w3.org/TR/CSP3/).
"""

import gzip
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from importlib.util import find_spec
from pathlib import Path

from fastapi import APIRouter, Request
from starlette.datastructures import Headers
from starlette.responses import Response

from caption_studio.errors import RouteNotFound

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' blob: data:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)

HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",  # the browser asks each time, and gets a 304 if nothing changed
    "Vary": "Accept-Encoding",
}

MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".jpg": "image/jpeg",
    ".svg": "image/svg+xml",
}

INDEX, REFERENCE, START_REFERENCE = "index.html", "docs.html", "docs.js"
EXAMPLE = "example.jpg"
SWAGGER = ("swagger-ui-bundle.js", "swagger-ui.css")

OPEN = frozenset({"/", "/page/{name}", "/docs", "/docs/{name}"})
"""Their routes, which need no API key: a browser has none when it opens the page."""


@dataclass(frozen=True)
class StaticFile:
    """A file as it is sent; `compressed` by gzip."""

    media_type: str
    data: bytes
    compressed: bytes
    etag: str

    @classmethod
    def read(cls, path: Traversable) -> "StaticFile":
        """Read it. Raises `OSError`."""
        data = path.read_bytes()
        media_type = MEDIA_TYPES[Path(path.name).suffix]
        # Weak, because one tag stands for the plain and the compressed form.
        etag = f'W/"{hashlib.sha256(data).hexdigest()[:32]}"'
        return cls(media_type, data, gzip.compress(data, mtime=0), etag)


def create_page_router() -> APIRouter:
    """Return the routes of the page and of the reference. Raises `OSError` if a file is missing."""
    studio, swagger = dict(_studio()), dict(_swagger())
    index, reference = studio.pop(INDEX), studio.pop(REFERENCE)
    swagger["start.js"] = studio.pop(START_REFERENCE)
    router = APIRouter(include_in_schema=False)

    @router.get("/")
    async def page(request: Request) -> Response:
        return _response(request.headers, index)

    @router.get("/page/{name}")
    async def page_file(request: Request, name: str) -> Response:
        return _response(request.headers, _named(studio, name))

    @router.get("/docs")
    async def docs(request: Request) -> Response:
        return _response(request.headers, reference)

    @router.get("/docs/{name}")
    async def docs_file(request: Request, name: str) -> Response:
        return _response(request.headers, _named(swagger, name))

    return router


@cache
def _studio() -> Mapping[str, StaticFile]:
    """Return the page's files and the reference's own by their names, read once in a process."""
    return {
        path.name: StaticFile.read(path)
        for path in files("caption_studio.page").iterdir()
        if Path(path.name).suffix in MEDIA_TYPES
    }


@cache
def _swagger() -> Mapping[str, StaticFile]:
    """Return Swagger UI's files by their names, read once in a process."""
    return {name: StaticFile.read(_swagger_folder() / name) for name in SWAGGER}


def _swagger_folder() -> Path:
    """Return the folder of Swagger UI's files, without importing the package that brings them."""
    package = find_spec("fastapi_offline")
    if package is None or package.origin is None:
        raise FileNotFoundError("Swagger UI's files are missing: install fastapi-offline.")
    return Path(package.origin).parent / "static"


def _named(known: Mapping[str, StaticFile], name: str) -> StaticFile:
    if name not in known:
        raise RouteNotFound("There is no such file.")
    return known[name]


def _response(asked: Headers, file: StaticFile) -> Response:
    headers = {**HEADERS, "ETag": file.etag}
    known = asked.get("if-none-match", "")
    if known.strip() == "*" or file.etag in known:
        return Response(status_code=304, headers=headers)
    if not _takes_gzip(asked.get("accept-encoding", "")):
        return Response(file.data, media_type=file.media_type, headers=headers)
    headers["Content-Encoding"] = "gzip"
    return Response(file.compressed, media_type=file.media_type, headers=headers)


def _takes_gzip(accepted: str) -> bool:
    """Whether `Accept-Encoding` names gzip, and not with a weight of 0."""
    for coding in accepted.lower().split(","):
        name, _, weight = coding.replace(" ", "").partition(";q=")
        if name == "gzip":
            return weight.strip("0.") != "" or not weight
    return False
