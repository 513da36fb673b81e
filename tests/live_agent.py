"""A stock client of the Model Context Protocol, over real HTTP."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import httpx2
import mcp_types as types
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client

from live_server import Running, awaited

NEWEST = "2026-07-28"


def asked(running: Running, token: str, *calls: tuple[str, dict[str, Any]], mode: str = NEWEST) -> list[Any]:
    """Return what a stock client gets: the tools first, then the result of each call."""

    async def ask() -> list[Any]:
        headers = {"authorization": f"Bearer {token}"}
        async with (
            httpx2.AsyncClient(headers=headers, timeout=60) as http,
            Client(streamable_http_client(f"{running.url}/mcp", http_client=http), mode=mode) as client,
        ):
            return [(await client.list_tools()).tools, *[await client.call_tool(name, said) for name, said in calls]]

    found: list[Any] = awaited(ask)
    return found


def told(result: types.CallToolResult) -> dict[str, Any]:
    """Return what a call gave, numbers as they are written; its text and its structure are the same."""
    assert isinstance(result.content[0], types.TextContent)
    assert json.loads(result.content[0].text) == result.structured_content
    return json.loads(result.content[0].text, parse_float=Decimal)  # type: ignore[no-any-return]
