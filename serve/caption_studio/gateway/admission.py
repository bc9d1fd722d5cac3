"""Admit as many requests as can be answered in time; refuse the others with Retry-After.

gateway.concurrency_limit sets how many, gateway.places shares them out between keys, and
gateway.waiting_line computes Retry-After. Requests of class `batch` have places of their own
(gateway.batch_gate), and are counted as work of the stages; requests about files and batches need
none. HAProxy in front refuses the load that would overwhelm a gateway, and keeps the same line for
all gateways. It learns the number of places, a key's share of them and the pace from headers of
each answer online. It does not know classes, so the number includes the requests of class `batch`
that it has let in.
"""

from contextlib import AsyncExitStack

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from caption_studio.errors import Overloaded
from caption_studio.gateway.asked_route import asked_route
from caption_studio.gateway.batch_calls import BATCH
from caption_studio.gateway.batch_gate import BatchGate
from caption_studio.gateway.error_responses import refuse
from caption_studio.gateway.places import Places
from caption_studio.gateway.request_class import class_of
from caption_studio.limits import PACE_HEADER, ROOM_HEADER, SHARE_HEADER

TRY_AGAIN = (429, 503)
"""Statuses with which an overloaded stage or image intake refuses."""

WITHOUT_PLACE = ("/v1/files", "/v1/batches")
"""Routes that no model works for."""


class Admission:
    """Admits a request if it can be answered in time, and refuses it at once if not."""

    def __init__(self, app: ASGIApp, places: Places, gate: BatchGate) -> None:
        self._app = app
        self._places = places
        self._gate = gate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or refuse it before its body is read."""
        if (call := scope.get(BATCH)) is not None:
            scope["caption_studio.log"]["batch"] = call.batch_id
            await self._beside(scope, receive, send)
            return
        if scope["type"] != "http" or scope["method"] != "POST" or not _needs_place(scope):
            await self._app(scope, receive, send)
            return
        if class_of(scope) == "batch":
            await self._behind(scope, receive, send)
            return
        try:
            place = self._places.enter(scope.get("caption_studio.key"))
        except Overloaded as error:
            await refuse(error, scope, receive, self._telling(send))
            return
        try:
            await self._app(scope, receive, self._telling(self._spreading(send)))
        finally:
            self._places.leave(
                place,
                answered=scope.get("caption_studio.status") == 200,
                queued=scope.get("caption_studio.queued", False),
            )

    async def _behind(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request of a caller of class `batch` when there is room, or refuse it.

        It joins no line of those online, not even HAProxy's: it tells HAProxy nothing.
        """
        scope["caption_studio.log"]["class"] = "batch"
        async with AsyncExitStack() as stack:
            try:
                place = self._gate.place_of_caller(scope["caption_studio.key"])
                await stack.enter_async_context(place)
            except Overloaded as error:
                await refuse(error, scope, receive, send)
                return
            await self._beside(scope, receive, send)

    async def _beside(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request of class `batch`, which has its place."""
        self._places.enter_batch()
        try:
            await self._app(scope, receive, send)
        finally:
            self._places.leave_batch(answered=scope.get("caption_studio.status") == 200)

    def _telling(self, send: Send) -> Send:
        """Add the headers that HAProxy needs to refuse by the same rules."""

        async def telling(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers[PACE_HEADER] = str(max(1, round(1e6 * self._places.pace_s)))
                headers[ROOM_HEADER] = str(self._places.limit + self._gate.callers)
                headers[SHARE_HEADER] = str(self._places.share)
            await send(message)

        return telling

    def _spreading(self, send: Send) -> Send:
        """Put requests that a stage or the intake refuses into the same line as all others."""

        async def spreading(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] in TRY_AGAIN:
                headers = MutableHeaders(scope=message)
                if (least_s := headers.get("retry-after")) is not None:
                    in_line_s = self._places.retry_after_s()
                    headers["retry-after"] = str(max(int(least_s), in_line_s))
            await send(message)

        return spreading


def _needs_place(scope: Scope) -> bool:
    return not asked_route(scope).startswith(WITHOUT_PLACE)
