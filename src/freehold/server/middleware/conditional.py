"""ETags of JSON: a program that has the same already is told so in a few bytes."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from starlette.datastructures import Headers, MutableHeaders

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send


class Conditional:
    """Answers 304 where `If-None-Match` names the JSON that would be sent."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on; hold back JSON until all of it is there to be named."""
        if scope["type"] != "http" or scope["method"] not in ("GET", "HEAD"):
            await self._app(scope, receive, send)
            return
        wanted = Headers(scope=scope).get("if-none-match", "")
        held: Message | None = None
        parts: list[bytes] = []

        async def sending(message: Message) -> None:
            nonlocal held
            if message["type"] == "http.response.start":
                is_json = "json" in Headers(scope=message).get("content-type", "")
                if message["status"] == 200 and is_json:
                    held = message
                    return
            elif held is not None:
                parts.append(message.get("body", b""))
                if message.get("more_body"):
                    return
                for one in _named(held, b"".join(parts), wanted):
                    await send(one)
                return
            await send(message)

        await self._app(scope, receive, sending)


def _named(start: Message, body: bytes, wanted: str) -> tuple[Message, Message]:
    """Return the messages of an answer that carries its ETag, or of one that says it is known."""
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers = MutableHeaders(scope=start)
    headers["ETag"] = tag
    headers["Cache-Control"] = "private, no-cache"
    given = {one.strip().removeprefix("W/") for one in wanted.split(",")}
    if tag in given or wanted.strip() == "*":
        del headers["content-length"]
        return {**start, "status": 304}, {"type": "http.response.body", "body": b""}
    return start, {"type": "http.response.body", "body": body}
