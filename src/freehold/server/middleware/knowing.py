"""Finds out who asks, once for each request, and turns away who is not signed in."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.requests import HTTPConnection, Request
from starlette.responses import RedirectResponse, Response

from freehold.foundation import FreeholdError
from freehold.server import exchanging
from freehold.server.challenges import WELL_KNOWN
from freehold.server.identity import HOOKS, INTAKE, METHODS, READS, asks, scope_of
from freehold.server.patterns import taken
from freehold.server.problems import answered, is_part, not_signed_in, wants_page

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from freehold.server.entry.access_tokens import AccessTokens
    from freehold.server.entry.local import LocalDoor
    from freehold.server.entry.sessions import Doorkeeper
    from freehold.server.entry.tokens import Mint
    from freehold.server.identity import Who
    from freehold.server.settings import Settings

OPEN = (
    "/-/static/",
    "/sign-in",
    "/health",
    "/ready",
    exchanging.PLACE,
    exchanging.WELL_KNOWN,
    WELL_KNOWN,
)  # what anybody may see


class Knowing:
    """Puts `who` into the request's state: by a session's cookie, or by a bearer token; else why it is nobody."""

    def __init__(
        self,
        app: ASGIApp,
        doorkeeper: Doorkeeper,
        mint: Mint,
        settings: Settings,
        door: LocalDoor,
        access_tokens: AccessTokens | None,
    ) -> None:
        self._app = app
        self._access_tokens = access_tokens
        self._door = door
        self._doorkeeper = doorkeeper
        self._mint = mint
        self._cookie = settings.cookie

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on with what is known of its sender."""
        if scope["type"] == "http" and not scope["path"].startswith("/-/static/"):
            request = HTTPConnection(scope)
            who = self._lately(request) if scope["path"].startswith(INTAKE) else None
            state = scope.setdefault("state", {})
            try:
                state["who"] = who or await run_in_threadpool(self._who, request)
            except FreeholdError as error:
                state["who"], state["unknown"] = None, error
        await self._app(scope, receive, send)

    def _lately(self, request: HTTPConnection) -> Who | None:
        """Return who showed a token within the last second, so that a thousand events are not a thousand look-ups."""
        kind, _, shown = request.headers.get("authorization", "").partition(" ")
        return self._mint.known_lately(shown.strip()) if kind.lower() == "bearer" else None

    def _who(self, request: HTTPConnection) -> Who | None:
        kind, _, shown = request.headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer":  # who shows a token means it, whatever cookie came along
            return self._bearer(shown.strip(), request.url.path)
        secret = request.cookies.get(self._cookie)
        return self._doorkeeper.known(secret) if secret else None

    def _bearer(self, shown: str, path: str) -> Who | None:
        if self._access_tokens is not None and "." in shown:  # none of ours has a dot
            return self._access_tokens.known(shown, path)
        return self._door.known(shown) or self._mint.known(shown)


class SignedIn:
    """Lets only those in who are signed in, and programs only where their token's scopes reach."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on if its sender may see what it asks for."""
        if scope["type"] == "http" and not scope["path"].startswith(OPEN):
            request = Request(scope, receive)
            refused = _refused(request)
            who: Who | None = request.state.who
            if refused is None and who is not None and who.principal.startswith("service:"):
                refused = await run_in_threadpool(_ended, request)
            if refused is not None:
                await refused(scope, receive, send)
                return
        await self._app(scope, receive, send)


def _refused(request: Request) -> Response | None:
    who: Who | None = request.state.who
    if who is None and request.url.path.startswith(HOOKS):
        return None
    if who is None:
        if "unknown" in request.scope["state"]:
            return answered(request, request.scope["state"]["unknown"])
        if wants_page(request) and not is_part(request) and request.method == "GET":
            wanted = request.url.path + (f"?{request.url.query}" if request.url.query else "")
            return RedirectResponse(f"/sign-in?next={quote(wanted)}", 303)
        return answered(request, not_signed_in())
    if who.via == "token" and (error := _out_of_scope(request, who)):
        return answered(request, error)
    return None


def _ended(request: Request) -> Response | None:
    """Refuse a service account that no file declares any more, whatever its tokens say."""
    try:
        is_one = request.app.state.served.rights.is_declared(request.state.who)
    except FreeholdError as error:  # the estate cannot be read, so nobody can say
        return answered(request, error)
    return None if is_one else answered(request, not_signed_in())


def _out_of_scope(request: Request, who: Who) -> FreeholdError | None:
    """Return the refusal of a token outside of what it is for: a scope names its methods, and most of them read."""
    wanted, path = scope_of(request.url.path, request.method), request.url.path
    is_so = request.method in METHODS.get(wanted, READS) or asks(request.method, path)
    if wanted in who.scopes and is_so:
        return None
    if wanted in who.scopes:
        return _changing(request)
    may = ", ".join(sorted(who.scopes))
    fix = f"Make a token with the scope `{wanted}`: `freehold token create`." if wanted else "Sign in."
    return FreeholdError("FH-A102", f"This token may not do that: it is for {may}.", fix=fix)


def _changing(request: Request) -> FreeholdError | None:
    """Return the refusal of what changes something; what no route takes is refused by its method, further in."""
    if not taken(request.app.routes, request.scope)[1]:
        return None
    return FreeholdError(
        "FH-A102",
        "A token reads; what changes something takes a person who is signed in.",
        fix="Sign in and do it on a page, or use `freehold` where the estate is: no other scope helps.",
    )
