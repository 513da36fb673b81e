"""ETags of JSON, CSV and Markdown: a program that has the same already is told so in a few bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.datastructures import Headers, MutableHeaders

from freehold.server.tags import tag_of

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

_KINDS = ("text/csv", "text/markdown")


class Conditional:
    """Answers 304 where `If-None-Match` names what would be sent.

    An answer that names itself keeps its ETag; others are named by all of their bytes.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on; hold back what is named until all of it is there to be named."""
        if scope["type"] != "http" or scope["method"] not in ("GET", "HEAD"):
            await self._app(scope, receive, send)
            return
        wanted = Headers(scope=scope).get("if-none-match", "")
        held: Message | None = None
        parts: list[bytes] = []

        async def sending(message: Message) -> None:
            nonlocal held
            if message["type"] == "http.response.start":
                if message["status"] == 200 and _is_named(Headers(scope=message).get("content-type", "")):
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


def _is_named(kind: str) -> bool:
    return "json" in kind or kind.partition(";")[0].strip() in _KINDS


def _named(start: Message, body: bytes, wanted: str) -> tuple[Message, Message]:
    """Return the messages of an answer that carries its ETag, or of one that says it is known."""
    headers = MutableHeaders(scope=start)
    tag = headers.setdefault("ETag", tag_of(body))
    headers["Cache-Control"] = "private, no-cache"
    given = {one.strip().removeprefix("W/") for one in wanted.split(",")}
    if tag.removeprefix("W/") in given or wanted.strip() == "*":
        del headers["content-length"]
        return {**start, "status": 304}, {"type": "http.response.body", "body": b""}
    return start, {"type": "http.response.body", "body": body}
