"""What went wrong, told in the form of whoever asked: a problem object, a page, or a part of a page."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from freehold.foundation import FreeholdError, Problems, Transient

_STATUS = {
    "FH-A101": 401,
    "FH-A102": 403,
    "FH-A103": 403,
    "FH-A104": 403,
    "FH-A105": 413,
    "FH-A106": 429,
    "FH-A107": 404,
    "FH-A108": 405,
    "FH-A109": 421,
    "FH-A110": 500,
    "FH-A111": 404,
    "FH-A112": 400,
    "FH-A121": 502,
    "FH-A122": 403,
    "FH-A123": 403,
    "FH-A124": 403,
    "FH-D201": 404,
    "FH-D214": 404,
    "FH-F004": 404,
    "FH-F005": 409,
    "FH-F101": 503,
    "FH-N107": 404,
    "FH-N108": 409,
    "FH-N506": 403,
    "FH-E101": 503,
}
_IN_FILES = ("FH-V",)  # what is wrong in the estate's files is nobody's request


def status_of(error: FreeholdError) -> int:
    """Return the HTTP status that an error means."""
    if error.code in _STATUS:
        return _STATUS[error.code]
    if isinstance(error, Transient) or error.code.startswith(_IN_FILES):
        return 503
    return 500 if error.code.startswith(("FH-L", "FH-E")) else 400


def problem(error: FreeholdError, request_id: str) -> dict[str, Any]:
    """Return an RFC 9457 problem object; of several errors, all of them."""
    told = {k: v for k, v in error.to_json().items() if v is not None}
    told |= {"status": status_of(error), "instance": f"urn:freehold:request:{request_id}"}
    if isinstance(error, Problems):
        told["errors"] = [{k: v for k, v in one.to_json().items() if v is not None} for one in error.errors]
    return told


def answered(request: Request, error: FreeholdError) -> Response:
    """Return the response that tells an error: to programs an object, to people a page, to htmx a part of one."""
    status, headers = status_of(error), _headers(error)
    if not wants_page(request):
        told = problem(error, request_id_of(request))
        return JSONResponse(told, status, headers, media_type="application/problem+json")
    from freehold.server.web.showing import shown_problem

    return shown_problem(request, error, status, headers)


def _headers(error: FreeholdError) -> dict[str, str]:
    code = status_of(error)
    if code in (429, 503):
        return {"Retry-After": "5"}
    return {"WWW-Authenticate": 'Bearer realm="freehold"'} if code == 401 else {}


def wants_page(request: Request) -> bool:
    """Whether a page is wanted: not from the API, not as JSON, and by something that shows HTML."""
    path = request.url.path
    if path.startswith("/api/") or path.endswith(".json"):
        return False
    return "text/html" in request.headers.get("accept", "") or is_part(request)


def is_part(request: Request) -> bool:
    """Whether htmx asks for a part of a page."""
    return request.headers.get("hx-request") == "true"


def request_id_of(request: Request) -> str:
    """Return the id that this request has in logs and answers."""
    return str(request.scope.get("state", {}).get("request_id", ""))


def not_signed_in() -> FreeholdError:
    """Return the refusal of somebody nobody knows."""
    return FreeholdError(
        "FH-A101",
        "Nobody is signed in.",
        fix="Open the link that `freehold serve` printed, or send `Authorization: Bearer` and a token.",
    )


def not_found(path: str) -> FreeholdError:
    """Return the refusal of a path that leads nowhere."""
    return FreeholdError("FH-A107", f"There is nothing at `{path}`.", fix="Go on from `/`, or see `/api/v1/docs`.")
