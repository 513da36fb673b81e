"""Agents: the same answers by the Model Context Protocol, at `/mcp`. It reads and changes nothing.

The protocol's library is brought when somebody first asks, since it is as large as all the rest of the server. Whoever
asks shows a token of this server, or one that the provider made for it; whose it is and for what was judged before, as
for the API (the protocol's library would judge again by the same audience, and answer in words of its own). What they
may see and ask is decided where pages decide it.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from freehold.foundation import FreeholdError
from freehold.server.problems import answered

if TYPE_CHECKING:
    from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
    from starlette.types import Receive, Scope, Send

    from freehold.server.application import Served


class Agents:
    """Answers `/mcp`: stateless, each request by itself."""

    def __init__(self) -> None:
        self._turn = asyncio.Lock()
        self._over = asyncio.Event()
        self._manager: StreamableHTTPSessionManager | None = None
        self._running: asyncio.Task[None] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request of somebody who shows a token; a browser's session is for pages alone."""
        if scope["state"]["who"].via != "token":
            await answered(Request(scope, receive), _no_token())(scope, receive, send)
            return
        manager = await self._begun(scope["app"].state.served)
        await manager.handle_request(scope, receive, send)

    async def close(self) -> None:
        """End what runs."""
        self._over.set()
        if self._running is not None:
            await self._running

    async def _begun(self, served: Served) -> StreamableHTTPSessionManager:
        async with self._turn:
            if self._manager is None:
                manager, ready = await run_in_threadpool(_manager, served), asyncio.Event()
                self._running = asyncio.create_task(self._run(manager, ready), name="agents")
                await ready.wait()
                self._manager = manager
            return self._manager

    async def _run(self, manager: StreamableHTTPSessionManager, ready: asyncio.Event) -> None:
        """Keep the manager open in one task from begin to end, as it has to be."""
        async with manager.run():
            ready.set()
            await self._over.wait()


def _manager(served: Served) -> StreamableHTTPSessionManager:
    from mcp.server.streamable_http_manager import StreamableHTTPSessionManager

    from freehold.server.agents.protocol import over_http, server_of

    return StreamableHTTPSessionManager(
        server_of(served, over_http), json_response=True, stateless=True, max_request_body_size=served.settings.body_cap
    )


def _no_token() -> FreeholdError:
    return FreeholdError(
        "FH-A101", "Agents show a token.", fix="Make one at /settings/tokens and send `Authorization: Bearer` and it."
    )
