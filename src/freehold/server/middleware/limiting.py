"""How much one asker may ask: bytes of a body, requests of a minute."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from limits import RateLimitItem, RateLimitItemPerMinute, WindowStats
from limits.storage import MemoryStorage
from limits.strategies import SlidingWindowCounterRateLimiter
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request

from freehold.foundation import FreeholdError
from freehold.server.identity import INTAKE, asks
from freehold.server.problems import answered
from freehold.server.proxies import address_of
from freehold.server.settings import RATES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from freehold.server.proxies import Network
    from freehold.server.settings import Settings

_SWEEPS_EVERY_S = 60.0
_FREE = ("/-/static/", "/health", "/ready")


class TooLarge(FreeholdError):
    """A body that grew past the cap while it was read."""


class BodyCap:
    """Refuses bodies above a size: by what they say of themselves, and by what then comes."""

    def __init__(self, app: ASGIApp, most: int) -> None:
        self._app = app
        self._most = most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on with a body that cannot grow past the cap."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        said = Headers(scope=scope).get("content-length", "0")
        if not said.isdigit() or int(said) > self._most:
            await answered(Request(scope, receive), self._refusal())(scope, receive, send)
            return
        read, started = 0, False

        async def receiving() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > self._most:
                raise self._refusal()
            return message

        async def sending(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self._app(scope, receiving, sending)
        except TooLarge as error:
            if started:
                raise
            await answered(Request(scope, receive), error)(scope, receive, send)

    def _refusal(self) -> TooLarge:
        return TooLarge(
            "FH-A105", f"A request holds at most {self._most:,} bytes.", fix="Send less at once; nothing was changed."
        )


class _Counts(MemoryStorage):
    """Counts in memory, which forgets old ones as it counts: its base starts a thread for that with each request.

    To be asked from one thread: requests pass here on the loop.
    """

    _sweeps_at = 0.0

    def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        """Count one more of a key, for some seconds from the first on; return how many there are."""
        now = time.time()
        if now >= self._sweeps_at:
            for old in [one for one, ends in self.expirations.items() if ends <= now]:
                self.clear(old)
            self._sweeps_at = now + _SWEEPS_EVERY_S
        count = self.get(key) + amount
        self.storage[key] = count
        self.expirations.setdefault(key, now + expiry)
        return count


class Pace:
    """Refuses who asks too often. Who is signed in has a pace of their own; others share that of their address."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._limiter = SlidingWindowCounterRateLimiter(_Counts())
        self._proxies = settings.proxies
        self._rates = {kind: RateLimitItemPerMinute(most) for kind, most in {**RATES, **settings.rates}.items()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on if its sender keeps the pace."""
        if scope["type"] == "http" and not scope["path"].startswith(_FREE):
            kind = _kind(scope)
            rate, asker = self._rates[kind], _asker(scope, self._proxies)
            is_within = self._limiter.hit(rate, kind, asker)
            send = _telling(send, kind, rate, self._limiter.get_window_stats(rate, kind, asker))
            if not is_within:
                error = FreeholdError(
                    "FH-A106",
                    f"More than {rate.amount:,} requests of this kind came within a minute.",
                    fix="Wait a little; programs should read `Retry-After`.",
                )
                await answered(Request(scope, receive), error)(scope, receive, send)
                return
        await self._app(scope, receive, send)


def _telling(send: Send, kind: str, rate: RateLimitItem, now: WindowStats) -> Send:
    """Return what sends an answer that says how often one may ask still (draft-ietf-httpapi-ratelimit-headers)."""
    over = max(0, round(now.reset_time - time.time()))

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers["RateLimit-Policy"] = f'"{kind}";q={rate.amount};w={rate.get_expiry()}'
            headers["RateLimit"] = f'"{kind}";r={max(0, int(now.remaining))};t={over}'
        await send(message)

    return sending


def _kind(scope: Scope) -> str:
    if scope["path"].startswith("/sign-in/"):  # the page that says how is none: looking at it is no attempt
        return "sign_in"
    if scope["path"].startswith(INTAKE) and scope["method"] == "POST":
        return "lineage"
    is_read = scope["method"] in ("GET", "HEAD", "OPTIONS") or asks(scope["method"], scope["path"])
    return "read" if is_read else "write"


def _asker(scope: Scope, proxies: Sequence[Network]) -> str:
    who = scope.get("state", {}).get("who")
    return f"{who.principal}/{who.credential}" if who else address_of(scope, proxies)
