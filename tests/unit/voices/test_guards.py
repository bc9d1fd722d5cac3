import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from caption_studio.errors import ModerationUnavailable
from caption_studio.settings import GuardSettings
from caption_studio.voices.guards import guards
from caption_studio.voices.guards.guards import Guards
from caption_studio.voices.guards.moderation import HTTPPost

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def started(settings: GuardSettings) -> AsyncIterator[Guards]:
    guard = Guards(settings)
    await guard.start()
    try:
        yield guard
    finally:
        await guard.close()


async def test_a_list_of_ones_own_flags_without_telling_the_word(tmp_path: Path) -> None:
    path = tmp_path / "de.txt"
    path.write_text("# ours\nquatsch\n")
    async with started(GuardSettings(default_words=False, word_lists=(path,))) as guard:
        assert await guard.flagged(["So ein Quatsch!", "Ein Boot"]) == [("word",), ()]


def test_a_list_that_cannot_be_read_ends_the_start(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="cannot be read"):
        Guards(GuardSettings(word_lists=(tmp_path / "none.txt",)))


@pytest.mark.parametrize("status", [200, 500])
async def test_a_moderation_endpoint_is_asked_for_all_texts_at_once(
    monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        texts = json.loads(request.content)["input"]
        results = [
            {"flagged": "bad" in text, "categories": {"harassment": "bad" in text}}
            for text in texts
        ]
        return httpx.Response(status, json={"results": results})

    monkeypatch.setattr(guards, "HTTPPost", lambda: HTTPPost(httpx.MockTransport(answer)))
    settings = GuardSettings(
        default_words=False,
        moderation_url="https://moderation.example/v1",
        moderation_api_key="a-key",  # type: ignore[arg-type]
    )
    async with started(settings) as guard:
        if status == 200:
            assert await guard.flagged(["a bad boat", "a boat"]) == [("harassment",), ()]
        else:
            with pytest.raises(ModerationUnavailable) as refused:
                await guard.flagged(["a bad boat"])
            assert "example" not in refused.value.message
    (request,) = seen
    assert request.url == "https://moderation.example/v1/moderations"
    assert request.headers["authorization"] == "Bearer a-key"
