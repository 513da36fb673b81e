"""`/-/ui`: every component in every state, on one page. Pages are made of these and nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import sin

from freehold.catalog import Group, Key, Neighbourhood, Node, Spot, Start, Tie
from freehold.server.web.drawing import Happening, Value, effect_bar, line_chart, spark
from freehold.server.web.graph import Graph, Words, drawn
from freehold.server.web.model import (
    SAFE,
    VERDICTS,
    Chart,
    Decision,
    Effect,
    Empty,
    Ending,
    Fact,
    Fault,
    Heading,
    Kpi,
    Line,
    Mark,
    Moment,
    Snippet,
    Spark,
    Tab,
)
from freehold.server.web.picturing import Bars, Lines, Strips, bars, lines, strips
from freehold.server.web.showing import Asked, Shown

_START = datetime(2026, 8, 3, tzinfo=UTC)
_WEEKS = [f"{_START + timedelta(weeks=i):%Y-%m-%d}" for i in range(8)]
_SERIES = {
    name: {week: size * (1 + 0.1 * i + 0.05 * (i % 3)) for i, week in enumerate(_WEEKS)}
    for name, size in (("home", 20_000.0), ("europe", 9_000.0), ("overseas", 8_200.0))
}

_BADGES = (
    ("draft", ""),
    ("this browser", "accent"),
    ("certified", "ok"),
    ("deprecated", "warn"),
    ("failed", "bad"),
)
_FACTS = (
    Fact("Owner", "Sales data"),
    Fact("State", mark=SAFE["yes"]),
    Fact("Published", at=_START),
    Fact("File", "sales/orders/product.odps.yaml", is_code=True),
    Fact("Reads", "sales.orders.lines", href="#"),
)
_MOMENTS = (
    Moment(_START + timedelta(days=73), "Taken back: sales.orders", "prices in pence", "warn", "#"),
    Moment(_START + timedelta(days=72), "Changed: sales.orders", "8 assets", "ok", "#"),
    Moment(_START + timedelta(days=30), "Changed: sales.customers", "a check failed", "bad", "#"),
)
_VERDICTS = (
    (SAFE["yes"], "Safe to use now", ()),
    (SAFE["stale"], "The last good version is served", ("sales.orders.lines 2026-11-20 is in quarantine",)),
    (SAFE["no"], "Not safe to use now", ("sales.orders.lines was never published",)),
)
_LINES = (
    Line("Promises", Mark("bad", "broken"), "2 held back of 42 builds: sales.orders.", "#"),
    Line("Incidents", Mark("idle", "not instrumented"), "None was ever recorded.", "#"),
    Line("", Mark("ok", "on target"), "Pipeline success rate rose from 83.3 % to 100.0 % in 2026-W47.", "#"),
)
_DECISIONS = (
    Decision("3f9c2a7be410", "plan 3f9c2a7be410 for prod", "#", "/-/ui"),
    Decision("81b0d2c4aa55", "plan 81b0d2c4aa55 for prod", "#", "/-/ui", said="approved"),
    Decision(
        "5d01f7e9c3b2",
        "plan 5d01f7e9c3b2 for prod",
        "#",
        "/-/ui",
        why_not="`user:idp/carl` holds none of the roles owner of `sales.orders`. Ask user:idp/anna.",
    ),
)
_FAULT = Fault(
    "FH-V104",
    "`logicalType: numbers` is not one of the allowed values.",
    "Did you mean `number`?",
    "shop/orders/contracts/orders.odcs.yaml:23:22",
)
_ENDINGS = (
    Ending("`sales.turnover` is deprecated."),
    Ending(
        "`sales.turnover` is deprecated; its last day is 2097-03-31. Use `sales.revenue`.",
        *("#", "sales.revenue", "#"),
    ),
)
_SPARK = ([3, 4, 4, 6, 5, 7, 9, 8, 11], "Nine weeks, rising from 3 to 11")
_FLAT = ([5, 5, 5, 5], "Four weeks at 5")


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
    focused: Chart | None
    several: Lines | None
    strips: Strips | None
    bars: Bars | None
    effects: tuple[Effect, ...]
    facts: tuple[Fact, ...]
    moments: tuple[Moment, ...]
    tabs: tuple[Tab, ...]
    empty: Empty
    fault: Fault
    endings: tuple[Ending, ...]
    snippet: Snippet
    verdicts: tuple[tuple[Mark, str, tuple[str, ...]], ...]
    lines: tuple[Line, ...]
    decisions: tuple[Decision, ...]
    graph: Graph


def patterns(_: Asked) -> Shown:
    """Show every component."""
    weeks = [_START + timedelta(weeks=i) for i in range(16)]
    values = [Value(w, f"{w:%Y-%m-%d}", 41_000 + 9_000 * sin(i / 2.2) + 700 * i) for i, w in enumerate(weeks)]
    happened = [
        Happening(_START + timedelta(days=31), "3 Sep 2026: Changed: sales.orders", "#", "ok"),
        Happening(_START + timedelta(days=73), "15 Oct 2026: Taken back: sales.orders", "#", "warn"),
    ]
    by_market = [("home", 41_200.0, "#"), ("europe", 9_300.0, "#"), ("returns", -2_100.0, "")]
    model = PatternsPage(
        marks=(*SAFE.values(), *VERDICTS.values()),
        badges=_BADGES,
        figures=_figures(),
        headings=(Heading("Product"), Heading("State"), Heading("Rows", "num"), Heading("Nine weeks", sorts=False)),
        rows=_rows(),
        chart=line_chart("Revenue", "GBP", values, happened, is_partial=True),
        bounded=line_chart("Cancelled share", "%", [Value(v.at, v.key, v.value / 400_000) for v in values], bound=0.14),
        focused=line_chart("Orders", "", values[:9], explained=lambda _: "#", focus=values[6].key),
        several=lines("revenue by week and market", "GBP", _SERIES, _WEEKS, [f"W{i}" for i in range(8)]),
        strips=strips("revenue by week and market", "GBP", _SERIES, _WEEKS),
        bars=bars("revenue by market", "GBP", by_market),
        effects=_effects(),
        facts=_FACTS,
        moments=_MOMENTS,
        tabs=(Tab("Day", "#"), Tab("Week", "#", True), Tab("Month", "#")),
        empty=Empty("No change was deployed yet", "What `freehold apply` puts in force stands here.", "freehold plan"),
        fault=_FAULT,
        endings=_ENDINGS,
        snippet=Snippet("SQL", "SELECT day, revenue\nFROM sales_orders.daily_revenue\nORDER BY day DESC"),
        verdicts=_VERDICTS,
        lines=_LINES,
        decisions=_DECISIONS,
        graph=_graph(),
    )
    return Shown("pages/patterns.html", "Patterns", model, "Every component in every state. Pages are made of these.")


def _figures() -> tuple[Kpi, ...]:
    line, flat = spark(*_SPARK), spark(*_FLAT)
    return (
        Kpi("Revenue, last week", "48,204.10", "GBP", "+4.2% against the week before", "#", line),
        Kpi("Checks that hold", "119", "of 120", "of what is live now", "#"),
        Kpi("Satisfaction", told="No survey has asked its consumers."),
        Kpi("Change failure rate", "33.3 %", "", "< 10% · 2026-11", "#", line, Mark("bad", "off target")),
        Kpi("Time to restore", told="2 observations so far.", href="#", unknown="not enough evidence"),
        Kpi("Deliveries late", "0", "", "oldest data up to 21 Nov 00:00 UTC", "", flat),
    )


def _rows() -> tuple[Row, ...]:
    line, flat = spark(*_SPARK), spark(*_FLAT)
    return (
        Row("sales.orders", SAFE["yes"], 1_204_882, line),
        Row("sales.customers", SAFE["stale"], 48_120, flat),
        Row("sales.catalogue", SAFE["no"], 0, None),
    )


def _effects() -> tuple[Effect, ...]:
    return tuple(
        Effect(
            name,
            f"{was:,}",
            f"{now:,}",
            f"{now - was:+,}".replace("-", "−"),
            *effect_bar(now - was, 4_000),
            now < was,
            "#",
        )
        for name, was, now in (("home", 20_100, 24_100), ("europe", 9_800, 8_300), ("overseas", 600, 640))
    )


def _graph() -> Graph:
    """Return a drawing with a start, each state, a group that is not all named, and a node that leads on."""

    def group(hop: int, title: str, *names: str, more: int = 0, beyond: int = 0) -> Group:
        nodes = tuple(Node(Key("asset", f"{title}.{name}"), "", hop) for name in names)
        return Group(f"{hop}:{title}", title, hop, len(nodes) + more, nodes, tuple(beyond for _ in nodes))

    groups = (
        group(-1, "sales.orders", "raw_lines"),
        group(0, "sales.orders", "lines"),
        group(1, "sales.customers", "customers", "segments"),
        group(1, "finance.reporting", "daily", "monthly", "quarterly", more=40),
        group(2, "marketing.audiences", "audiences_by_month_of_first_order", beyond=3),
    )
    ends = (((0, 0), (1, 0)), ((1, 0), (2, 0)), ((1, 0), (3, 0)), ((1, 0), (3, -1)), ((2, 0), (4, 0)), ((3, 1), (4, 0)))
    start = Start(groups[1].nodes[0].key, 1)
    found = Neighbourhood(start, groups, tuple(Tie(Spot(*source), Spot(*target)) for source, target in ends))
    states = {"daily": SAFE["stale"], "monthly": SAFE["no"], "quarterly": SAFE["watched"]}
    leads = Words(
        href=lambda _: "#", open=lambda _: "#", grow=lambda _: "#", group_href=lambda _: "#", kind=str,
        mark=lambda asset: states.get(asset.rpartition(".")[2], SAFE["yes"]),
    )  # fmt: skip
    return drawn(found, leads)
