"""`/api/v1/kpis`: the KPIs as the pages have them, with what each value stands on."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import FastAPI, Path, Query, Request
from pydantic import Field

from freehold.insight import KpiValue
from freehold.insight.telling import judged, verdict_of
from freehold.server.api.model import After, Limit, Strict, asked_by, page_of
from freehold.server.web.pages.kpis import shown_kpi

if TYPE_CHECKING:
    from freehold.insight import Kpi
    from freehold.server.reckoning import Reckoned


class KpiTarget(Strict):
    """What a value is to be, for a role, a tier or all; `met` is null where it is not judged."""

    whose: str
    target: str
    met: bool | None


class KpiFigures(Strict):
    """A KPI for one period, and what it stands on."""

    period: str
    start: datetime
    end: datetime
    closed: bool
    state: str = Field(description="ok, not enough evidence, not instrumented, failed")
    value: float | None
    numerator: float
    denominator: float
    n: int
    completeness: float | None
    note: str


class KpiEntry(Strict):
    """A KPI with its newest value."""

    id: str
    name: str
    question: str
    unit: str
    direction: str
    cadence: str
    tags: list[str]
    definition: str = Field(description="the hash of what is computed")
    targets: list[KpiTarget]
    verdict: str = Field(description="off target, on target, on target, as far as told, not judged yet, no target, …")
    figures: KpiFigures


class KpiList(Strict):
    """KPIs in the order of their ids, as of one number of the ledger."""

    items: list[KpiEntry]
    next: str | None = Field(description="the cursor of the next page; null at the end")
    seq: int
    as_of: datetime
    behind: bool = Field(description="whether newer events are being counted")


class CountedItem(Strict):
    """One thing that was counted, with the numbers of its last events."""

    item: str
    counted_as: str
    events: list[int]
    more: int


class KpiDetail(KpiEntry):
    """A KPI with its past, and what its value of a period is made of: what takes most from it first."""

    trend: list[KpiFigures]
    of: str = Field(description="the period that `items` are of")
    items: list[CountedItem]
    more: int
    seq: int
    as_of: datetime
    behind: bool


def add(app: FastAPI) -> None:
    """Add the endpoints of KPIs."""
    app.get("/kpis", summary="KPIs", operation_id="list_kpis")(_kpis)
    app.get("/kpis/{id}", summary="A KPI", operation_id="get_kpi")(_kpi)


def _kpis(request: Request, limit: Limit = 100, after: After = "") -> KpiList:
    """List KPIs with their newest values."""
    asked = asked_by(request)
    found = asked.served.reckoning.of(asked.snapshot)
    figures = sorted(found.figures.values(), key=lambda one: one.kpi.id)
    page, more = page_of(figures, lambda one: one.kpi.id, after, limit)
    entries = [KpiEntry(**_entry(one.kpi, one.value)) for one in page]
    return KpiList(items=entries, next=more, seq=found.seq, as_of=found.known, behind=found.is_behind)


def _kpi(
    request: Request,
    id: Annotated[str, Path(max_length=200)],
    period: Annotated[str, Query(max_length=40, description="2011-03, 2011-Q2, 2011-W09, 2011-03-07")] = "",
) -> KpiDetail:
    """Return a KPI with its past, down to the events that made it."""
    asked = asked_by(request)
    page = shown_kpi(asked, id, period).model
    reckoned: Reckoned = asked.served.reckoning.of(asked.snapshot)
    found = reckoned.figures[page.id]
    rows = [
        CountedItem(item=i.item, counted_as=i.counted_as, events=[e.seq for e in i.events], more=i.more)
        for i in page.items
    ]
    return KpiDetail(
        **_entry(found.kpi, found.value),
        trend=[_figures(value) for value in found.values],
        of=page.value_of,
        items=rows,
        more=page.more_items,
        seq=page.seq,
        as_of=page.known,
        behind=page.is_behind,
    )


def _entry(kpi: Kpi, value: KpiValue) -> dict[str, Any]:
    targets = [KpiTarget(whose=t.whose, target=t.text, met=met) for t, met in judged(kpi, value)]
    return {
        "id": kpi.id, "name": kpi.name, "question": kpi.question, "unit": kpi.unit, "direction": kpi.direction,
        "cadence": kpi.cadence, "tags": list(kpi.tags), "definition": kpi.definition, "targets": targets,
        "verdict": str(verdict_of(kpi, value)),
        "figures": _figures(value),
    }  # fmt: skip


def _figures(value: KpiValue) -> KpiFigures:
    return KpiFigures(
        period=str(value.period),
        start=value.period.start,
        end=value.period.end,
        closed=value.is_closed,
        state=str(value.state),
        value=value.value,
        numerator=value.numerator,
        denominator=value.denominator,
        n=value.n,
        completeness=value.evidence_completeness,
        note=value.fix,
    )
