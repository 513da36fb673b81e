"""What a refused program is told of how to come in: `WWW-Authenticate` (RFC 6750) and the metadata of RFC 9728."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from freehold.foundation import FreeholdError
from freehold.server.entry.access_tokens import AGENTS
from freehold.server.identity import SCOPES, scope_of

if TYPE_CHECKING:
    from freehold.server.application import Served

WELL_KNOWN = "/.well-known/oauth-protected-resource"
_OF_AGENTS = ("catalog:read", "metrics:query")


def routes(served: Served) -> list[Route]:
    """Return the routes of the metadata, of the server and of what agents ask; none where no provider is named."""
    if served.access_tokens is None:
        return []
    return [Route(WELL_KNOWN, _metadata), Route(f"{WELL_KNOWN}{AGENTS}", _metadata)]


def challenge(request: Request, error: FreeholdError) -> str:
    """Return how a program that was refused for who it is can come in; empty where it cannot by any token."""
    path, wanted = request.url.path, scope_of(request.url.path, request.method)
    scopes = _OF_AGENTS if path == AGENTS else (wanted,) if wanted else ()
    parts = ['realm="freehold"'] + [f'error="{word}"' for word in _errors(request, error)]
    if scopes:
        parts.append(f'scope="{" ".join(scopes)}"')
    if request.app.state.served.access_tokens is not None:
        parts.append(f'resource_metadata="{_place(request.app.state.served, path)}"')
    return f"Bearer {', '.join(parts)}"


def _errors(request: Request, error: FreeholdError) -> tuple[str, ...]:
    """Return the word of RFC 6750 for what is wrong; nothing for who showed nothing."""
    if error.code == "FH-A102":
        return ("insufficient_scope",)
    return ("invalid_token",) if "authorization" in request.headers else ()


def _place(served: Served, path: str) -> str:
    return f"{served.settings.address}{WELL_KNOWN}{AGENTS if path == AGENTS else ''}"


def _metadata(request: Request) -> Response:
    """Tell whose tokens are taken here, and for what (RFC 9728)."""
    served: Served = request.app.state.served
    assert served.access_tokens is not None
    path = request.url.path.removeprefix(WELL_KNOWN) or "/"
    scopes = _OF_AGENTS if path == AGENTS else tuple(SCOPES)
    told = served.access_tokens.metadata(path, scopes, f"Freehold: {served.snapshots.estate_name}")
    if path != AGENTS:  # agents sign somebody in; a CI job gets its token here
        told["authorization_servers"].append(served.settings.address)
    return JSONResponse(told, headers={"Access-Control-Allow-Origin": "*"})
