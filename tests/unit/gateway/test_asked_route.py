"""Keys, labels and probes go by the route, wherever the service is mounted."""

from collections.abc import Sequence
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.types import ASGIApp, Receive, Scope, Send

from tests.unit.gateway.test_authentication import RIGHT, bearer
from tests.unit.gateway.test_gateway import CHAT_PATH, app_of, gateway

pytestmark = pytest.mark.anyio

PREFIXES = ["", "/studio", "/a/b", "/v1", "/healthz"]
GUARDED = [
    ("GET", "/v1/models", "/v1/models"),
    ("HEAD", "/v1/models", "/v1/models"),
    ("GET", "/v1/models/x", "/v1/models/{model}"),
    ("GET", "/v1/models/owner/x", "/v1/models/{model}"),
    ("POST", CHAT_PATH, CHAT_PATH),
    ("PUT", CHAT_PATH, CHAT_PATH),
    ("POST", "/v1/completions", "/v1/completions"),
    ("GET", "/metrics", "/metrics"),
    ("HEAD", "/metrics", "/metrics"),
    ("GET", "/metrics%0a", "/metrics"),
    ("GET", "/%76%31/models", "/v1/models"),
    ("GET", "/v1%2fmodels", "/v1/models"),
    ("GET", "/v1/models?/healthz", "/v1/models"),
    ("GET", "/v1/%2e%2e/healthz", "unmatched"),
    ("GET", "/v1/nope", "unmatched"),
    ("GET", "/v1/models/", "unmatched"),
    ("POST", f"{CHAT_PATH}/", "unmatched"),
]
NOWHERE = ["//v1/models", "/metrics/", "/healthz/%2e%2e/v1/models", "/V1/models", "/v1"]
OPEN = ["/", "/docs", "/health", "/healthz", "/openapi.json", "/page/app.js", "/readyz"]


class Client:
    """Sends requests as a server does that took the prefix off, or had it in both places."""

    def __init__(self, app: ASGIApp, prefix: str) -> None:
        self._http = httpx.AsyncClient(
            transport=httpx.ASGITransport(app, root_path=prefix), base_url="http://127.0.0.1"
        )
        self._prefix = prefix

    async def ask(self, method: str, path: str, key: str | None = None) -> tuple[int, str | None]:
        """Return status and error code."""
        url = httpx.URL(f"http://127.0.0.1{self._prefix}{path}")
        answer = await self._http.request(method, url, headers=bearer(key) if key else {})
        is_error = answer.status_code >= 400 and method != "HEAD"
        return answer.status_code, answer.json()["error"]["code"] if is_error else None

    async def requests_by_route(self) -> dict[str, int]:
        text = (await self._http.get(f"{self._prefix}/metrics", headers=bearer(RIGHT))).text
        found: dict[str, int] = {}
        for line in text.splitlines():
            if line.startswith("caption_studio_requests_total{"):
                route = line.partition('route="')[2].partition('"')[0]
                found[route] = found.get(route, 0) + int(float(line.split()[-1]))
        return found


@pytest.mark.parametrize("prefix", PREFIXES)
async def test_every_way_to_a_guarded_route_needs_a_key(prefix: str) -> None:
    async with gateway(api_keys=[RIGHT]) as direct:
        client = Client(app_of(direct), prefix)
        for method, path, _ in GUARDED:
            status, code = await client.ask(method, path)
            assert (status, code) == (401, None if method == "HEAD" else "invalid_api_key"), path
        for path in NOWHERE:
            assert (await client.ask("GET", path))[0] == 404, path
        for path in OPEN:
            assert await client.ask("GET", path) == (200, None), path
        assert await client.ask("GET", "/v1/models", RIGHT) == (200, None)
        assert await client.ask("GET", "/v1/nope", RIGHT) == (404, "not_found")


@pytest.mark.parametrize("prefix", PREFIXES)
async def test_metrics_name_the_route_under_any_prefix(prefix: str) -> None:
    async with gateway(api_keys=[RIGHT]) as direct:
        client = Client(app_of(direct), prefix)
        expected: dict[str, int] = {}
        for method, path, route in GUARDED:
            await client.ask(method, path)
            expected[route] = expected.get(route, 0) + 1
        await client.ask("GET", "/healthz")
        assert await client.requests_by_route() == {**expected, "/healthz": 1}


async def test_a_mounted_gateway_guards_its_routes() -> None:
    async with gateway(api_keys=[RIGHT]) as direct:
        client = Client(Starlette(routes=[Mount("/studio", app_of(direct))]), "")
        for method, path, _ in GUARDED:
            if "%0a" not in path:  # Starlette's mount knows no such path
                assert (await client.ask(method, f"/studio{path}"))[0] == 401, path
        assert await client.ask("GET", "/studio/healthz") == (200, None)
        assert await client.ask("GET", "/studio/v1/models", RIGHT) == (200, None)


async def test_a_path_outside_the_prefix_is_no_way_in() -> None:
    """Starlette routes a path that lacks the root path as if it had it."""
    async with gateway(api_keys=[RIGHT]) as direct:
        client = Client(OtherRoot(app_of(direct), "/studio"), "")
        for path in ("/v1/models", "/metrics", "/studio/metrics", "/studio/v1/models"):
            assert await client.ask("GET", path) == (401, "invalid_api_key")
        assert (await client.ask("GET", "/studiov1/models"))[0] == 404


class OtherRoot:
    """A server that says it is mounted somewhere, whatever the path."""

    def __init__(self, app: ASGIApp, root_path: str) -> None:
        self._app = app
        self._root_path = root_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app({**scope, "root_path": self._root_path}, receive, send)


async def test_every_route_is_guarded_unless_it_is_named() -> None:
    """A route that somebody adds is no open door."""
    async with gateway(api_keys=[RIGHT], admin_keys=["the-key-of-the-boss"]) as direct:
        app: Any = app_of(direct)
        paths: Sequence[str] = [
            route.path.replace("{", "").replace("}", "") for route in app.routes
        ]
        assert len(paths) >= 9
        opened = [path for path in paths if (await direct.get(path)).status_code not in (401, 405)]
        files = {"/page/name", "/docs/name"}
        assert set(opened) == {*OPEN, *files} - {"/page/app.js"}
