"""Answer → a response, whole or as the official events.

The events' order is the official one. The response, its one message and that message's one part
begin, the text comes in deltas, and the three end in reverse order. Each event has a number, and
its type is also in the `event` line. There is no `[DONE]`.
"""

import time
from collections.abc import AsyncIterator, Sequence
from typing import Any

import msgspec
from pydantic import BaseModel

from caption_studio.errors import CaptionStudioError
from caption_studio.records import Answer, CaptionRequest, TokenLogprob
from caption_studio.wire.dialects import chat_logprobs
from caption_studio.wire.rendering import Counted
from caption_studio.wire.responses_answers import (
    IncompleteDetails,
    OutputMessage,
    OutputTextPart,
    Response,
    ResponseFailure,
    ResponseText,
    ResponseUsage,
)
from caption_studio.wire.responses_schema import ResponsesRequest

_PLACE = {"output_index": 0, "content_index": 0}


class ResponsesRendering(Counted):
    """One answer of `POST /v1/responses`; see `Counted`."""

    def __init__(
        self,
        body: ResponsesRequest,
        request: CaptionRequest,
        answer: Answer,
        *,
        show_times: bool = False,
    ) -> None:
        super().__init__(request, answer, show_times=show_times)
        self._echo = _echo(body, request)
        self._item_id = f"msg_{request.request_id}"
        self._number = 0

    async def whole(self) -> bytes:
        """Return the JSON body. Raises `CaptionStudioError`."""
        async for _ in self.deltas():
            pass
        shown = _dict(self._finished())
        _put(await self._all_logprobs(), shown)
        return msgspec.json.encode(shown)

    async def events(self) -> AsyncIterator[bytes]:
        """Yield server-sent events. A failure yields two events and ends the stream."""
        try:
            for name in ("created", "in_progress"):
                yield self._of_response(name, self._response("in_progress"))
            yield self._event(
                "output_item.added", output_index=0, item=_dict(self._item("in_progress"))
            )
            yield self._event(
                "content_part.added", **self._place, part=_dict(OutputTextPart(text=""))
            )
            async for delta in self.deltas():
                if delta.text:
                    logprobs = await self._logprobs(delta.logprobs)
                    yield self._event(
                        "output_text.delta", **self._place, delta=delta.text, logprobs=logprobs
                    )
            for event in self._endings(await self._all_logprobs()):
                yield event
        except CaptionStudioError as error:
            self.failure = error
            for event in self._failed(error):
                yield event

    def _endings(self, logprobs: msgspec.Raw) -> list[bytes]:
        response = _dict(self._finished())
        _put(logprobs, response)
        (item,) = response["output"]
        (part,) = item["content"]
        return [
            self._event("output_text.done", **self._place, text=part["text"], logprobs=logprobs),
            self._event("content_part.done", **self._place, part=part),
            self._event("output_item.done", output_index=0, item=item),
            self._event(response["status"], response=response),
        ]

    def _failed(self, error: CaptionStudioError) -> list[bytes]:
        failure = ResponseFailure(code="server_error", message=error.message)
        return [
            self._event("error", code=error.code, message=error.message, param=error.param),
            self._of_response("failed", self._response("failed", error=failure)),
        ]

    @property
    def _place(self) -> dict[str, Any]:
        return {"item_id": self._item_id, **_PLACE}

    def _finished(self) -> Response:
        """Return the response, after all deltas have passed."""
        (choice,) = self.choices
        is_cut = choice.finish_reason == "length"
        usage = self.usage
        return self._response(
            "incomplete" if is_cut else "completed",
            output=[
                self._item(
                    "incomplete" if is_cut else "completed", OutputTextPart(text=choice.text)
                )
            ],
            incomplete_details=IncompleteDetails() if is_cut else None,
            completed_at=None if is_cut else int(time.time()),
            usage=ResponseUsage(
                input_tokens=usage.prompt_tokens,
                output_tokens=usage.completion_tokens,
                total_tokens=usage.total_tokens,
            ),
            caption_studio=self.about(description=True, parts=True, times=self.show_times),
        )

    def _response(self, status: Any, **changes: Any) -> Response:
        seen = self.about(description=True)
        fields = {"output": [], "caption_studio": seen, **changes}
        return Response(created_at=self.created, status=status, **self._echo, **fields)

    def _item(self, status: Any, *content: OutputTextPart) -> OutputMessage:
        return OutputMessage(id=self._item_id, status=status, content=list(content))

    async def _all_logprobs(self) -> msgspec.Raw:
        (choice,) = self.choices
        return await self._logprobs(choice.logprobs if choice.text else ())

    async def _logprobs(self, tokens: Sequence[TokenLogprob]) -> msgspec.Raw:
        top_logprobs = self.request.sampling.top_logprobs
        return (
            msgspec.Raw(b"[]")
            if top_logprobs is None
            else await chat_logprobs(tokens, top_logprobs)
        )

    def _of_response(self, name: str, response: Response) -> bytes:
        return self._event(name, response=_dict(response))

    def _event(self, name: str, **fields: Any) -> bytes:
        kind = name if name == "error" else f"response.{name}"
        event = {"type": kind, "sequence_number": self._number, **fields}
        self._number += 1
        return f"event: {kind}\ndata: ".encode() + msgspec.json.encode(event) + b"\n\n"


def _echo(body: ResponsesRequest, request: CaptionRequest) -> dict[str, Any]:
    """Return the fields of the request that every response repeats."""
    sampling, text = request.sampling, body.text
    wanted = text.format.model_dump(by_alias=True) if text and text.format else {"type": "text"}
    return {
        "id": f"resp_{request.request_id}",
        "model": request.model,
        "instructions": body.instructions,
        "max_output_tokens": body.max_output_tokens,
        "max_tool_calls": body.max_tool_calls,
        "metadata": body.metadata or {},
        "parallel_tool_calls": body.parallel_tool_calls is not False,
        "prompt_cache_key": body.prompt_cache_key,
        "reasoning": {"effort": None, "summary": None, **(body.reasoning or {})},
        "safety_identifier": body.safety_identifier,
        "temperature": sampling.temperature if body.temperature is None else body.temperature,
        "text": ResponseText(format=wanted, verbosity=(text and text.verbosity) or "medium"),
        "tool_choice": body.tool_choice or "auto",
        "tools": body.tools or [],
        "top_logprobs": sampling.top_logprobs or 0,
        "top_p": sampling.top_p if body.top_p is None else body.top_p,
        "truncation": body.truncation or "disabled",
        "user": body.user,
    }


def _dict(model: BaseModel) -> dict[str, Any]:
    absent = {"caption_studio"} if getattr(model, "caption_studio", None) is None else set()
    return model.model_dump(mode="json", exclude=absent)


def _put(logprobs: msgspec.Raw, response: dict[str, Any]) -> None:
    """Put log probabilities into a finished response."""
    response["output"][0]["content"][0]["logprobs"] = logprobs
