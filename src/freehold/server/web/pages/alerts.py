"""Alerts: what pages somebody, what is in the digest, what they were, and which monitors were worth it.

Every action is a form; the keys only press its buttons.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from freehold.delivery.arrival import duration
from freehold.foundation import FreeholdError
from freehold.foundation.words import counted, percent
from freehold.reliability.alerts import Alert, Monitor, Silence, State
from freehold.server.alerts import Alerts
from freehold.server.web.model import Empty, Heading, Mark, Tab, Tone
from freehold.server.web.pages.entry import inside
from freehold.server.web.serving import page
from freehold.server.web.showing import Asked, Shown, asked_of

VIEWS = {"pages": "Pages somebody", "digest": "Digest", "closed": "Closed", "monitors": "Monitors"}
VERDICTS = (("fixed", "f"), ("expected", "e"), ("false", "x"), ("duplicate", "u"))
_MOST = 100  # the newest
_LONGEST = 2_000  # characters of a comment
_TONES: dict[str, Tone] = {"critical": "bad", "warning": "warn", "info": "idle"}
_EMPTY = {
    "pages": Empty("Nobody is paged", "What breaks a promise to consumers stands here, with who is paged and why.",
                   "freehold alerts list"),
    "digest": Empty("Nothing to read", "What is wrong and pages nobody stands here: read it when there is time.",
                    "freehold alerts digest"),
    "closed": Empty("No alert was closed yet", "Say of each alert what it was: monitors are judged by that."),
    "monitors": Empty("No monitor has raised an alert", "How often each was worth it stands here.",
                      "freehold alerts monitors"),
}  # fmt: skip
_MONITORS = (
    Heading("Monitor"), Heading("Asset", narrow=False), Heading("Alerts", "num"),
    Heading("Pages", "num", narrow=False), Heading("Worth it", "num"), Heading("Is"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class SilenceRow:
    """A silence that holds or will: `since` is when it begins, where it has not."""

    id: str
    of: str
    since: datetime | None
    until: datetime
    by: str
    comment: str
    may_end: bool


@dataclass(frozen=True, slots=True)
class AlertRow:
    """An alert: what is wrong, who is paged and why, what keeps it quiet, and what may be done with it."""

    id: str
    mark: Mark
    state: Mark
    asset: str
    product: str
    href: str
    text: str
    since: datetime
    right_since: datetime | None
    responder: str
    escalation: str
    runbook: str
    why: str
    incident: str
    evidence: str
    may_close: bool
    silences: tuple[SilenceRow, ...]
    intervals: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MonitorRow:
    """A monitor, and how often its last alerts were worth it."""

    name: str
    asset: str
    raised: int
    pages: int
    precision: str
    mark: Mark


@dataclass(frozen=True, slots=True)
class AlertsPage:
    """The alerts of one view; `more` is how many older ones are not shown."""

    views: tuple[Tab, ...]
    view: str
    alerts: tuple[AlertRow, ...]
    more: int
    silences: tuple[SilenceRow, ...]
    headings: tuple[Heading, ...]
    monitors: tuple[MonitorRow, ...]
    none_yet: Empty
    verdicts: tuple[tuple[str, str], ...] = VERDICTS


def routes() -> list[Route]:
    """Return the routes of alerts."""
    return [
        *page("/alerts", alerts_page, "alerts"),
        Route("/alerts/{id}", act, methods=["POST"]),
        Route("/silences/{id}/end", end, methods=["POST"]),
    ]


def alerts_page(asked: Asked) -> Shown:
    """Show the alerts of a view: `pages`, `digest`, `closed`, or its monitors.

    Raises:
        FreeholdError: FH-A112 there is no such view.
    """
    found, view = Alerts(asked), asked.one_of("view", VIEWS, "pages")
    every = found.all(closed=view == "closed")[::-1]
    chosen = [one for one in every if view == ("closed" if one.is_judged else "pages" if one.page else "digest")]
    monitors = found.monitors() if view == "monitors" else []
    model = AlertsPage(
        views=tuple(Tab(text, f"/alerts?view={name}", name == view) for name, text in VIEWS.items()),
        view=view,
        alerts=tuple(_row(found, one) for one in chosen[:_MOST]),
        more=max(0, len(chosen) - _MOST),
        silences=tuple(_silence(found, one) for one in found.silences()),
        headings=_MONITORS,
        monitors=tuple(_monitor(one) for one in monitors),
        none_yet=_EMPTY[view],
    )
    return Shown("pages/alerts.html", "Alerts", model, _sentence(found, every, view), nav="alerts")


def burning(asked: Asked) -> tuple[AlertRow, ...]:
    """Return what pages somebody and is wrong now, the newest first, as other pages show it."""
    found = Alerts(asked)
    return tuple(_row(found, one) for one in found.all()[::-1] if one.page and one.state is State.FIRING)


async def act(request: Request) -> Response:
    """Say what an alert was, or silence its like for a time.

    Raises:
        FreeholdError: as `Alerts` does; FH-A112 nothing is to be done.
    """
    form = await request.form()
    return await run_in_threadpool(_act, request, form)


async def end(request: Request) -> Response:
    """End a silence.

    Raises:
        FreeholdError: as `Alerts.end` does.
    """
    await run_in_threadpool(lambda: Alerts(asked_of(request)).end(request.path_params["id"]))
    return RedirectResponse("/alerts", 303)


def _act(request: Request, form: FormData) -> Response:
    asked = asked_of(request)
    found, id_ = Alerts(asked), request.path_params["id"]
    if "verdict" in form:
        found.close(id_, str(form["verdict"])[:40])
    elif "silence" in form:
        one = found.get(id_)
        now = asked.served.snapshots.clock.now()
        of = [f'product="{one.product}"', f'asset="{one.asset}"', f'monitor="{one.monitor}"']
        found.silence(of, now, now + _length(str(form["silence"])), str(form.get("comment", "")).strip()[:_LONGEST])
    else:
        fix = "Send `verdict`, or `silence` for how long."
        raise FreeholdError("FH-A112", "Nothing is to be done with the alert.", fix=fix)
    return RedirectResponse(inside(str(form.get("next", ""))) if form.get("next") else "/alerts", 303)


def _length(text: str) -> timedelta:
    try:
        return duration(text)
    except ValueError as error:
        raise FreeholdError("FH-A112", f"{error}.", fix="Send 30m, 2h or 1d.") from None


def _sentence(found: Alerts, every: list[Alert], view: str) -> str:
    if view in ("closed", "monitors"):
        return ""
    firing = [one for one in every if one.state is State.FIRING]
    paging, over = [one for one in firing if one.page], len(every) - len(firing)
    quiet = sum(bool(found.quiet(one).word) for one in paging)
    but = f" ({quiet:,} silenced or muted)" if quiet else ""
    told = f"{counted(len(paging), 'alerts')} paging somebody{but}, {len(firing) - len(paging):,} in the digest"
    return f"{told}; {over:,} over, of which nobody has said what they were." if over else f"{told}."


def _row(found: Alerts, one: Alert) -> AlertRow:
    quiet = found.quiet(one)
    state = Mark("ok", one.verdict or "over") if one.state is not State.FIRING else Mark(_TONES[one.severity], "firing")
    return AlertRow(
        id=one.id,
        mark=Mark(_TONES[one.severity], one.severity) if one.state is State.FIRING else state,
        state=state,
        asset=one.asset,
        product=one.product,
        href=f"/products/{one.product}" if one.product else "",
        text=one.reason,
        since=one.since,
        right_since=one.right_since,
        responder=_person(one.responder),
        escalation=_person(one.escalation),
        runbook=one.runbook or "",
        why=one.why,
        incident=one.incident,
        evidence=one.evidence,
        may_close=found.may_close(one),
        silences=tuple(_silence(found, one) for one in quiet.silences),
        intervals=quiet.intervals,
    )


def _silence(found: Alerts, one: Silence) -> SilenceRow:
    return SilenceRow(
        one.id,
        of=", ".join(map(str, one.matchers)),
        since=None if found.has_begun(one) else one.starts_at,
        until=one.ends_at,
        by=_person(one.by),
        comment=one.comment,
        may_end=found.may_end(one),
    )


def _monitor(one: Monitor) -> MonitorRow:
    told = "not judged yet" if one.precision is None else f"{percent(one.precision)} of {len(one.judged)}"
    mark = Mark("warn", "demoted") if one.is_demoted else Mark("ok", "pages")
    return MonitorRow(str(one.name), one.name.asset, one.raised, one.pages, told, mark)


def _person(principal: str | None) -> str:
    return (principal or "").rpartition("/")[2].removeprefix("team:")
