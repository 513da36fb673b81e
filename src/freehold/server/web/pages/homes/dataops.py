"""The home of who runs data: what burns, what was missed and what comes, which changes failed, what is weakest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median

from freehold.catalog import Key, Readers
from freehold.delivery.scheduling import board_of, standings_of
from freehold.delivery.scheduling.standing import Standing
from freehold.delivery.scheduling.worker import kept_states
from freehold.foundation.words import counted
from freehold.server.used import unused_of
from freehold.server.web.figures import card
from freehold.server.web.model import Empty, Heading, Kpi, Line, Mark, Tab, Tone, joined
from freehold.server.web.pages.alerts import burning as alerts_burning
from freehold.server.web.pages.homes.consumer import state_of
from freehold.server.web.pages.homes.digest import digested
from freehold.server.web.pages.homes.happened import changes_since
from freehold.server.web.pages.homes.spans import Span, span_of, span_tabs
from freehold.server.web.pages.postmortems import HEADINGS, PostmortemRow, owed_rows
from freehold.server.web.pages.product import fact_of
from freehold.server.web.pages.products import moment_of
from freehold.server.web.pages.usage import UNUSED
from freehold.server.web.showing import Asked, Shown

WINDOW = timedelta(days=30)
DORA = (
    "deployment-frequency", "lead-time-for-changes", "change-failure-rate", "time-to-restore", "pipeline-success",
    "freshness-attainment", "validation-pass-rate",
)  # fmt: skip
_AFTER = timedelta(days=2)  # a build that fails so soon after a change of its asset is shown beside the change
_MOST = 12
_INCIDENT = "incident"
_ALERT = "alert"
_BURNING = (
    Heading("Asset"),
    Heading("Is"),
    Heading("Why", "wide", sorts=False),
    Heading("Readers, 30 days", "num", narrow=False),
)
_SCHEDULES = (
    Heading("Schedule"),
    Heading("Last due", narrow=False),
    Heading("It went"),
    Heading("Missed", "num"),
    Heading("Next due", "num"),
    Heading("Done by, as usual", "num", narrow=False),
)
_CHANGES = (
    Heading("Change"),
    Heading("It"),
    Heading("When", "num"),
    Heading("Since then", "wide", sorts=False),
    Heading("", "num", sorts=False),
)
_WEAKEST = (
    Heading("Asset"), Heading("Tier", "num"), Heading("Wanting", "wide", sorts=False),
    Heading("Readers, 30 days", "num"),
)  # fmt: skip
_CALM = Empty(
    "Nothing burns",
    "Open incidents, alerts that page somebody, what is held, late or failed stand here, with why and who reads it.",
    "freehold status",
)
_NO_SCHEDULES = Empty(
    "Nothing runs by itself yet",
    "Give a product `freehold:schedule`, and what is due, missed and next stands here.",
    "freehold schedule",
)
_NO_CHANGES = Empty("Nothing was changed or taken back", "Deployments stand here, with what failed after each.")
_STRONG = Empty(
    "No asset of the first tier wants anything", "Those without owner, contract or passing checks stand here."
)
_NO_DIGEST = Empty(
    "No alert paged nobody in the last 7 days", "What is wrong and wakes nobody stands here, by product.",
    "freehold alerts digest",
)  # fmt: skip
_NO_MONITORS = Empty(
    "No monitor raised an alert in the last 7 days", "How often each was worth it stands here, and which were demoted.",
    "freehold alerts monitors",
)  # fmt: skip
_RAN = {
    "success": Mark("ok", "ran"),
    "skipped": Mark("ok", "nothing new"),
    "open": Mark("warn", "due, not run"),
    "missed": Mark("bad", "missed"),
    "held": Mark("warn", "held"),
}


@dataclass(frozen=True, slots=True)
class BurningRow:
    """An asset that consumers cannot use as they should."""

    asset: str
    href: str
    mark: Mark
    why: str
    readers: int


@dataclass(frozen=True, slots=True)
class ScheduleRow:
    """A schedule: how its last time went, how many were missed, when the next is due and usually done."""

    subject: str
    product: str
    last_due: datetime | None
    mark: Mark | None
    missed: int
    next_due: datetime | None
    done_by: datetime | None
    is_at_risk: bool


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """A change that was deployed, and what failed since: stated by somebody, or only seen after it."""

    id: str
    text: str
    at: datetime
    mark: Mark
    stated: tuple[str, ...]
    after: tuple[str, ...]
    may_go_back: bool


@dataclass(frozen=True, slots=True)
class WeakRow:
    """An asset that many lean on, and what it wants."""

    asset: str
    href: str
    tier: int
    wanting: tuple[str, ...]
    readers: int


@dataclass(frozen=True, slots=True)
class DataOpsHome:
    """What whoever runs data wants to know first."""

    spans: tuple[Tab, ...]
    since: str
    burning_headings: tuple[Heading, ...]
    burning: tuple[BurningRow, ...]
    schedule_headings: tuple[Heading, ...]
    schedules: tuple[ScheduleRow, ...]
    change_headings: tuple[Heading, ...]
    changes: tuple[ChangeRow, ...]
    weak_headings: tuple[Heading, ...]
    weak: tuple[WeakRow, ...]
    strip: tuple[Kpi, ...]
    digest: tuple[Line, ...]  # of a week, whatever the span is: what paged nobody is read when there is time
    monitors: tuple[Line, ...]
    unused: tuple[str, ...]  # outputs that nobody reads, and that are built all the same
    calm: Empty = _CALM
    no_schedules: Empty = _NO_SCHEDULES
    no_changes: Empty = _NO_CHANGES
    strong: Empty = _STRONG
    no_digest: Empty = _NO_DIGEST
    no_monitors: Empty = _NO_MONITORS
    news: tuple[Line, ...] = ()
    unused_mark: Mark = UNUSED
    owed_headings: tuple[Heading, ...] = ()
    owed: tuple[PostmortemRow, ...] = ()


def dataops_home(asked: Asked) -> Shown:
    """Show what burns, what was missed, what was changed and what failed after it, and what is weakest."""
    span, readers = span_of(asked), _readers(asked)
    burning = tuple(sorted(_burning(asked, readers), key=lambda r: (r.mark.tone != "bad", -r.readers)))
    schedules = tuple(_schedules(asked, span))
    figures = asked.served.reckoning.of(asked.snapshot).figures
    digest, monitors = digested(asked)
    model = DataOpsHome(
        spans=span_tabs("dataops", span),
        since=span.text,
        burning_headings=_BURNING,
        burning=burning[:_MOST],
        schedule_headings=_SCHEDULES,
        schedules=schedules,
        change_headings=_CHANGES,
        changes=tuple(_changes(asked, span)),
        weak_headings=_WEAKEST,
        weak=tuple(sorted(_weak(asked, readers), key=lambda r: (-r.readers, r.asset)))[:_MOST],
        strip=tuple(card(figures[id_]) for id_ in DORA if id_ in figures),
        digest=digest,
        monitors=monitors,
        unused=unused_of(asked),
        owed_headings=HEADINGS,
        owed=tuple(owed_rows(asked)[:_MOST]),
    )
    return Shown("pages/homes/dataops.html", "Home", model, _sentence(burning, schedules), nav="home")


def _sentence(burning: tuple[BurningRow, ...], schedules: tuple[ScheduleRow, ...]) -> str:
    missed = sum(row.missed for row in schedules)
    incidents, alerts = (sum(row.mark.word == word for row in burning) for word in (_INCIDENT, _ALERT))
    parts = ((incidents, "incidents"), (alerts, "alerts"), (len(burning) - incidents - alerts, "assets"))
    told = joined([counted(n, what) for n, what in parts if n])
    told = f"{told} to look at now" if told else "Nothing burns now"
    return f"{told}, {counted(missed, 'runs')} missed." if missed else f"{told}, no run missed."


def _readers(asked: Asked) -> Mapping[Key, Readers]:
    since = (asked.snapshot.taken_at - WINDOW).date()
    return asked.served.listing.of(asked.snapshot).readers(since)


def _people(readers: Mapping[Key, Readers], asset: str) -> int:
    return readers.get(Key("asset", asset), Readers(0)).people


def _burning(asked: Asked, readers: Mapping[Key, Readers]) -> Iterator[BurningRow]:
    open_ = {one.id: one for status in asked.snapshot.products for one in status.incidents}
    for incident in open_.values():
        assets = incident.assets or [a.asset for a in asked.snapshot.product(incident.product).assets]
        people = max((_people(readers, asset) for asset in assets), default=0)
        tone: Tone = "bad" if incident.stops else "warn"
        fact, of = fact_of(asked, incident), joined(incident.assets) or incident.product
        yield BurningRow(of, fact.href or f"/products/{incident.product}", Mark(tone, _INCIDENT), fact.text, people)
    alerted = alerts_burning(asked)
    for alert in alerted:
        href = f"/alerts#{alert.id}"
        yield BurningRow(alert.asset, href, Mark(alert.mark.tone, _ALERT), alert.text, _people(readers, alert.asset))
    for status in asked.snapshot.products:
        for asset in status.assets:
            mark, why = state_of(status, asset)
            is_told = any(alert.asset == asset.asset for alert in alerted)
            if mark.tone in ("bad", "warn") and status.safe != "watched" and not is_told:
                yield BurningRow(
                    asset.asset, f"/products/{status.product.id}", mark, why, _people(readers, asset.asset)
                )


def _schedules(asked: Asked, span: Span) -> Iterator[ScheduleRow]:
    """Yield how every schedule stands, as the last worker that looked left it; nothing is told or run here."""
    snapshot, ledger = asked.snapshot, asked.served.snapshots.ledger
    board = board_of(snapshot.estate, snapshot.graph)
    if not board:
        return
    states = kept_states(ledger, snapshot.env)
    since = snapshot.taken_at - span.start
    for one in standings_of(board, states, ledger, snapshot.env, snapshot.taken_at, since, least=1):
        last = one.past[-1] if one.past else None
        next_due = one.coming[0] if one.coming else None
        done_by = _usual(one, next_due)
        yield ScheduleRow(
            subject=one.scheduled.subject,
            product=one.scheduled.product,
            last_due=last.due_at if last else None,
            mark=_RAN.get(last.status, Mark("bad", last.status)) if last else None,
            missed=len(one.missed),
            next_due=next_due,
            done_by=done_by,
            is_at_risk=bool(last and (last.is_late or last.status == "missed")),
        )


def _usual(one: Standing, next_due: datetime | None) -> datetime | None:
    """Return when a run that is due next is done, if it takes as long as the usual one of the past."""
    took = [(t.ended_at - t.due_at).total_seconds() for t in one.past if t.ended_at is not None]
    return next_due + timedelta(seconds=median(took)) if took and next_due is not None else None


def _changes(asked: Asked, span: Span) -> Iterator[ChangeRow]:
    """Yield what was changed, with what was stated to have failed by it, and builds that failed soon after it."""
    stated = _stated(asked, span)
    changes = changes_since(asked, span.start, asked.snapshot.estate.products)
    found = [d for d in asked.snapshot.deployments if d in changes or (d.id in stated and d.at >= span.start)]
    if not found:
        return
    ledger, env = asked.served.snapshots.ledger, asked.snapshot.env
    failed = [
        e
        for e in ledger.read(types=("run.completed",), env=env, since=span.start)
        if e.data["status"] in ("failed", "quarantined")
    ]
    for one in found[:_MOST]:
        moment = moment_of(one)
        after = sorted(
            {
                str(e.data["asset"])
                for e in failed
                if e.data["asset"] in one.assets and one.at < e.occurred_at <= one.at + _AFTER
            }
        )
        told = stated.get(one.id, ())
        mark = Mark("warn", "look") if after else Mark("ok", "holds")
        if told or one.status == "failed":
            mark = Mark("bad", "failed")
        elif one.kind == "rollback":
            mark = Mark("idle", "went back")
        yield ChangeRow(one.id, moment.text, one.at, mark, told, tuple(after), bool(one.live) and one.kind == "change")


def _stated(asked: Asked, span: Span) -> dict[str, tuple[str, ...]]:
    """Return what was stated to have failed by which deployment: what the change failure rate counts, and no more."""
    found: dict[str, list[str]] = {}
    causes: dict[tuple[str, str], bool] = {}  # incident and deployment, and whether it still is said to be the cause
    types = ("deploy.rolled_back", "deploy.completed", "incident.cause_linked")
    for event in asked.served.snapshots.ledger.read(types=types, since=span.start):
        said = event.data
        if event.type == "deploy.rolled_back":
            found.setdefault(str(said["deploy_id"]), []).append("taken back")
        elif event.type == "deploy.completed" and said.get("hotfix_of") and said["status"] == "success":
            found.setdefault(str(said["hotfix_of"]), []).append("repaired by another change")
        elif event.type == "incident.cause_linked" and said.get("basis") == "explicit" and said.get("deploy_id"):
            causes[str(said["incident"]), str(said["deploy_id"])] = not said.get("ended")
    for (_, id_), holds in causes.items():
        if holds:
            found.setdefault(id_, []).append("caused an incident")
    return {id_: tuple(dict.fromkeys(told)) for id_, told in found.items()}


def _weak(asked: Asked, readers: Mapping[Key, Readers]) -> Iterator[WeakRow]:
    """Yield the assets of the first tier there is that want an owner, a contract, checks that hold, or a version."""
    first = min((p.product.tier for p in asked.snapshot.products), default=1)
    graph = asked.snapshot.graph.assets
    for status in asked.snapshot.products:
        if status.product.tier != first:
            continue
        for one in status.assets:
            failing = one.checks.get("fail", 0) + one.checks.get("error", 0)
            described = graph.get(one.asset)
            wanting = [] if status.product.team else ["an owner"]
            wanting += [] if described is None or described.contract is not None else ["a contract"]
            wanting += [f"{counted(failing, 'checks')} to pass"] if failing else []
            wanting += [] if one.published_at else ["a published version"]
            if wanting:
                told = (joined(wanting),)
                href = f"/products/{status.product.id}"
                yield WeakRow(one.asset, href, first, told, _people(readers, one.asset))
