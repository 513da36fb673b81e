"""What a body may be written in: JSON, and a question YAML too; what is anything else is refused by name."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect, Request

from freehold.foundation import FreeholdError
from freehold.foundation.words import plain
from freehold.server.patterns import taken
from freehold.server.problems import answered

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

YAML = ("application/yaml", "text/yaml", "application/x-yaml")
_JSON = "application/json"
_IN_YAML = ("/query",)  # people write questions, and the explorer gives them as YAML
_LONGEST = 64_000  # bytes of a question
_DEEPEST = 8  # a question has lists of texts


class Reading:
    """Hands bodies on as JSON, whichever form they came in."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on with a body that can be read."""
        if (
            scope["type"] != "http"
            or not _has_body(scope)
            or not taken(scope["app"].routes, scope, scope["root_path"])[1]
        ):
            await self._app(scope, receive, send)
            return
        kind = Headers(scope=scope).get("content-type", "").partition(";")[0].strip().lower()
        forms = (_JSON, *YAML) if scope["path"].endswith(_IN_YAML) else (_JSON,)
        try:
            _expect_form(kind, forms)
            if kind in YAML:
                scope, receive = await _as_json(scope, receive)
        except FreeholdError as error:
            await answered(Request(scope, receive), error)(scope, receive, send)
            return
        await self._app(scope, receive, send)


def _has_body(scope: Scope) -> bool:
    headers = Headers(scope=scope)
    is_said = headers.get("content-length", "0") != "0" or "transfer-encoding" in headers
    return scope["method"] in ("POST", "PUT", "PATCH") and is_said


def _expect_form(kind: str, forms: tuple[str, ...]) -> None:
    """Make sure that a body is written in a form that is taken.

    Raises:
        FreeholdError: FH-A132 it is not.
    """
    if kind in forms or (kind.startswith("application/") and kind.endswith("+json")):
        return
    told = f"A body of `{kind[:80]}` is not taken here." if kind else "The body does not say what it is written in."
    ways = " or ".join(f"`Content-Type: {form}`" for form in forms[:2])
    raise FreeholdError("FH-A132", told, fix=f"Send it with {ways}.")


async def _as_json(scope: Scope, receive: Receive) -> tuple[Scope, Receive]:
    """Return a request whose body is the same in JSON."""
    try:
        body = await Request(scope, receive).body()
    except ClientDisconnect as error:
        raise FreeholdError("FH-A112", "The request ended before its body did.", fix="Send it again.") from error
    try:
        made = json.dumps(await run_in_threadpool(read_yaml, body), default=plain).encode()
    except TypeError as error:  # a date, as a key
        raise _unread("one of its keys is no text") from error
    inner = {**scope, "headers": list(scope["headers"])}
    headers = MutableHeaders(scope=inner)
    headers["content-type"], headers["content-length"] = _JSON, str(len(made))
    is_told = False

    async def receiving() -> Message:
        nonlocal is_told
        if is_told:
            return await receive()
        is_told = True
        return {"type": "http.request", "body": made, "more_body": False}

    return inner, receiving


def read_yaml(body: bytes) -> Any:
    """Return what a body in YAML says: plain values alone, no aliases, and nothing that is nested deeply.

    Raises:
        FreeholdError: FH-A105 it is too large; FH-A112 it is no YAML, or more than a question needs.
    """
    import yaml

    if len(body) > _LONGEST:
        raise FreeholdError("FH-A105", f"A question has at most {_LONGEST:,} bytes.", fix="Ask for less at once.")
    try:
        depth = 0
        for event in yaml.parse(body, Loader=yaml.CSafeLoader):
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > _DEEPEST or isinstance(event, yaml.AliasEvent):
                raise _unread("it is nested too deeply, or has aliases")
        return yaml.load(body, Loader=yaml.CSafeLoader)
    except yaml.MarkedYAMLError as error:
        line = f"line {error.problem_mark.line + 1}: " if error.problem_mark is not None else ""
        raise _unread(f"{line}{error.problem or error.context}") from error
    except (yaml.YAMLError, ValueError) as error:  # a date of the 40th of May is a ValueError
        raise _unread(str(error).partition("\n")[0]) from error


def _unread(why: str) -> FreeholdError:
    return FreeholdError("FH-A112", f"The body is no YAML that can be read: {why}.", fix="Mend it, or send JSON.")
