"""The page and the reference as they are served; what they do is tried in tests/page."""

import gzip
import re
import shutil
import subprocess
from html.parser import HTMLParser
from importlib.resources import files

import pytest

from caption_studio.voices.platforms import PLATFORMS
from caption_studio.wire.controls import LENGTHS, MAX_HASHTAGS
from tests.unit.gateway.test_gateway import gateway

pytestmark = pytest.mark.anyio

KEY = "a-key-of-sixteen-characters"
MAX_BYTES = 150 * 1024


def node_version() -> tuple[int, ...]:
    """Return the version of Node.js; that of none if there is none. Older ones read no modules."""
    if shutil.which("node") is None:
        return ()
    run = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True)
    return tuple(int(number) for number in run.stdout.strip().removeprefix("v").split(".")[:2])


class Page(HTMLParser):
    """The addresses that a page loads, and what its policy forbids."""

    def __init__(self) -> None:
        super().__init__()
        self.loads: set[str] = set()
        self.inline: list[str] = []
        self._in_script = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        if tag in ("script", "link") and (address := named.get("src") or named.get("href")):
            self.loads.add(address)
        self._in_script = tag in ("script", "style")
        self.inline += [name for name in named if name == "style" or name.startswith("on")]

    def handle_data(self, data: str) -> None:
        if self._in_script and data.strip():
            self.inline.append(data)
        self._in_script = False


@pytest.mark.parametrize("path", ["/", "/docs"])
async def test_a_browser_gets_all_that_the_page_loads_without_a_key(path: str) -> None:
    async with gateway(api_keys=[KEY]) as client:
        answer = await client.get(path)
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        page = Page()
        page.feed(answer.text)
        assert page.loads
        assert page.inline == []
        for address in page.loads:
            loaded = await client.get(f"/{address}")
            assert loaded.status_code == 200, address
            for module in re.findall(r"from '\./([^']+)'", loaded.text):
                assert (await client.get(f"/page/{module}")).status_code == 200, module


async def test_the_policy_names_no_other_host_and_allows_nothing_inline() -> None:
    async with gateway() as client:
        for path in ("/", "/docs", "/page/app.js", "/docs/swagger-ui-bundle.js"):
            headers = (await client.get(path)).headers
            policy = headers["content-security-policy"]
            assert policy.startswith("default-src 'none'; script-src 'self'; ")
            assert "unsafe" not in policy
            assert "http" not in policy
            assert headers["x-content-type-options"] == "nosniff"


async def test_a_file_that_the_browser_has_is_not_sent_again() -> None:
    async with gateway() as client:
        first = await client.get("/page/app.js")
        again = await client.get("/page/app.js", headers={"if-none-match": first.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        changed = await client.get("/page/app.js", headers={"if-none-match": '"other"'})
        assert changed.content == first.content


async def test_files_are_sent_compressed_to_those_who_can_read_that() -> None:
    async with gateway() as client:
        plain = await client.get("/page/app.js", headers={"accept-encoding": "identity"})
        assert "content-encoding" not in plain.headers
        async with client.stream(
            "GET", "/page/app.js", headers={"accept-encoding": "gzip"}
        ) as small:
            assert small.headers["content-encoding"] == "gzip"
            raw = b"".join([part async for part in small.aiter_raw()])
        assert gzip.decompress(raw) == plain.content
        assert len(raw) < len(plain.content)


@pytest.mark.parametrize(
    "path", ["/page/nothing.js", "/page/..%2Fpipeline.py", "/page/__init__.py", "/docs/redoc.js"]
)
async def test_nothing_else_is_served(path: str) -> None:
    async with gateway() as client:
        assert (await client.get(path)).json()["error"]["code"] == "not_found"


async def test_a_setting_turns_both_off() -> None:
    async with gateway(page=False) as client:
        for path in ("/", "/docs", "/page/app.js", "/docs/swagger-ui.css"):
            assert (await client.get(path)).status_code == 404
        assert (await client.get("/openapi.json")).status_code == 200


def test_the_page_offers_the_controls_that_the_service_knows() -> None:
    index = files("caption_studio.page").joinpath("index.html").read_text()

    def offered(name: str) -> list[tuple[str, str]]:
        (select,) = re.findall(rf'<select name="{name}">(.*?)</select>', index, re.DOTALL)
        return re.findall(r'<option(?: value="([^"]*)")?>([^<]+)</option>', select)

    platforms = [(name, platform.title) for name, platform in PLATFORMS.items()]
    assert offered("platform") == [("", "none in particular"), *platforms]
    assert [title for _, title in offered("length")[1:]] == list(LENGTHS)
    numbers = [("", str(number)) for number in range(1, MAX_HASHTAGS + 1)]
    assert offered("hashtags")[1:] == [("0", "none"), *numbers]


def test_the_page_is_light() -> None:
    folder = files("caption_studio.page")
    sizes = {path.name: len(path.read_bytes()) for path in folder.iterdir() if path.is_file()}
    assert sum(sizes.values()) <= MAX_BYTES


async def test_the_examples_of_the_reference_are_requests_that_work() -> None:
    async with gateway() as client:
        document = (await client.get("/openapi.json")).json()
        for path in ("/v1/chat/completions", "/v1/completions", "/v1/responses"):
            content = document["paths"][path]["post"]["requestBody"]["content"]
            example = content["application/json"]["example"]
            answer = await client.post(path, json=example)
            assert answer.status_code == 200, answer.text
            assert answer.json()["caption_studio"]["description"]


@pytest.mark.skipif(node_version() < (20, 19), reason="it takes Node.js 20.19")
def test_the_modules_that_draw_nothing_do_what_they_should() -> None:
    """Node's own runner; the tests are JavaScript, as what they test."""
    run = subprocess.run(
        ["node", "--test", "tests/unit/page/modules.test.mjs"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout
