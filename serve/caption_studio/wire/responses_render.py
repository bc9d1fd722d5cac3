"""Answer → a response, whole or as the official events.

The events' order is the official one. The response, its one message and that message's one part
begin, the text comes in deltas, and the three end in reverse order. Each event has a number, and
its type is also in the `event` line. There is no `[DONE]`.
"""

import time
from collections.abc import AsyncIterator
from typing import Any

from pydantic import BaseModel

from caption_studio.errors import CaptionStudioError
from caption_studio.off_loop import off_loop_if_many
from caption_studio.records import Answer, CaptionRequest
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
        return await off_loop_if_many(lambda: _json(self._finished()), self.logprobs)

    async def events(self) -> AsyncIterator[bytes]:
        """Yield server-sent events. A failure yields two events and ends the stream."""
        try:
            for name in ("created", "in_progress"):
                yield self._of_response(name, self._response("in_progress"))
            yield self._event(
                "output_item.added", output_index=0, item=_dict(self._item("in_progress"))
            )
            yield self._event("content_part.added", **self._place, part=_dict(self._part("")))
            async for delta in self.deltas():
                if delta.text:
                    logprobs = self._logprobs(delta.logprobs)
                    yield self._event(
                        "output_text.delta", **self._place, delta=delta.text, logprobs=logprobs
                    )
            for event in await off_loop_if_many(self._endings, self.logprobs):
                yield event
        except CaptionStudioError as error:
            self.failure = error
            for event in self._failed(error):
                yield event

    def _endings(self) -> list[bytes]:
        response = self._finished()
        (item,) = response.output
        (part,) = item.content
        done = {"text": part.text, "logprobs": part.logprobs}
        return [
            self._event("output_text.done", **self._place, **done),
            self._event("content_part.done", **self._place, part=_dict(part)),
            self._event("output_item.done", output_index=0, item=_dict(item)),
            self._of_response(response.status, response),
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
            output=[self._item("incomplete" if is_cut else "completed", self._part(choice.text))],
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

    def _part(self, text: str) -> OutputTextPart:
        (choice,) = self.choices
        logprobs = self._logprobs(choice.logprobs) if text else []
        return OutputTextPart(text=text, logprobs=logprobs)

    def _logprobs(self, tokens: Any) -> list[Any]:
        top_logprobs = self.request.sampling.top_logprobs
        return [] if top_logprobs is None else chat_logprobs(tokens, top_logprobs)

    def _of_response(self, name: str, response: Response) -> bytes:
        return self._event(name, response=_dict(response))

    def _event(self, name: str, **fields: Any) -> bytes:
        kind = name if name == "error" else f"response.{name}"
        event = _Event(type=kind, sequence_number=self._number, **fields)
        self._number += 1
        return f"event: {kind}\ndata: {event.model_dump_json()}\n\n".encode()


class _Event(BaseModel, extra="allow"):
    type: str
    sequence_number: int


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
    return model.model_dump(exclude=absent)


def _json(response: Response) -> bytes:
    absent = {"caption_studio"} if response.caption_studio is None else set()
    return response.model_dump_json(exclude=absent).encode()
