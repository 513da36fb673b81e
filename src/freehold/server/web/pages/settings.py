"""What a person sees and changes of their own: tokens for their programs, sessions of their browsers."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from freehold.access import Action
from freehold.foundation import FreeholdError
from freehold.foundation.words import counted
from freehold.ledger import Token
from freehold.server.identity import MAY_BE_GIVEN
from freehold.server.problems import answered, not_found
from freehold.server.web.model import Empty, Fact, Fault, Heading, Mark, joined
from freehold.server.web.showing import Asked, Shown, asked_of, rendered
from freehold.work import Raci

_TOKENS = (
    Heading("Name", sorts=False),
    Heading("Begins with", sorts=False),
    Heading("State", sorts=False),
    Heading("May", sorts=False),
    Heading("Expires", "num", sorts=False),
    Heading("Last used", "num", sorts=False),
    Heading("", "num", sorts=False),
)
_SESSIONS = (
    Heading("Browser", sorts=False),
    Heading("Signed in", "num", sorts=False),
    Heading("Last seen", "num", sorts=False),
    Heading("", "num", sorts=False),
)
_DOING: Mapping[Action, str] = {
    "see_rows": "see rows of", "run": "run", "apply": "apply", "approve": "approve", "roll_back": "roll back",
}  # fmt: skip
_SAID = {
    "before": "That form was sent before, and its token shown then. If it was not copied, revoke it and make another."
}
_LONGEST_ONCE = 80  # characters of what marks a form
_MOST_NAMED = 6  # products in a sentence
_NO_TOKENS = Empty("No token yet", "A token lets a program read as you, for what you choose and as long as you choose.")


@dataclass(frozen=True, slots=True)
class TokenRow:
    """A token in a list; never its secret."""

    id: str
    kind: str
    name: str
    scopes: tuple[str, ...]
    state: Mark
    is_of_use: bool
    created_at: datetime
    expires_at: datetime
    used_at: datetime | None
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True)
class TokensPage:
    """Somebody's own tokens."""

    headings: tuple[Heading, ...]
    tokens: tuple[TokenRow, ...]
    scopes: dict[str, str]
    said: str = ""
    none_yet: Empty = _NO_TOKENS


@dataclass(frozen=True, slots=True)
class Made:
    """A token that was just made: shown this once."""

    text: str
    mark: Mark


@dataclass(frozen=True, slots=True)
class SessionRow:
    """A browser that is signed in."""

    handle: str
    client: str
    created_at: datetime
    seen_at: datetime
    is_this: bool


@dataclass(frozen=True, slots=True)
class SessionsPage:
    """Who one is here, and the browsers one is signed in at."""

    headings: tuple[Heading, ...]
    facts: tuple[Fact, ...]
    sessions: tuple[SessionRow, ...]


def tokens(asked: Asked) -> Shown:
    """Show one's tokens."""
    return _tokens(asked)


async def make_token(request: Request) -> Response:
    """Make a token from a form, and show it once."""
    form = await request.form()
    return await run_in_threadpool(_make, request, form)


def revoke_token(request: Request) -> Response:
    """Make a token of no use."""
    asked = asked_of(request)
    asked.served.mint.revoke(asked.who, request.path_params["id"])
    return RedirectResponse("/settings/tokens", 303)


def sessions(asked: Asked) -> Shown:
    """Show one's sessions."""
    rows = tuple(
        SessionRow(s.handle, browser(s.client), s.created_at, s.seen_at, s.handle == asked.who.credential)
        for s in asked.served.doorkeeper.of(asked.who)
    )
    model = SessionsPage(_SESSIONS, tuple(_facts(asked)), rows)
    told = (
        f"{counted(len(rows), 'browsers')} signed in as you. A session ends after eight idle hours, and after a week."
    )
    return Shown("pages/sessions.html", "Sessions", model, told, nav="sessions")


def revoke_session(request: Request) -> Response:
    """End one of one's own sessions."""
    asked = asked_of(request)
    handle = request.path_params["handle"]
    if not asked.served.doorkeeper.close(asked.who, handle, "revoked"):
        return answered(request, not_found(request))
    return RedirectResponse("/sign-in" if handle == asked.who.credential else "/settings/sessions", 303)


