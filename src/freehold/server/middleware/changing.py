"""Whoever changed something sees it: pages that are asked for after the answer are of after the change."""

from __future__ import annotations

from typing import TYPE_CHECKING

from freehold.server.identity import INTAKE, asks

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

_READS = ("GET", "HEAD", "OPTIONS")


class Changing:
    """Says that something may have changed before a request is answered that may change something.

    What other tools tell is no such thing: it comes a thousand times a second, and is drawn a moment later.
    """

    def __init__(self, app: ASGIApp, changed: Callable[[], None]) -> None:
        self._app = app
        self._changed = changed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and say so before its answer goes out."""
        if scope["type"] != "http" or not may_change(scope["method"], scope["path"]):
            await self._app(scope, receive, send)
            return

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._changed()
            await send(message)

        await self._app(scope, receive, sending)


def may_change(method: str, path: str) -> bool:
    """Whether a request may change what pages show."""
    return not (method in _READS or path.startswith(INTAKE) or asks(method, path))
