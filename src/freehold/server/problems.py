"""What went wrong, told in the form of whoever asked: a problem object, a page, or a part of a page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from freehold.foundation import FreeholdError, Problems, Transient
from freehold.server.challenges import challenge

_STATUS = {
    "FH-A101": 401,
    "FH-A102": 403,
    "FH-A117": 403,
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
    "FH-A132": 415,
    "FH-A133": 404,
    "FH-A134": 403,
    "FH-A113": 403,
    "FH-A114": 403,
    "FH-A115": 406,
    "FH-A116": 503,
    "FH-A121": 502,
    "FH-A122": 403,
    "FH-A123": 403,
    "FH-A124": 403,
    "FH-A125": 401,
    "FH-A145": 404,
    "FH-A146": 403,
    "FH-A151": 400,
    "FH-A152": 400,
    "FH-A153": 503,
    "FH-A154": 404,
    "FH-A156": 409,
    "FH-A167": 404,
    "FH-A168": 404,
    "FH-D201": 404,
    "FH-D214": 404,
    "FH-D202": 409,
    "FH-D215": 409,
    "FH-G001": 409,
    "FH-G002": 403,
    "FH-G010": 409,
    "FH-P008": 503,
    "FH-D227": 404,
    "FH-E372": 401,
    "FH-E377": 404,
    "FH-E350": 404,
    "FH-E351": 409,
    "FH-E356": 400,
    "FH-E313": 404,
    "FH-F004": 404,
    "FH-F005": 409,
    "FH-F101": 503,
    "FH-K002": 404,
    "FH-L001": 400,
    "FH-L405": 403,
    "FH-L102": 503,
    "FH-L201": 409,
    "FH-L104": 503,
    "FH-L113": 503,
    "FH-N107": 404,
    "FH-N108": 409,
    "FH-N501": 409,
    "FH-N506": 403,
    "FH-W101": 404,
    "FH-W102": 404,
    "FH-W103": 409,
    "FH-W104": 403,
    "FH-W105": 409,
    "FH-W507": 403,
    "FH-W508": 410,
    "FH-W401": 404,
    "FH-W411": 404,
    "FH-W321": 401,
    "FH-X301": 409,
    "FH-X323": 401,
    "FH-W310": 409,
    "FH-W311": 409,
    "FH-W313": 409,
    "FH-W314": 409,
    "FH-W316": 404,
    "FH-O101": 404,
    "FH-C009": 409,
    "FH-G003": 403,
    "FH-G004": 403,
    "FH-G005": 403,
    "FH-G006": 403,
    "FH-G011": 409,
    "FH-E101": 503,
    "FH-E114": 422,
    "FH-E301": 404,
    "FH-E302": 409,
    "FH-E331": 400,
    "FH-E332": 404,
    "FH-E333": 409,
    "FH-E334": 400,
    "FH-E335": 400,
    "FH-E336": 404,
    "FH-E337": 409,
    "FH-E400": 503,
    "FH-O116": 501,
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


def answered(request: Request, error: FreeholdError, more: Mapping[str, str] | None = None) -> Response:
    """Return the response that tells an error: to programs an object, to people a page, to htmx a part of one.

    `more` are headers that belong to it, beside the usual ones.
    """
    status, headers = status_of(error), _headers(request, error) | dict(more or {})
    if not wants_page(request):
        told = problem(error, request_id_of(request))
        return JSONResponse(told, status, headers, media_type="application/problem+json")
    from freehold.server.web.showing import shown_problem

    return shown_problem(request, error, status, headers)


def _headers(request: Request, error: FreeholdError) -> dict[str, str]:
    code = status_of(error)
    if code in (429, 503):
        return {"Retry-After": "5"}
    if code == 401 or error.code == "FH-A102":
        return {"WWW-Authenticate": challenge(request, error)}
    if code == 410:
        from freehold.server.leaving import successor_headers

        return successor_headers(error)
    return {}


def wants_page(request: Request) -> bool:
    """Whether a page is wanted: not from the API, not as JSON, and by something that shows HTML."""
    path = request.url.path
    if path.startswith(("/api/", "/openlineage/")) or path.endswith(".json"):
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


def not_found(request: Request) -> FreeholdError:
    """Return the refusal of a path that leads nowhere: with a search for people, and for programs what there is."""
    path = request.url.path
    sought = path.rstrip("/").rpartition("/")[2][:80]
    fix = f"Look for it at `/search?{urlencode({'q': sought})}`." if sought else "Go on from `/`."
    fix = fix if wants_page(request) else "See `/api/v1/openapi.json`."
    return FreeholdError("FH-A107", f"There is nothing at `{path}`.", fix=fix)


def not_taken(request: Request, error: HTTPException) -> tuple[FreeholdError, dict[str, str]]:
    """Return the refusal of a method, and the header that says which a path takes."""
    allowed = (error.headers or {}).get("Allow", "GET")
    methods = [m.strip() for m in allowed.split(",")]
    if "GET" in methods and "HEAD" not in methods and request.method != "HEAD":
        methods.append("HEAD")
    told = FreeholdError(
        "FH-A108", f"`{request.url.path}` does not take {request.method}.", fix=f"Try {' or '.join(sorted(methods))}."
    )
    return told, {"Allow": ", ".join(sorted(methods))}


def refused(request: Request, error: HTTPException) -> Response:
    """Return the response to what no route took, or could not be read."""
    if error.status_code == 405:
        return answered(request, *not_taken(request, error))
    if error.status_code == 404:
        return answered(request, not_found(request))
    return answered(request, FreeholdError("FH-A112", f"{error.detail}.".replace("..", "."), fix="Mend the request."))


def defect(request_id: str) -> FreeholdError:
    """Return what is said of a defect: not its particulars, which are in the log."""
    return FreeholdError(
        "FH-A110",
        "This is a defect of Freehold.",
        fix=f"Its particulars are in the server's log under request {request_id}.",
    )