def _make(request: Request, form: FormData) -> Response:
    asked = asked_of(request)
    name, days = str(form.get("name", "")), str(form.get("days", ""))
    scopes, once = [str(scope) for scope in form.getlist("scopes")], str(form.get("once", ""))[:_LONGEST_ONCE]
    if once and asked.served.mint.was_made(asked.who, once):
        return RedirectResponse("/settings/tokens?said=before", 303)
    try:
        lasts = timedelta(days=int(days) if days.isdigit() and len(days) < 6 else 0)
        text, _ = asked.served.mint.make(asked.who, name, scopes, lasts, once=once)
    except FreeholdError as error:
        return rendered(
            asked, _tokens(asked, fault=Fault(error.code, error.problem, error.fix), typed=name, status=400)
        )
    return rendered(asked, _tokens(asked, made=Made(text, Mark("ok", "made"))))


def _tokens(
    asked: Asked, made: Made | None = None, fault: Fault | None = None, typed: str = "", status: int = 200
) -> Shown:
    now = asked.served.snapshots.clock.now()
    rows = tuple(_row(token, now) for token in asked.served.mint.of(asked.who))
    model = TokensPage(_TOKENS, rows, MAY_BE_GIVEN, _SAID.get(asked.word("said"), ""))
    told = "What your programs sign in with: Authorization: Bearer, and the token."
    extra = {"made": made, "fault": fault, "typed_name": typed, "once": secrets.token_urlsafe(16)}
    return Shown("pages/tokens.html", "Tokens", model, told, nav="tokens", status=status, extra=extra)


def _row(token: Token, now: datetime) -> TokenRow:
    if token.revoked_at is not None:
        state = Mark("idle", "revoked")
    else:
        state = Mark("warn", "expired") if token.expires_at <= now else Mark("ok", "of use")
    words = (token.id, token.kind, token.name, token.scopes)
    return TokenRow(
        *words, state, state.tone == "ok", token.created_at, token.expires_at, token.used_at, token.revoked_at
    )


def _facts(asked: Asked) -> list[Fact]:
    who, estate = asked.who, asked.snapshot.estate
    held = {who.principal, *who.groups}
    teams = [team.name or team.id for team in estate.teams.values() if held.intersection(team.members)]
    raci = Raci.of(estate)
    roles = {p: raci.roles_of(held, p) for p in estate.products}
    told = [f"{', '.join(r)} of {p}" for p, r in sorted(roles.items()) if r]
    may = [f"{joined(actions)} {_some(products)}" for actions, products in _grouped(asked) if actions]
    if asked.served.rights.may(who, "administer"):
        may = ["everything"]
    return [
        Fact("Principal", who.principal, is_code=True),
        Fact("Known by", {"local": "the link in the terminal", "oidc": "the identity provider"}.get(who.assurance, "")),
        Fact("Groups", ", ".join(who.groups) or "none"),
        Fact("Teams", ", ".join(teams) or "none"),
        Fact("Roles", "; ".join(told) or "none"),
        Fact("May", "; ".join(may) or "look, and ask"),
    ]


def _some(products: list[str]) -> str:
    more = len(products) - _MOST_NAMED
    return joined([*products[:_MOST_NAMED], f"{more} more"] if more > 0 else products)


def _grouped(asked: Asked) -> Iterator[tuple[tuple[str, ...], list[str]]]:
    """Yield what somebody may do beside looking and asking, with the products they may do it to."""
    found: dict[tuple[str, ...], list[str]] = {}
    for product in sorted(asked.snapshot.estate.products):
        verdicts = {action: asked.served.rights.may(asked.who, action, product) for action in _DOING}
        found.setdefault(tuple(word for action, word in _DOING.items() if verdicts[action]), []).append(product)
    yield from found.items()


def browser(client: str) -> str:
    """Return what a browser calls itself in a few words: `Firefox on Linux`."""
    names = (("Edg/", "Edge"), ("OPR/", "Opera"), ("Chrome/", "Chrome"), ("Firefox/", "Firefox"), ("Safari/", "Safari"))
    systems = (("Android", "Android"), ("iPhone", "iOS"), ("iPad", "iOS"), ("Windows", "Windows"), ("Mac OS", "macOS"))
    name = next((name for mark, name in names if mark in client), "")
    system = next((name for mark, name in (*systems, ("Linux", "Linux")) if mark in client), "")
    return " on ".join(filter(None, (name, system))) or client[:40] or "unknown"
