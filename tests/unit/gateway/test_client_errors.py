"""The official client over the gateway's app: what it raises for every class of error."""

import openai
import pytest

from caption_studio import errors
from tests.fakes import FakeCaptioner
from tests.unit.gateway.test_gateway import CHAT, FAILURES, gateway

pytestmark = pytest.mark.anyio

RAISED: dict[int, type[openai.APIStatusError]] = {
    400: openai.BadRequestError,
    401: openai.AuthenticationError,
    403: openai.PermissionDeniedError,
    404: openai.NotFoundError,
    409: openai.ConflictError,
    429: openai.RateLimitError,
    500: openai.InternalServerError,
    503: openai.InternalServerError,
    504: openai.InternalServerError,
    507: openai.InternalServerError,
}
"""All others are plain `APIStatusError`s."""


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("failure", FAILURES, ids=lambda f: type(f).__name__)
async def test_the_client_raises_its_class_for_the_status(
    failure: errors.CaptionStudioError, stream: bool
) -> None:
    async with gateway(FakeCaptioner(failure=failure)) as http:
        client = openai.AsyncOpenAI(
            base_url="http://127.0.0.1/v1", api_key="none", max_retries=0, http_client=http
        )
        with pytest.raises(openai.APIStatusError) as caught:
            await client.chat.completions.create(model="caption-demo", stream=stream, **CHAT)
    error = caught.value
    assert type(error) is RAISED.get(failure.status, openai.APIStatusError)
    assert (error.status_code, error.code, error.type) == (
        failure.status,
        failure.code,
        failure.type,
    )


@pytest.mark.parametrize("failure", FAILURES, ids=lambda f: type(f).__name__)
async def test_a_failure_within_a_stream_is_an_api_error(
    failure: errors.CaptionStudioError,
) -> None:
    async with gateway(FakeCaptioner(failure=failure, fail_after=1)) as http:
        client = openai.AsyncOpenAI(
            base_url="http://127.0.0.1/v1", api_key="none", max_retries=0, http_client=http
        )
        chunks = await client.chat.completions.create(model="caption-demo", stream=True, **CHAT)
        with pytest.raises(openai.APIError) as caught:
            async for _ in chunks:
                pass
    assert type(caught.value) is openai.APIError
    assert caught.value.message == "public text"
    assert caught.value.code == failure.code
