"""Incidents: those there are, and the room of one: how bad, whom it reaches, what may have done it, what was done."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from freehold.foundation import FreeholdError
from freehold.foundation.words import ago, counted
from freehold.reliability.incidents import Incident, blame
from freehold.reliability.incidents import Moment as Happened
from freehold.server.incidents import Incidents
from freehold.server.items import Items
from freehold.server.web.model import Crumb, Empty, Fact, Heading, Mark, Moment, Tab, Tone
from freehold.server.web.pages.acting import begun
from freehold.server.web.pages.items import WayRow, ways_of
from freehold.server.web.pages.postmortems import Lessons, lessons_of
from freehold.server.web.serving import page
from freehold.server.web.showing import Asked, Shown, asked_of

_NONE = Empty(
    "No incident is open",
    "Alerts that page open one for each connected trouble; anybody may say what is wrong, too.",
    "freehold items new incident -f what='Revenue looks wrong' -f kind=data -f sev=3",
)
_HEADINGS = (
    Heading("Incident"),
    Heading("Severity", "num"),
    Heading("State"),
    Heading("Assets", "num", narrow=False),
    Heading("First suspect", "wide", narrow=False),
    Heading("Detected", "text"),
)
_SUSPECTS = (
    Heading("What happened"),
    Heading("When", narrow=False),
    *(Heading(name, "num", narrow=False) for name in ("Path", "Prior", "Recent", "Onset", "Columns")),
    Heading("Score", "num"),
)
_FACTORS = ("grounded", "prior", "recency", "onset", "overlap")
_SHARES: tuple[tuple[str, str, Tone], ...] = (
    ("wrong", "Published wrong", "bad"),
    ("silent", "Wrong, and no alert says so", "warn"),
    ("protected", "Kept as it was before", "ok"),
)
_TONES: dict[str, Tone] = {"open": "bad", "acknowledged": "warn", "mitigated": "warn", "resolved": "ok"}
_TOLD_AS: dict[str, Tone] = {"alert": "bad", "began": "bad", "passed": "ok", "resolved": "ok"}
_MOST = 40  # names of one kind that are shown


@dataclass(frozen=True, slots=True)
class IncidentRow:
    """An incident in a list."""

    id: str
    href: str
    title: str
    sev: int | None
    state: Mark
    assets: int
    suspect: str
    at: datetime


@dataclass(frozen=True, slots=True)
class IncidentsPage:
    """Incidents, the newest first."""

    kinds: tuple[Tab, ...]
    headings: tuple[Heading, ...]
    incidents: tuple[IncidentRow, ...]
    none_yet: Empty = _NONE


@dataclass(frozen=True, slots=True)
class SuspectRow:
    """Something that may have done it: where it is, its factors as shares, whether somebody said that it did."""

    event: str
    said: str
    asset: str
    at: datetime
    factors: tuple[str, ...]
    score: str
    is_cause: bool


@dataclass(frozen=True, slots=True)
class ShareRow:
    """Assets that are reached in one way, and how many more there are than are named; who reads them."""

    mark: Mark
    assets: tuple[str, ...]
    more: int
    consumers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class IncidentPage:
    """The room of an incident."""

    id: str
    href: str
    state: Mark
    facts: tuple[Fact, ...]
    factors: tuple[tuple[str, str, int], ...]
    shares: tuple[ShareRow, ...]
    headings: tuple[Heading, ...]
    suspects: tuple[SuspectRow, ...]
    timeline: tuple[Moment, ...]
    ways: tuple[WayRow, ...]
    item_href: str
    drafts: tuple[Crumb, ...]
    may_blame: bool
    lessons: Lessons
    rolls_back: str  # the product that may be taken back in one step; empty where none may


def routes() -> list[Route]:
    """Return the routes of incidents."""
    return [
        *page("/incidents", shown_incidents, "incidents"),
        *page("/incidents/{id}", shown_incident, "incident"),
        Route("/incidents/{id}", _act, methods=["POST"], name="incident.act"),
    ]


def shown_incidents(asked: Asked) -> Shown:
    """Show the incidents that are open, or all there were.

    Raises:
        FreeholdError: FH-A112 there is no such kind.
    """
    kind, there = asked.one_of("kind", ("open", "all"), "open"), Incidents(asked)
    found = there.all(closed=kind == "all")
    model = IncidentsPage(
        kinds=(*(Tab(text, f"/incidents?kind={word}", word == kind)
                 for word, text in (("open", "Open"), ("all", "All"))), Tab("Postmortems", "/postmortems", False)),
        headings=_HEADINGS,
        incidents=tuple(_row(there, one) for one in reversed(found)),
    )  # fmt: skip
    told = f"{counted(len(found), 'incidents')}, the newest first." if found else ""
    return Shown("pages/incidents.html", "Incidents", model, told, nav="incidents")


def _row(there: Incidents, one: Incident) -> IncidentRow:
    suspect = str(one.suspects[0]["said"]) if one.suspects else ""
    return IncidentRow(one.id, href_of(one), there.title(one), one.sev, mark_of(one), len(one.assets), suspect,
                       one.detected_at)  # fmt: skip


def href_of(one: Incident) -> str:
    """Return where an incident is shown."""
    return f"/incidents/{one.id.rpartition('/')[2]}"


def mark_of(one: Incident) -> Mark:
    """Return where an incident stands."""
    return Mark(_TONES.get(one.state, "idle"), one.state)


def shown_incident(asked: Asked) -> Shown:
    """Show one incident.

    Raises:
        FreeholdError: FH-E350 there is none, or the asker may not see it.
    """
    there = Incidents(asked)
    one = there.get(_id(asked))
    items = Items(asked)
    item = next((each for each in items.all("incident") if each.id == one.id), None)
    may = bool(one.product) and one.is_open and bool(asked.served.rights.may(asked.who, "roll_back", one.product))
    model = IncidentPage(
        id=one.id,
        href=href_of(one),
        state=mark_of(one),
        facts=tuple(_facts(one)),
        factors=tuple((f["factor"], f["said"], f["points"]) for f in one.factors),
        shares=tuple(_shares(one)),
        headings=_SUSPECTS,
        suspects=tuple(_suspect(one, each) for each in one.suspects),
        timeline=tuple(_moment(each) for each in there.moments(one)),
        ways=ways_of(items, item) if item is not None else (),
        item_href=f"/items/{one.id}" if item is not None else "",
        drafts=tuple(
            Crumb(f"Draft for {word}", f"/documents/incident-update?item={one.id}&reader={word}")
            for word in ("engineers", "executives", "customers")
        ),
        may_blame=item is not None and _is_mine(items, one),
        lessons=lessons_of(asked, one),
        rolls_back=one.product if may else "",
    )
    told = f"{one.state.capitalize()}, of severity {one.sev}." if one.sev else f"{one.state.capitalize()}."
    crumbs = (Crumb("Incidents", "/incidents"),)
    return Shown("pages/incident.html", there.title(one), model, told, crumbs, nav="incidents")


def _id(asked: Asked) -> str:
    return str(asked.request.path_params["id"])


def _is_mine(items: Items, one: Incident) -> bool:
    """Whether the asker holds a role for any move of an incident."""
    try:
        items.work.expect_mine(items.get(one.id))
    except FreeholdError:
        return False
    return True


def _facts(one: Incident) -> Iterator[Fact]:
    if one.root:
        yield Fact("Root", one.root, href=f"/lineage?of=asset:{one.root}")
    if one.product:
        yield Fact("Product", one.product, href=f"/products/{one.product}")
    if one.occurred_at:
        yield Fact("Began", at=one.occurred_at)
    yield Fact("Detected", at=one.detected_at)
    for name, took in one.clocks.items():
        if took is not None:
            yield Fact(f"Time to {name}", ago(took) if took >= timedelta(seconds=1) else "at once")
    for each in one.mitigations:
        yield Fact(each.kind.capitalize(), f"{each.target}, by {each.actor}" if each.actor else each.target)
    if one.shown_by:
        yield Fact("Verified by", one.shown_by)


def _shares(one: Incident) -> Iterator[ShareRow]:
    consumers = one.reach.get("consumers") or ()
    for share, words, tone in _SHARES:
        names = [str(name) for name in one.reach.get(share) or ()]
        if names:
            read = tuple(f"{each['name']} ({each['kind']})" for each in consumers if each["share"] == share)
            yield ShareRow(Mark(tone, words), tuple(names[:_MOST]), max(len(names) - _MOST, 0), read[:_MOST])


def _suspect(one: Incident, said: Mapping[str, Any]) -> SuspectRow:
    factors = said["factors"]
    return SuspectRow(
        event=str(said["event"]),
        said=str(said["said"]),
        asset=str(said["asset"]),
        at=datetime.fromisoformat(str(said["at"])),
        factors=tuple(f"{factors[name]:.2f}" for name in _FACTORS),
        score=f"{factors['score']:.3f}",
        is_cause=said["event"] in one.causes,
    )


def _moment(each: Happened) -> Moment:
    tone = _TOLD_AS.get(each.kind, "idle")
    told = " · ".join(word for word in (each.kind, each.actor) if word)
    return Moment(each.at, each.said, told, tone)


async def _act(request: Request) -> Response:
    """Say which suspect did it, or take the product back.

    Raises:
        FreeholdError: FH-E350, FH-E356, FH-W104 the asker holds no role for it; FH-A112 there is nothing of that name.
    """
    form = await request.form()
    return await run_in_threadpool(_done, request, form)


def _done(request: Request, form: FormData) -> Response:
    asked = asked_of(request)
    one = Incidents(asked).get(_id(asked))
    if "rollback" in form:
        asked.served.rights.expect(asked.who, "roll_back", one.product)
        given = {"id": one.id, "rollback": True, "env": asked.snapshot.env}
        return begun(asked, "incidents mitigate", given)
    event = next((str(form[name]) for name in ("confirm", "clear") if name in form), "")
    if not event:
        raise FreeholdError("FH-A112", "Nothing is to be done with it.", fix="Choose one of: rollback, confirm, clear.")
    items = Items(asked)
    items.work.expect_mine(items.get(one.id))
    blame(items.work.ledger, one, event, is_taken_back="clear" in form)
    return RedirectResponse(href_of(one), 303)
