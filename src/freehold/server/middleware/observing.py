"""A request's id, its line in the log, and its part of the figures. Neither names a query, a cookie or a secret."""

from __future__ import annotations

import re
import secrets
import time
from typing import TYPE_CHECKING

from starlette.datastructures import Headers, MutableHeaders

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from freehold.server.telemetry import Telemetry

_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")
ID_HEADER = "X-Request-ID"


class Observing:
    """Gives each request an id (or keeps a well-formed one that came with it) and notes what became of it."""

    def __init__(self, app: ASGIApp, telemetry: Telemetry) -> None:
        self._app = app
        self._telemetry = telemetry

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and note its outcome."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope).get(ID_HEADER, "")
        id_ = given if _ID.fullmatch(given) else secrets.token_hex(8)
        scope.setdefault("state", {})["request_id"] = id_
        began, status = time.perf_counter(), 500
        routes = scope["app"].routes  # before what is mounted writes itself there

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)[ID_HEADER] = id_
            await send(message)

        try:
            await self._app(scope, receive, sending)
        finally:
            self._telemetry.note(scope, routes, id_, status, time.perf_counter() - began)
