"""Headers that keep browsers from being used against us, and refusals of requests other people's pages sent.

The policy allows what we ship and nothing inline. Cross-site requests that change something are known by what browsers
say of themselves (`Sec-Fetch-Site`, else `Origin`), so that no form needs a token.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request

from freehold.foundation import FreeholdError
from freehold.server.problems import answered

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from freehold.server.settings import Settings

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}


class Securing:
    """Adds the headers to every answer, `no-store` where an answer says nothing else."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._headers = dict(_HEADERS)
        if settings.is_secure:
            self._headers["Strict-Transport-Security"] = "max-age=31536000"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on and complete the headers of its answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers[name] = value
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        await self._app(scope, receive, sending)


class KnownHost:
    """Refuses requests to a name that is not ours: a page elsewhere whose name was pointed here (DNS rebinding)."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._hosts = settings.hosts
        self._any = not settings.is_local and not settings.url
        self._address = settings.address

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on if it is meant for this server."""
        if scope["type"] == "http" and not self._any:
            host = Headers(scope=scope).get("host", "")
            if host not in self._hosts:
                error = FreeholdError(
                    "FH-A109",
                    f"This server is not `{host[:200]}`.",
                    fix=f"Use {self._address}, or say the address that people use: `spec.server.url`.",
                )
                await answered(Request(scope, receive), error)(scope, receive, send)
                return
        await self._app(scope, receive, send)


class SameSite:
    """Refuses requests that change something and come from another site's page. Bearer tokens need no such care."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._hosts = settings.hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on unless another site sent it."""
        if scope["type"] == "http" and scope["method"] not in _SAFE:
            headers = Headers(scope=scope)
            if is_cross_site(headers) and not _is_bearer(headers):
                error = FreeholdError(
                    "FH-A104",
                    "This request came from another site's page, so it was refused; nothing was changed.",
                    fix="Do it on the page of this server itself.",
                )
                await answered(Request(scope, receive), error)(scope, receive, send)
                return
        await self._app(scope, receive, send)


def is_cross_site(headers: Headers) -> bool:
    """Whether a browser says that another site made it send this; programs that are no browser say neither header."""
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site not in ("same-origin", "none")
    origin = headers.get("origin")
    return origin is not None and urlsplit(origin).netloc != headers.get("host", "")


def _is_bearer(headers: Headers) -> bool:
    return headers.get("authorization", "").lower().startswith("bearer ") and "cookie" not in headers
