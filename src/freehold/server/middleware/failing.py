"""What nobody expected, told as a problem like all others, under the same headers; its particulars are in the log."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from freehold.foundation import FreeholdError
from freehold.server.problems import answered, defect, request_id_of

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send


class Failing:
    """Answers a defect with 500, unless an answer has begun, which is then cut short."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and tell what goes wrong with it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        has_begun = False

        async def sending(message: Message) -> None:
            nonlocal has_begun
            has_begun = True
            await send(message)

        try:
            await self._app(scope, receive, sending)
        except Exception as error:
            if has_begun:
                raise
            request = Request(scope, receive)
            told = error if isinstance(error, FreeholdError) else defect(request_id_of(request))
            if told is not error:
                log = request.app.state.served.telemetry.log
                log.error("defect", request_id=request_id_of(request), exc_info=error)
            response = await run_in_threadpool(answered, request, told)
            await response(scope, receive, send)
