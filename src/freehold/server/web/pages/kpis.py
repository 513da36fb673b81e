"""KPIs: what each is now and over time, against its targets, and the events that made it."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import quote
from zoneinfo import ZoneInfo

from freehold.foundation import FreeholdError
from freehold.foundation.words import percent
from freehold.insight import KpiItem, KpiValue, Period, compute, items, kpi_named, sliced
from freehold.insight.telling import drawn_in, judged, made_of, said
from freehold.metrics.explaining import formula_of
from freehold.server.items import Items
from freehold.server.reckoning import Figure, Reckoned
from freehold.server.scored import RULE_EVALUATED, rules_recorded_at
from freehold.server.web.drawing import Value, line_chart
from freehold.server.web.figures import (
    bound_of,
    card,
    change_of,
    how_to,
    mark_of,
    named_period,
    sparkline,
    standing,
    targets_of,
    worst_first,
)
from freehold.server.web.model import Chart, Crumb, Empty, Fact, Heading, Kpi, Mark, Snippet, Spark, Tab, joined
from freehold.server.web.pages.run import claims_of
from freehold.server.web.showing import Asked, Shown

if TYPE_CHECKING:
    from freehold.insight import Kpi as KpiFile
    from freehold.ledger import Recorded

FIRST: Mapping[str, tuple[str, ...]] = {  # what each role looks at first, the most telling first
    "leader": (
        "freshness-attainment", "time-to-restore", "validation-pass-rate", "change-failure-rate", "adoption",
        "delivery-predictability", "domain-coverage", "incident-rate", "analytics-trust", "warehouse-cost-efficiency",
        "time-to-insight", "deployment-frequency", "test-coverage",
    ),
    "product": (
        "adoption", "time-to-insight", "request-cycle-time", "validation-pass-rate", "freshness-attainment",
        "delivery-predictability", "metric-disputes", "domain-coverage", "catalog-completeness", "cost-per-consumer",
        "time-to-restore", "change-failure-rate", "feature-retention",
    ),
    "dataops": (
        "pipeline-success", "freshness-attainment", "validation-pass-rate", "time-to-restore", "change-failure-rate",
        "time-to-detect", "lead-time-for-changes", "deployment-frequency", "test-coverage", "alert-precision",
        "reliability-debt", "cost-per-run", "key-query-p95",
    ),
    "consumer": (
        "freshness-attainment", "validation-pass-rate", "time-to-restore", "adoption", "request-cycle-time",
        "time-to-insight", "pipeline-success", "change-failure-rate", "key-query-p95", "deprecation-progress",
    ),
}  # fmt: skip
SHOWN = 8
AUDIENCES = {"leader": "Leader", "product": "Product manager", "dataops": "DataOps", "consumer": "Consumer"}
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_KINDS = {"deploy": "deployment"}  # by what their events begin with
_WHOSE = {"all": "", "pm": "product managers", "dataops": "DataOps", "vp": "leaders"}
_FIRST_ITEMS, _MOST_ITEMS, _MOST_EVENTS = 10, 50, 4
_HEADINGS = (
    Heading("KPI"),
    Heading("Value", "num"),
    Heading("Target", "num", narrow=False),
    Heading("Is", narrow=True),
    Heading("Period", narrow=False),
    Heading("Trend", sorts=False, narrow=False),
    Heading("Complete", "num", narrow=False),
)
_PARTS = (Heading("Product"), Heading("Value", "num"), Heading("Made of", "num", narrow=False), Heading("Is"))
_ITEMS = (
    Heading("Counted"),
    Heading("As", "num"),
    Heading("Events", sorts=False),
    Heading("When", "num", narrow=False),
)
_NOTHING_COUNTED = Empty(
    "Nothing was counted in this period", "Another period may have some; the note beside says what is wanted."
)


@dataclass(frozen=True, slots=True)
class KpiRow:
    """A KPI in a list."""

    id: str
    name: str
    tags: tuple[str, ...]
    question: str
    value: str
    amount: float | None
    target: str
    mark: Mark
    period: str
    trend: Spark | None
    completeness: str
    whole: float | None


@dataclass(frozen=True, slots=True)
class KpisPage:
    """All KPIs: eight of a role as figures, and every one in a table. `as_of` is when the last event was recorded."""

    audiences: tuple[Tab, ...]
    eight: tuple[Kpi, ...]
    headings: tuple[Heading, ...]
    kpis: tuple[KpiRow, ...]
    known: datetime
    seq: int
    is_behind: bool


@dataclass(frozen=True, slots=True)
class EventLink:
    """An event that something was counted by."""

    seq: int
    type: str
    at: datetime
    leads_to: str  # the page of the run or deployment it tells of; empty where there is none
    leads: str


@dataclass(frozen=True, slots=True)
class ItemRow:
    """One thing that was counted, and the events behind it; `more` is how many of these are not named."""

    item: str
    called: str
    href: str  # its page; empty where it is named well enough, or has none
    counted_as: str
    share: float
    at: datetime | None
    events: tuple[EventLink, ...]
    more: int


@dataclass(frozen=True, slots=True)
class SliceRow:
    """The KPI of one product alone."""

    product: str
    href: str
    value: str
    amount: float | None
    made_of: str
    mark: Mark


@dataclass(frozen=True, slots=True)
class KpiPage:
    """A KPI for a period: value, targets, the periods before, by product, and down to its events."""

    id: str
    mark: Mark
    value: str
    period: str
    value_of: str
    change: str
    note: str
    how: tuple[str, ...]
    periods: tuple[Tab, ...]
    chart: Chart | None
    targets: tuple[tuple[Mark, str, str], ...]
    facts: tuple[Fact, ...]
    slice_headings: tuple[Heading, ...]
    slices: tuple[SliceRow, ...]
    item_headings: tuple[Heading, ...]
    items: tuple[ItemRow, ...]
    first: int  # how many of the items are shown at once
    more_items: int
    formula: str
    snippets: tuple[Snippet, ...]
    seq: int
    known: datetime
    is_behind: bool
    nothing_counted: Empty = _NOTHING_COUNTED


def kpis(asked: Asked) -> Shown:
    """Show all KPIs, and the eight of a role first."""
    reckoned = asked.served.reckoning.of(asked.snapshot)
    chosen = asked.one_of("for", FIRST, "leader")
    figures = reckoned.figures
    told = standing(figures.values()) or "None has evidence enough yet; each says what it waits for."
    model = KpisPage(
        audiences=tuple(Tab(text, f"/kpis?for={word}", word == chosen) for word, text in AUDIENCES.items()),
        eight=tuple(card(found) for found in first_of(chosen, figures)),
        headings=_HEADINGS,
        kpis=tuple(row(one) for one in sorted(figures.values(), key=worst_first)),
        known=reckoned.known,
        seq=reckoned.seq,
        is_behind=reckoned.is_behind,
    )
    return Shown("pages/kpis.html", "KPIs", model, told, nav="kpis")


def first_of(role: str, figures: Mapping[str, Figure]) -> list[Figure]:
    """Return the eight that a role looks at first: those that have a value, then those that may come to have one."""
    found = [figures[id_] for id_ in FIRST[role] if id_ in figures]
    return sorted(found, key=lambda figure: figure.value.value is None)[:SHOWN]


def kpi(asked: Asked) -> Shown:
    """Show one KPI, for the period that is asked for.

    Raises:
        FreeholdError: FH-K002 there is none of that name; FH-K004 the period is none.
    """
    return shown_kpi(asked, asked.request.path_params["id"], asked.word("period"))


def shown_kpi(asked: Asked, name: str, period_name: str) -> Shown:
    """Show the KPI of an id or tag for a period; without one, for the newest that has a value.

    Raises:
        FreeholdError: as for `kpi`.
    """
    reckoned = asked.served.reckoning.of(asked.snapshot)
    one = kpi_named({id_: f.kpi for id_, f in reckoned.figures.items()}, name)
    found, period = reckoned.figures[one.id], reckoned.period(one, period_name)
    value = _value(asked, reckoned, found, period)
    counted_items = _items(asked, reckoned, one, period) if found.is_instrumented else ()
    counted_items = _seen(asked, counted_items)
    shown_items = sorted(counted_items, key=lambda i: (_counts(i), _shortfall(one, i)), reverse=True)[:_MOST_ITEMS]
    mark = mark_of(one, value)
    model = KpiPage(
        id=one.id,
        mark=mark,
        value=said(value.value, one.unit) if value.value is not None else "",
        period=str(value.period),
        value_of=f"{named_period(value.period)}{'' if value.is_closed else ', so far'}",
        change=change_of(found, value),
        note=value.fix if found.is_instrumented else "",
        how=how_to(one, found),
        periods=tuple(
            Tab(_short(v.period), f"/kpis/{one.id}?period={v.period}", v.period == period) for v in found.values[-6:]
        ),
        chart=_chart(found, reckoned.asking.zone),
        targets=tuple((_met(met), bound_of(t.text), _WHOSE.get(t.whose, t.whose)) for t, met in judged(one, value)),
        facts=tuple(_facts(asked, one, value)),
        slice_headings=_PARTS,
        slices=_slices(asked, reckoned, found, period),
        item_headings=_ITEMS,
        items=_item_rows(asked, reckoned, one, shown_items),
        first=_FIRST_ITEMS,
        more_items=len(counted_items) - len(shown_items),
        formula="\n".join(f"{metric} = {formula_of(m)}" for metric, m in one.model.metrics.items()),
        snippets=(Snippet("Terminal", f"freehold kpi explain {one.id} --period {period}"),),
        seq=reckoned.seq,
        known=reckoned.known,
        is_behind=reckoned.is_behind,
    )
    return Shown("pages/kpi.html", one.name, model, one.question, (Crumb("KPIs", "/kpis"),), nav="kpis")


def row(found: Figure) -> KpiRow:
    """Return a KPI as a row of a table."""
    one, value = found.kpi, found.value
    whole = value.evidence_completeness
    return KpiRow(
        id=one.id,
        name=one.name,
        tags=one.tags,
        question=one.question,
        value=said(value.value, one.unit) if value.value is not None else "",
        amount=value.value,
        target=targets_of(one),
        mark=mark_of(one, value),
        period=named_period(value.period),
        trend=sparkline(found),
        completeness=percent(whole) if whole is not None else "",
        whole=whole,
    )


def _short(period: Period) -> str:
    """Return a period in few words, for a row of them."""
    return named_period(period).removeprefix("week of ")


def _met(verdict: bool | None) -> Mark:
    return {True: Mark("ok", "met"), False: Mark("bad", "missed"), None: Mark("idle", "not judged")}[verdict]


def _value(asked: Asked, reckoned: Reckoned, found: Figure, period: Period) -> KpiValue:
    kept = next((v for v in found.values if v.period == period), None)
    if kept is not None:
        return kept
    take = asked.served.reckoning.detail
    return take(reckoned, (found.kpi.id, period), lambda e: compute(found.kpi, e, period, asking=reckoned.asking))


def _items(asked: Asked, reckoned: Reckoned, one: KpiFile, period: Period) -> tuple[KpiItem, ...]:
    take = asked.served.reckoning.detail
    return take(reckoned, (one.id, period, "items"), lambda e: items(one, e, period, asking=reckoned.asking))


def _slices(asked: Asked, reckoned: Reckoned, found: Figure, period: Period) -> tuple[SliceRow, ...]:
    """Return a KPI by product, what is off target first: of the products that a reader may see."""
    one, seen = found.kpi, asked.snapshot.seen
    if "product" not in one.slices or not found.is_instrumented:
        return ()
    take = asked.served.reckoning.detail
    values: Sequence[KpiValue] = take(
        reckoned,
        (one.id, period, "product"),
        lambda e: sliced(one, e, period, ["product"], asking=reckoned.asking),
    )
    known = asked.snapshot.estate.products
    rows = []
    for value in values:
        name = str(value.of.get("product") or "")
        if name and (seen is None or name in seen):
            href = f"/products/{name}" if name in known else ""
            made = made_of(one, value.numerator, value.denominator)
            rows.append(SliceRow(name, href, said(value.value, one.unit), value.value, made, mark_of(one, value)))
    return tuple(sorted(rows, key=lambda r: (r.mark.tone != "bad", r.product)))


def _chart(found: Figure, zone: str) -> Chart | None:
    """Return the periods that have a value as a line, with the first target as its bound."""
    values = [v for v in found.values if v.value is not None]
    size, unit = drawn_in([v.value for v in values if v.value is not None], found.kpi.unit)
    line = [Value(_day(v.period, zone), str(v.period), v.value / size) for v in values if v.value is not None]
    target = next((t for t in found.kpi.targets if not t.is_of_tier), None)
    is_partial = bool(values) and not values[-1].is_closed
    bound = target.amount / size if target else None
    return line_chart(found.kpi.name, unit, line, is_partial=is_partial, bound=bound)


def _day(period: Period, zone: str) -> datetime:
    """Return the first day of a period, as it is there where periods begin, for an axis of UTC."""
    return period.start.astimezone(ZoneInfo(zone)).replace(tzinfo=UTC)


def _counts(item: KpiItem) -> bool:
    """Whether an item moves its KPI at all: a check that was skipped each time is none of any."""
    return bool(item.numerator or item.denominator)


def _shortfall(one: KpiFile, item: KpiItem) -> float:
    """Return how much an item takes from its KPI, so that what makes it red comes first."""
    share = item.numerator / item.denominator if item.denominator else item.numerator
    return share if one.direction == "down" else -share


def _item_rows(asked: Asked, reckoned: Reckoned, one: KpiFile, chosen: Sequence[KpiItem]) -> tuple[ItemRow, ...]:
    wanted = frozenset(seq for item in chosen for seq in item.seqs[-_MOST_EVENTS:])
    events = reckoned.details.get(wanted, lambda: events_of(asked, wanted))
    rows, claims, there = [], _claims(asked, events.values()), Items(asked)
    for item in chosen:
        shown = [_link(events[seq]) for seq in item.seqs[-_MOST_EVENTS:] if seq in events]
        as_ = made_of(one, item.numerator, item.denominator)
        at = max((e.at for e in shown), default=None)
        called, href = _work(there, item.item) or _called(item.item, shown)
        called = claims.get(item.item, called)
        more = len(item.seqs) - len(shown)
        rows.append(ItemRow(item.item, called, href, as_, _shortfall(one, item), at, tuple(shown), more))
    return tuple(rows)


def _claims(asked: Asked, events: Iterable[Recorded]) -> dict[str, str]:
    """Return what the checks that events tell of claim, each with the asset it is about, by their ids."""
    of = {str(e.data["check_id"]): str(e.data["asset"]) for e in events if e.type == "check.completed"}
    return {id_: f"{claim} · {of[id_]}" for id_, claim in claims_of(asked, set(of.values())).items() if id_ in of}


def _work(there: Items, item: str) -> tuple[str, str] | None:
    """Return what a work item is about, and its page; None where what was counted is none, or none that is seen."""
    if item.partition("/")[0] not in there.work.workflows:
        return None
    try:
        return there.work.title(there.get(item)), f"/items/{item}"
    except FreeholdError:
        return None


def _called(item: str, events: Sequence[EventLink]) -> tuple[str, str]:
    """Return what a thing that was counted is called, and its page: an id alone by what it is of, and its end."""
    if not _ID.fullmatch(item):
        return item, ""
    kind = events[0].type.partition(".")[0] if events else ""
    return f"{_KINDS.get(kind, kind)} …{item[-12:]}".strip(), next((e.leads_to for e in events if e.leads_to), "")


def events_of(asked: Asked, numbers: Collection[int]) -> dict[int, Recorded]:
    """Return events by their numbers."""
    ledger = asked.served.snapshots.ledger
    return {e.seq: e for n in sorted(numbers) for e in ledger.read(after=n - 1, upto=n)}


def leads_of(event: Recorded) -> tuple[str, str]:
    """Return the page of what an event tells of, and what to call it; nothing where there is no such page."""
    deployment = str(event.data.get("deploy_id") or event.data.get("deployment") or "")
    if deployment:
        return f"/deployments/{quote(deployment)}", "deployment"
    if event.run_id:
        return f"/runs/{quote(event.run_id)}", "run"
    if event.product:
        return f"/products/{event.product}", event.product
    return "", ""


def _seen(asked: Asked, counted_items: tuple[KpiItem, ...]) -> tuple[KpiItem, ...]:
    """Return the items that a reader may see: of events of their products alone, where they may not see all."""
    if asked.snapshot.seen is None:
        return counted_items
    seqs = {seq for item in counted_items for seq in item.seqs}
    seen = {seq for seq, event in events_of(asked, seqs).items() if may_see(asked, event)}
    return tuple(item for item in counted_items if item.seqs and seen.issuperset(item.seqs))


def may_see(asked: Asked, event: Recorded) -> bool:
    """Whether a reader may see an event: who may not see all of the estate sees those of single products of theirs."""
    seen = asked.snapshot.seen
    assets = [str(event.data[name]) for name in ("asset", "dataset") if event.data.get(name)]
    assets += [str(name) for key in ("assets", "resources") for name in event.data.get(key) or ()]
    return seen is None or (event.product in seen and all(a.rpartition(".")[0] in seen for a in assets))


def _link(event: Recorded) -> EventLink:
    href, name = leads_of(event)
    return EventLink(event.seq, event.type, event.occurred_at, href, name)


def _facts(asked: Asked, one: KpiFile, value: KpiValue) -> Iterator[Fact]:
    whole = value.evidence_completeness
    yield Fact("Made of", made_of(one, value.numerator, value.denominator))
    yield Fact("Observations", f"{value.n:,}, at least {one.minimum} are wanted")
    yield Fact("Evidence", "none" if whole is None else f"{percent(whole)} complete")
    for name, beside in value.beside.items():
        yield Fact(name.replace("_", " ").capitalize(), said(beside, one.unit_of(name)))
    yield Fact("Better", "higher" if one.direction == "up" else "lower")
    yield Fact("Looked at", one.cadence)
    if one.owner:
        yield Fact("Owner", one.owner)
    yield Fact("Needs", joined([*one.needs, *one.wants]))
    if RULE_EVALUATED in one.needs and (last := rules_recorded_at(asked)) is not None:
        yield Fact("Rules last recorded", at=last)  # a scorecard evaluates them anew, and may differ
    yield Fact("Definition", value.definition[:12], is_code=True)
