"""Home: what holds now, what to look at first, the certified metrics, what was deployed lately."""

from __future__ import annotations

from dataclasses import dataclass

from freehold.foundation import FreeholdError
from freehold.metrics.telling import number
from freehold.server.problems import is_part
from freehold.server.snapshots import Snapshot
from freehold.server.web.drawing import spark
from freehold.server.web.model import Empty, Heading, Kpi, Moment
from freehold.server.web.pages.metrics import catalogue_in, latest, trend_key, trend_of
from freehold.server.web.pages.products import (
    HEADINGS,
    NO_PRODUCTS,
    ProductRow,
    checks_of,
    moment_of,
    rows_of,
    sentence_of,
)
from freehold.server.web.showing import Asked, Shown

_MOST_METRICS = 4
_MOST_CHANGES = 8
_NO_CHANGES = Empty(
    "No change was deployed yet",
    "What `freehold apply` puts in force stands here, with what it moved and whether it is still live.",
    "freehold plan",
)


@dataclass(frozen=True, slots=True)
class HomePage:
    """The state of the estate's products now, and what was deployed lately."""

    figures: tuple[Kpi, ...]
    metrics: tuple[Kpi, ...]
    is_to_follow: bool  # whether there are metrics whose values are computed after the page is there
    wanting: tuple[ProductRow, ...]
    headings: tuple[Heading, ...]
    products: tuple[ProductRow, ...]
    lately: tuple[Moment, ...]
    no_changes: Empty = _NO_CHANGES
    no_products: Empty = NO_PRODUCTS


def home(asked: Asked) -> Shown:
    """Show what holds now. The values of metrics follow where nobody has asked for them yet."""
    rows = rows_of(asked.snapshot)
    wanting = tuple(row for row in rows if row.safe.tone in ("bad", "warn"))
    changes = [d for d in asked.snapshot.deployments if d.kind != "data"][:_MOST_CHANGES]
    certified = [m.id for m in catalogue_in(asked).metrics() if m.status == "certified"][:_MOST_METRICS]
    is_known = is_part(asked.request) or all(asked.snapshot.knows(trend_key(asked, id_, "week")) for id_ in certified)
    model = HomePage(
        figures=_figures(rows, asked.snapshot),
        metrics=tuple(_metric(asked, id_) for id_ in certified) if is_known else (),
        is_to_follow=not is_known,
        wanting=tuple(sorted(wanting, key=lambda row: (row.safe.tone != "bad", row.tier))),
        headings=HEADINGS,
        products=rows,
        lately=tuple(moment_of(d) for d in changes),
    )
    return Shown("pages/home.html", "Home", model, sentence_of(rows), nav="home", part="metrics")


def _metric(asked: Asked, id_: str) -> Kpi:
    """Return a certified metric as a figure: its last whole week, against the one before."""
    metric = catalogue_in(asked).metric(id_)
    name, unit = metric.words.get("label") or metric.name, metric.words.get("unit", "")
    href = f"/metrics/{metric.id}"
    try:
        trend = trend_of(asked, metric, "week")
    except FreeholdError as error:
        return Kpi(name, told=error.problem, href=href)
    last, whole = latest(trend, unit, "week"), trend.whole
    ends = f"from {number(whole[0].value, unit)} to {number(whole[-1].value, unit)}" if whole else ""
    drawn = spark([v.value for v in whole], f"{len(whole)} weeks, {ends}")
    shown_unit = "" if unit == "%" else unit
    return Kpi(name, last.value, shown_unit, last.change or "No week is over yet.", href, drawn)


def _figures(rows: tuple[ProductRow, ...], snapshot: Snapshot) -> tuple[Kpi, ...]:
    verdicts: dict[str, int] = {}
    for status in snapshot.products:
        for verdict, count in checks_of(status).items():
            verdicts[verdict] = verdicts.get(verdict, 0) + count
    total = sum(count for verdict, count in verdicts.items() if verdict != "skipped")
    safe = sum(row.safe.tone == "ok" for row in rows)
    oldest = min((row.fresh_as_of for row in rows if row.fresh_as_of), default=None)
    late = sum(len(asset.late) for status in snapshot.products for asset in status.assets)
    held = sum(row.quarantined for row in rows)
    return (
        Kpi("Safe to use", f"{safe}", f"of {len(rows)}", "products, by their contracts", "/products"),
        Kpi(
            "Checks that hold", f"{verdicts.get('pass', 0):,}" if total else "", f"of {total:,}",
            "of what is live now" if total else "No check has judged what is live yet.", "/products",
        ),
        Kpi("Held in quarantine", f"{held}", "", "versions nobody reads", "/products"),
        Kpi("Deliveries late", f"{late}", "", f"oldest data up to {oldest:%d %b %H:%M} UTC" if oldest else ""),
    )  # fmt: skip
