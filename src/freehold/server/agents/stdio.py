"""The same tools for an agent on this machine: over the standard streams of a process that it starts itself.

Who starts it sits at the shell, so it answers with their eyes, beside a server or without one. Standard output belongs
to the protocol: whatever else is written there goes to standard error.
"""

from __future__ import annotations

import os
import signal
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
from mcp.server.stdio import stdio_server
from starlette.requests import Request

from freehold.server.agents.protocol import server_of
from freehold.server.application import create_app
from freehold.server.identity import Who
from freehold.server.settings import Settings
from freehold.server.telemetry import Telemetry, configure_logs

if TYPE_CHECKING:
    from starlette.applications import Starlette

    from freehold.server.application import Served


def serve_streams(root: Path, env: str | None) -> None:
    """Answer one agent until it closes the stream, or until Ctrl-C or SIGTERM.

    Raises:
        FreeholdError: what `create_app` raises.
    """
    configure_logs()
    app = create_app(root, Settings(env=env), telemetry=Telemetry())
    with closing(app.state.served) as served:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda number, _: _end(served, number))
        anyio.run(_answer, app, Who.at_the_shell())


async def _answer(app: Starlette, who: Who) -> None:
    server = server_of(app.state.served, lambda _: _request(app, who))
    async with stdio_server() as (read, write):
        await server.run(read, write, server.create_initialization_options())


def _request(app: Starlette, who: Who) -> Request:
    """Return the request that a call on a stream amounts to: what is asked is in its body, and that was read."""
    return Request(
        {
            "type": "http",
            "method": "POST",
            "path": "/mcp",
            "query_string": b"",
            "headers": [],
            "app": app,
            "state": {"who": who},
        }
    )


def _end(served: Served, number: int) -> None:
    """End at once: a thread waits for the next line, and cannot be told that there will be none."""
    served.close()
    os._exit(128 + number)
