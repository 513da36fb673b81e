"""Errors as problem objects (RFC 9457), whatever goes wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.responses import Response

from freehold.foundation import FreeholdError, near
from freehold.server.api.model import TAKES_ANY
from freehold.server.api.reading import Reading
from freehold.server.middleware.failing import Failing
from freehold.server.problems import answered, refused

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

_OURS = (
    "*/*", "application/*", "application/json", "application/problem+json", "text/event-stream",
    "application/cloudevents-batch+json",
    "text/html",  # somebody looks with a browser, and is shown JSON
)  # fmt: skip


def add(app: FastAPI) -> None:
    """Tell every error as a problem."""
    app.add_exception_handler(FreeholdError, _wrong)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_middleware(Reading)
    app.add_middleware(Asking)
    app.add_middleware(Failing)


class Asking:
    """Answers HEAD as GET without the body, and refuses who takes no form that there is."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, if its answer can be read."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive)
        if not is_acceptable(request.headers.get("accept", "")):
            told = FreeholdError(
                "FH-A115",
                f"There is no `{request.headers['accept'][:80]}` of this.",
                fix="Take `application/json`.",
            )
            await answered(request, told)(scope, receive, send)
            return
        # The server itself leaves out the body, by the method that came.
        inner = {**scope, "method": "GET"} if scope["method"] == "HEAD" else scope
        await self._app(inner, receive, send)


async def expect_known_words(request: Request) -> None:
    """Refuse a word of the query that is none of the route's: who misspells a filter would be told of everything.

    Raises:
        FreeholdError: FH-A112 there is no such word, with those there are.
    """
    route: APIRoute = request.scope["route"]
    known = [field.alias for field in route.dependant.query_params]
    strange = [name for name in request.query_params if name not in known]
    if strange and TAKES_ANY not in (route.openapi_extra or {}):
        told = f"`{strange[0][:40]}` is no word of this query."
        fix = near(strange[0], known) or (f"There are: {', '.join(known)}." if known else "It takes none.")
        raise FreeholdError("FH-A112", told, fix=fix)


def is_acceptable(accept: str) -> bool:
    """Whether an `Accept` header takes a form that the API has; none takes all."""
    ranges = [part.partition(";") for part in accept.split(",") if part.strip()]
    return not ranges or any(
        name.strip().lower() in _OURS and not _is_refused(parameters) for name, _, parameters in ranges
    )


def _is_refused(parameters: str) -> bool:
    """Whether the weight of a range is nought: `q=0`, `q=0.000`."""
    weights = [p.strip()[2:] for p in parameters.lower().split(";") if p.strip().startswith("q=")]
    return any(weight.strip("0") in ("", ".") for weight in weights)


async def _wrong(request: Request, error: Exception) -> Response:
    assert isinstance(error, FreeholdError)
    return answered(request, error)


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return refused(request, error)


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    told = "; ".join(map(_fault, error.errors()))
    return answered(
        request, FreeholdError("FH-A112", f"The request is not well formed: {told}.", fix="See /api/v1/openapi.json.")
    )


def _fault(error: Any) -> str:
    """Return what is wrong with a part of a request: its name, or that it is the body itself."""
    if error["type"] == "json_invalid":
        return f"the body is no JSON at character {error['loc'][-1]}: {error.get('ctx', {}).get('error', error['msg'])}"
    name = ".".join(str(part) for part in error["loc"][1:])
    return f"{f'`{name}`' if name else 'the body'}: {error['msg']}"
