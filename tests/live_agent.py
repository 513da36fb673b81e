"""A stock client of the Model Context Protocol, over real HTTP."""

from __future__ import annotations

import json
import os
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import mcp_types as types
from mcp.client.auth import AuthorizationCodeResult, OAuthClientProvider
from mcp.client.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import OAuthClientInformationFull, OAuthClientMetadata, OAuthToken
from pydantic import AnyUrl

from live_provider import PUBLIC
from live_server import Running, awaited

FREEHOLD = Path(sys.executable).with_name("freehold")
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


def asked_here(root: Path, *calls: tuple[str, dict[str, Any]], mode: str = NEWEST) -> list[Any]:
    """Return what a stock client gets of `freehold mcp`, which it starts and ends itself."""

    async def ask() -> list[Any]:
        started = StdioServerParameters(command=str(FREEHOLD), args=["-C", str(root), "mcp"], env=dict(os.environ))
        with (root.parent / "mcp.log").open("w") as log:
            async with Client(stdio_client(started, errlog=log), mode=mode) as client:
                tools = (await client.list_tools()).tools
                return [tools, *[await client.call_tool(name, said) for name, said in calls]]

    found: list[Any] = awaited(ask)
    return found


class _Kept:
    """What a client keeps between runs: that the provider knows it, and its tokens."""

    def __init__(self, redirect: str) -> None:
        self._client = OAuthClientInformationFull(
            client_id=PUBLIC, redirect_uris=[AnyUrl(redirect)], token_endpoint_auth_method="none"
        )
        self._tokens: OAuthToken | None = None

    async def get_tokens(self) -> OAuthToken | None:
        return self._tokens

    async def set_tokens(self, tokens: OAuthToken) -> None:
        self._tokens = tokens

    async def get_client_info(self) -> OAuthClientInformationFull:
        return self._client

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        self._client = client_info


def signing_in(running: Running, *calls: tuple[str, dict[str, Any]]) -> list[Any]:
    """Return what a stock client gets that is given an address alone, and signs somebody in where it is told to."""
    redirect, came_back = "http://127.0.0.1:9/back", [""]

    async def sent(address: str) -> None:
        async with httpx2.AsyncClient() as browser:
            came_back[0] = (await browser.get(address)).headers["location"]

    async def back() -> AuthorizationCodeResult:
        query = {k: v[0] for k, v in parse_qs(urlsplit(came_back[0]).query).items()}
        return AuthorizationCodeResult(code=query["code"], state=query["state"], iss=query["iss"])

    async def ask() -> list[Any]:
        said = OAuthClientMetadata(redirect_uris=[AnyUrl(redirect)], token_endpoint_auth_method="none")
        auth = OAuthClientProvider(f"{running.url}/mcp", said, _Kept(redirect), sent, back)
        async with (
            httpx2.AsyncClient(auth=auth, timeout=60) as http,
            Client(streamable_http_client(f"{running.url}/mcp", http_client=http), mode=NEWEST) as client,
        ):
            return [(await client.list_tools()).tools, *[await client.call_tool(name, said) for name, said in calls]]

    found: list[Any] = awaited(ask)
    return found
