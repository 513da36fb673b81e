"""`/-/ui`: every component in every state, on one page. Pages are made of these and nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import sin

from freehold.server.web.drawing import Happening, Value, line_chart, spark
from freehold.server.web.model import (
    SAFE,
    VERDICTS,
    Chart,
    Empty,
    Fact,
    Fault,
    Heading,
    Kpi,
    Mark,
    Moment,
    Snippet,
    Spark,
    Tab,
)
from freehold.server.web.showing import Asked, Shown

_START = datetime(2026, 8, 3, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the table that shows what tables do."""

    name: str
    mark: Mark
    rows: int
    trend: Spark | None


@dataclass(frozen=True, slots=True)
class PatternsPage:
    """One of each."""

    marks: tuple[Mark, ...]
    badges: tuple[tuple[str, str], ...]
    figures: tuple[Kpi, ...]
    headings: tuple[Heading, ...]
    rows: tuple[Row, ...]
    chart: Chart | None
    bounded: Chart | None
    facts: tuple[Fact, ...]
    moments: tuple[Moment, ...]
    tabs: tuple[Tab, ...]
    empty: Empty
    fault: Fault
    snippet: Snippet
    verdicts: tuple[tuple[Mark, str, tuple[str, ...]], ...]


def patterns(_: Asked) -> Shown:
    """Show every component."""
    weeks = [_START + timedelta(weeks=i) for i in range(16)]
    values = [Value(w, f"{w:%Y-%m-%d}", 41_000 + 9_000 * sin(i / 2.2) + 700 * i) for i, w in enumerate(weeks)]
    happened = [
        Happening(_START + timedelta(days=31), "3 Sep 2026: Changed: sales.orders", "#", "ok"),
        Happening(_START + timedelta(days=73), "15 Oct 2026: Taken back: sales.orders", "#", "warn"),
    ]
    line = spark([3, 4, 4, 6, 5, 7, 9, 8, 11], "Nine weeks, rising from 3 to 11")
    flat = spark([5, 5, 5, 5], "Four weeks at 5")
    model = PatternsPage(
        marks=(*SAFE.values(), *VERDICTS.values()),
        badges=(
            ("draft", ""),
            ("this browser", "accent"),
            ("certified", "ok"),
            ("deprecated", "warn"),
            ("failed", "bad"),
        ),
        figures=(
            Kpi("Revenue, last week", "48,204.10", "GBP", "+4.2% against the week before", "#", line),
            Kpi("Checks that hold", "119", "of 120", "of what is live now", "#"),
            Kpi("Satisfaction", told="No survey has asked its consumers."),
            Kpi("Deliveries late", "0", "", "oldest data up to 21 Nov 00:00 UTC", "", flat),
        ),
        headings=(Heading("Product"), Heading("State"), Heading("Rows", "num"), Heading("Nine weeks", sorts=False)),
        rows=(
            Row("sales.orders", SAFE["yes"], 1_204_882, line),
            Row("sales.customers", SAFE["stale"], 48_120, flat),
            Row("sales.catalogue", SAFE["no"], 0, None),
        ),
        chart=line_chart("Revenue", "GBP", values, happened, is_partial=True),
        bounded=line_chart("Cancelled share", "%", [Value(v.at, v.key, v.value / 400_000) for v in values], bound=0.14),
        facts=(
            Fact("Owner", "Sales data"),
            Fact("State", mark=SAFE["yes"]),
            Fact("Published", at=_START),
            Fact("File", "sales/orders/product.odps.yaml", is_code=True),
            Fact("Reads", "sales.orders.lines", href="#"),
        ),
        moments=(
            Moment(_START + timedelta(days=73), "Taken back: sales.orders", "prices in pence", "warn", "#"),
            Moment(_START + timedelta(days=72), "Changed: sales.orders", "8 assets", "ok", "#"),
            Moment(_START + timedelta(days=30), "Changed: sales.customers", "a check failed", "bad", "#"),
        ),
        tabs=(Tab("Day", "#"), Tab("Week", "#", True), Tab("Month", "#")),
        empty=Empty("No change was deployed yet", "What `freehold apply` puts in force stands here.", "freehold plan"),
        fault=Fault(
            "FH-V104",
            "`logicalType: numbers` is not one of the allowed values.",
            "Did you mean `number`?",
            "shop/orders/contracts/orders.odcs.yaml:23:22",
        ),
        snippet=Snippet("SQL", "SELECT day, revenue\nFROM sales_orders.daily_revenue\nORDER BY day DESC"),
        verdicts=(
            (SAFE["yes"], "Safe to use now", ()),
            (SAFE["stale"], "The last good version is served", ("sales.orders.lines 2026-11-20 is in quarantine",)),
            (SAFE["no"], "Not safe to use now", ("sales.orders.lines was never published",)),
        ),
    )
    return Shown("pages/patterns.html", "Patterns", model, "Every component in every state. Pages are made of these.")
