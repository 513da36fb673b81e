"""Finds out who asks, once for each request, and turns away who is not signed in."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.requests import HTTPConnection, Request
from starlette.responses import RedirectResponse, Response

from freehold.foundation import FreeholdError
from freehold.server.problems import answered, is_part, not_signed_in, wants_page

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from freehold.server.entry.sessions import Doorkeeper
    from freehold.server.entry.tokens import Mint
    from freehold.server.identity import Who
    from freehold.server.settings import Settings

OPEN = ("/-/static/", "/sign-in", "/health", "/ready")  # what anybody may see


class Knowing:
    """Puts `who` into the request's state: by a session's cookie, or by a bearer token."""

    def __init__(self, app: ASGIApp, doorkeeper: Doorkeeper, mint: Mint, settings: Settings) -> None:
        self._app = app
        self._doorkeeper = doorkeeper
        self._mint = mint
        self._cookie = settings.cookie

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on with what is known of its sender."""
        if scope["type"] == "http" and not scope["path"].startswith("/-/static/"):
            request = HTTPConnection(scope)
            scope.setdefault("state", {})["who"] = await run_in_threadpool(self._who, request)
        await self._app(scope, receive, send)

    def _who(self, request: HTTPConnection) -> Who | None:
        kind, _, shown = request.headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer":  # who shows a token means it, whatever cookie came along
            return self._mint.known(shown.strip())
        secret = request.cookies.get(self._cookie)
        return self._doorkeeper.known(secret) if secret else None


class SignedIn:
    """Lets only those in who are signed in, and programs only where their token's scopes reach."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on if its sender may see what it asks for."""
        if scope["type"] == "http" and not scope["path"].startswith(OPEN):
            refused = _refused(Request(scope, receive))
            if refused is not None:
                await refused(scope, receive, send)
                return
        await self._app(scope, receive, send)


def _refused(request: Request) -> Response | None:
    who: Who | None = request.state.who
    if who is None:
        if wants_page(request) and not is_part(request) and request.method == "GET":
            wanted = request.url.path + (f"?{request.url.query}" if request.url.query else "")
            return RedirectResponse(f"/sign-in?next={quote(wanted)}", 303)
        return answered(request, not_signed_in())
    if who.via == "token" and (error := _out_of_scope(request, who)):
        return answered(request, error)
    return None


def _out_of_scope(request: Request, who: Who) -> FreeholdError | None:
    """Return the refusal of a token outside of what it is for. Tokens read; what changes something takes a person."""
    wanted = scope_of(request.url.path)
    if wanted in who.scopes and request.method in ("GET", "HEAD"):
        return None
    may = ", ".join(sorted(who.scopes))
    return FreeholdError(
        "FH-A102",
        f"This token may not do that: it is for {may}."
        if wanted not in who.scopes
        else "A token reads; what changes something takes a person who is signed in.",
        fix=f"Make a token with the scope `{wanted}`: `freehold token create`." if wanted else "Sign in.",
    )


def scope_of(path: str) -> str:
    """Return the scope that a path takes; empty where no token will do."""
    if path == "/metrics":
        return "server:observe"
    if path.startswith(("/settings", "/-/", "/sign-out")):
        return ""
    return "metrics:query" if path.startswith(("/metrics/", "/api/v1/metrics/")) else "catalog:read"
