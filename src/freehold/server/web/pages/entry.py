"""Signing in and out."""

from __future__ import annotations

import getpass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from freehold.foundation import Caller, FreeholdError
from freehold.ledger import Event
from freehold.server.entry.oidc import PENDING
from freehold.server.identity import Who
from freehold.server.problems import answered, not_found, status_of
from freehold.server.web.model import Fault
from freehold.server.web.showing import alone

if TYPE_CHECKING:
    from freehold.server.application import Served


def sign_in(request: Request) -> Response:
    """Show how to sign in."""
    return _page(request)


def by_link(request: Request) -> Response:
    """Sign in by the one-time link of the terminal, and forget whatever session there was."""
    served = request.app.state.served
    _expect_opened(request)
    if served.oidc is not None or not served.links.take(request.path_params["secret"]):
        return _refused(request)
    caller = Caller.at_the_shell()
    name = caller.principal.rpartition("/")[2] or getpass.getuser()
    who = Who(caller.principal, name, (), "local", "session", "")
    return admitted(request, who, "/")


def _expect_opened(request: Request) -> None:
    """Make sure that somebody opens a link who means it: what only looks whether it is there does not spend it.

    Raises:
        HTTPException: 405 to HEAD.
        FreeholdError: FH-A103 it is fetched ahead of its being opened.
    """
    if request.method == "HEAD":
        raise HTTPException(405, headers={"Allow": "GET"})
    purpose = request.headers.get("sec-purpose", "") or request.headers.get("purpose", "")
    if purpose.startswith("prefetch"):
        raise FreeholdError("FH-A103", "This link lets one browser in when it is opened, not ahead of that.",
                            fix="Open it.")  # fmt: skip


def admitted(request: Request, who: Who, wanted: str) -> Response:
    """Open a session for somebody and send them to where they wanted, if that is here."""
    served = request.app.state.served
    before = request.cookies.get(served.settings.cookie)
    secret = served.doorkeeper.open(who, request.headers.get("user-agent", ""), replaced=before)
    response = RedirectResponse(inside(wanted), 303)
    served.doorkeeper.give(response, secret)
    return response


def at_provider(request: Request) -> Response:
    """Send somebody to the identity provider."""
    served = request.app.state.served
    if served.oidc is None:
        return answered(request, not_found(request))
    begun = served.oidc.begin(inside(request.query_params.get("next", "/")))
    response = RedirectResponse(begun.address, 303)
    response.set_cookie(
        _begun(served), begun.secret, max_age=int(PENDING.total_seconds()), path="/",
        secure=served.settings.is_secure, httponly=True, samesite="lax",
    )  # fmt: skip
    return response


def from_provider(request: Request) -> Response:
    """Know somebody whom the identity provider has sent back."""
    served = request.app.state.served
    if served.oidc is None:
        return answered(request, not_found(request))
    try:
        who, wanted = served.oidc.end(request.query_params, request.cookies.get(_begun(served), ""))
    except FreeholdError as error:
        served.snapshots.ledger.append(Event("session.refused", {"method": "oidc", "why": error.code}))
        response = _page(request, Fault(error.code, error.problem, error.fix), status_of(error))
    else:
        response = admitted(request, who, wanted)
    response.delete_cookie(_begun(served), path="/", secure=served.settings.is_secure, httponly=True, samesite="lax")
    return response


def _begun(served: Served) -> str:
    """Return the name of the cookie of a sign-in under way."""
    return f"{served.settings.cookie}-begun"


def sign_out(request: Request) -> Response:
    """End this session."""
    served, who = request.app.state.served, request.state.who
    served.doorkeeper.close(who, who.credential, "signed_out")
    response = RedirectResponse("/sign-in", 303)
    served.doorkeeper.take_back(response)
    response.headers["Clear-Site-Data"] = '"cache"'
    return response


def inside(wanted: str) -> str:
    """Return a path of this server; `/` for anything that leads elsewhere."""
    parts = urlsplit(wanted)
    is_path = wanted.startswith("/") and not wanted.startswith(("//", "/\\")) and "\\" not in wanted
    plain = wanted.isprintable() and not parts.scheme and not parts.netloc
    return wanted if is_path and plain and not wanted.startswith("/sign-in") else "/"


def _refused(request: Request) -> Response:
    request.app.state.served.snapshots.ledger.append(
        Event("session.refused", {"method": "link", "why": "used or unknown"})
    )
    error = FreeholdError(
        "FH-A103",
        "This link has been used, or was never given out.",
        fix="Take the newest one from the terminal of `freehold serve`: each lets one browser in.",
    )
    return _page(request, Fault(error.code, error.problem, error.fix), 403)


def _page(request: Request, fault: Fault | None = None, status: int = 200) -> Response:
    served = request.app.state.served
    values = {
        "provider": served.oidc.provider.name if served.oidc else "",
        "estate": served.snapshots.estate_name,
        "next": inside(request.query_params.get("next", "/")),
        "fault": fault,
    }
    return alone(request, "pages/sign_in.html", "Sign in", status, **values)
