"""The way in for CI jobs: `POST /oauth/token` (RFC 8693), told in the forms of OAuth (RFC 6749, RFC 8414)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from freehold.ledger import Event
from freehold.server.entry.exchange import Asked, Refused
from freehold.server.identity import MAY_BE_GIVEN
from freehold.server.problems import request_id_of

if TYPE_CHECKING:
    from freehold.server.application import Served

PLACE = "/oauth/token"
WELL_KNOWN = "/.well-known/oauth-authorization-server"
EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"
_IDENTITIES = ("urn:ietf:params:oauth:token-type:id_token", "urn:ietf:params:oauth:token-type:jwt")
_FORM = "application/x-www-form-urlencoded"
_LARGEST = 40_000  # bytes of a form
_MOST_FIELDS = 50
_SEVERAL = ("resource", "audience")  # what RFC 8693 lets a form hold more than once

Form = Mapping[str, Sequence[str]]


def routes() -> list[Route]:
    """Return the routes: the exchange, and what clients learn of it."""
    return [Route(PLACE, _token, methods=["POST"]), Route(WELL_KNOWN, _metadata)]


def _metadata(request: Request) -> Response:
    """Tell where and how a token is got (RFC 8414)."""
    address = request.app.state.served.settings.address
    told = {
        "issuer": address,
        "token_endpoint": f"{address}{PLACE}",
        "token_endpoint_auth_methods_supported": ["none"],
        "grant_types_supported": [EXCHANGE],
        "response_types_supported": [],
        "scopes_supported": list(MAY_BE_GIVEN),
    }
    return JSONResponse(told, headers={"Access-Control-Allow-Origin": "*"})


async def _token(request: Request) -> Response:
    """Exchange an identity for a token."""
    body = await request.body()
    return await run_in_threadpool(_answer, request, body)


def _answer(request: Request, body: bytes) -> Response:
    served: Served = request.app.state.served
    try:
        asked = _asked(_read(request, body), served.settings.address)
        text, token = served.exchange.given(asked)
    except Refused as refused:
        _note(served, request, refused)
        return _told({"error": refused.word, "error_description": _plain(str(refused))}, 400)
    return _told(
        {
            "access_token": text,
            "issued_token_type": ACCESS_TOKEN,
            "token_type": "Bearer",
            "expires_in": int((token.expires_at - token.created_at).total_seconds()),
            "scope": " ".join(token.scopes),
        },
        200,
    )


def _read(request: Request, body: bytes) -> Form:
    """Return the fields of a form and their values; one without a value is as one that is not there."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _FORM:
        raise _invalid(f"The request has to be a form: {_FORM}.")
    if len(body) > _LARGEST:
        raise _invalid(f"The form has more than {_LARGEST:,} bytes.")
    try:
        fields = parse_qsl(body.decode("ascii"), errors="strict", max_num_fields=_MOST_FIELDS)
    except ValueError:
        raise _invalid(f"The form cannot be read; it is ASCII, of {_MOST_FIELDS} fields at most.") from None
    form: dict[str, list[str]] = {}
    for name, value in fields:
        form.setdefault(name, []).append(value)
    return form


def _asked(form: Form, address: str) -> Asked:
    """Return what a form asks for.

    Raises:
        Refused: it is another grant, lacks something, says something twice, or wants a token for elsewhere.
    """
    for name, values in form.items():
        if len(values) > 1 and name not in _SEVERAL:
            raise _invalid(f"The form says {name[:40]} twice.")
    said = {name: values[0] for name, values in form.items()}
    if "grant_type" not in said:
        raise _invalid("The form lacks grant_type.")
    if said["grant_type"] != EXCHANGE:
        raise Refused("unsupported_grant_type", f"The one grant_type is {EXCHANGE}.")
    for name, known in (("subject_token_type", _IDENTITIES), ("requested_token_type", (ACCESS_TOKEN,))):
        if said.get(name, ACCESS_TOKEN) not in known:
            raise _invalid(f"{name} has to be {' or '.join(known)}.")
    if "actor_token" in said or "actor_token_type" in said:
        raise _invalid("A job acts as itself: no actor_token is taken.")
    if "subject_token" not in said:
        raise _invalid("The form lacks subject_token.")
    for place in (*form.get("resource", ()), *form.get("audience", ())):
        if place.removesuffix("/") != address:
            raise Refused("invalid_target", f"Tokens are given for {address} alone.")
    return Asked(said["subject_token"], said.get("client_id", ""), tuple(said.get("scope", "").split()))


def _note(served: Served, request: Request, refused: Refused) -> None:
    """Tell the log why an identity was refused, and the ledger where an issuer had signed it."""
    if refused.why is None:
        return
    told = {"issuer": refused.issuer, "account": refused.account or None, "claim": refused.claim or None}
    served.telemetry.refused(request_id_of(request), refused.why, told)
    if refused.is_signed:
        served.snapshots.ledger.append(Event("token.refused", {"why": refused.why, **told}))


def _invalid(told: str) -> Refused:
    return Refused("invalid_request", told)


def _plain(told: str) -> str:
    """Return a sentence in the letters that an error of OAuth may have (RFC 6749, 5.2)."""
    return "".join(c if " " <= c <= "~" and c not in '"\\' else "?" for c in told)[:500]


def _told(answer: Mapping[str, object], status: int) -> Response:
    return JSONResponse(answer, status, headers={"Cache-Control": "no-store", "Pragma": "no-cache"})
