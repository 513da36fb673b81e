"""Usage: how each output is used, which of them nobody reads, and whose accounts nobody knows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time

from starlette.routing import Route

from freehold.connect.usage.accounts import Unmatched
from freehold.foundation.words import counted
from freehold.insight.usage import AssetUse, ProductUse, recorded_since
from freehold.server.used import accounts_unmatched, assets_used
from freehold.server.web.drawing import Value, line_chart
from freehold.server.web.model import Chart, Empty, Fact, Heading, Mark
from freehold.server.web.serving import page
from freehold.server.web.showing import Asked, Shown

UNUSED = Mark("warn", "unused")
_NONE = Empty("Nothing is promised to anybody", "Outputs of products stand here, with who reads them.")
_MATCHED = Empty("Every account is somebody's", "Accounts of warehouses that no team names under `handles` stand here.")
_HEADINGS = (
    Heading("Output"),
    Heading("People, 30 days", "num"),
    Heading("Others", "num", narrow=False),
    Heading("Reads, 30 days", "num", narrow=False),
    Heading("Last read", "num"),
    Heading("Note"),
)
_ACCOUNTS = (
    Heading("Account"),
    Heading("System"),
    Heading("Kind", narrow=False),
    Heading("Reads", "num"),
    Heading("Views", "num", narrow=False),
    Heading("Last", "num", narrow=False),
)
_MOST_COLUMNS = 8


@dataclass(frozen=True, slots=True)
class UsageRow:
    """An output and how it is used."""

    asset: str
    href: str
    people: str
    count: int
    others: int
    reads: int
    last: datetime | None
    mark: Mark | None


@dataclass(frozen=True, slots=True)
class UsagePage:
    """How outputs are used; `accounts` is None for who may not see all."""

    recorded: str
    headings: tuple[Heading, ...]
    rows: tuple[UsageRow, ...]
    account_headings: tuple[Heading, ...]
    accounts: tuple[Unmatched, ...] | None
    none: Empty = _NONE
    matched: Empty = _MATCHED


@dataclass(frozen=True, slots=True)
class UsePart:
    """The use of a product on its page: people by week, and the facts beside it."""

    chart: Chart | None
    facts: tuple[Fact, ...]
    recorded: str


def routes() -> list[Route]:
    """Return the route of usage."""
    return [*page("/usage", usage_page, "usage")]


def usage_page(asked: Asked) -> Shown:
    """Show how outputs are used, the unused first."""
    uses, recorded = assets_used(asked)
    now = asked.snapshot.taken_at
    unused = [one for one in uses if one.is_unused(recorded, now)]
    rows = [*unused, *(one for one in uses if one not in unused)]
    model = UsagePage(
        recorded=recorded_since(recorded, now),
        headings=_HEADINGS,
        rows=tuple(_row(one, is_unused=one in unused) for one in rows),
        account_headings=_ACCOUNTS,
        accounts=accounts_unmatched(asked),
    )
    told = f"{counted(len(uses), 'outputs')} of products, and who reads them."
    if recorded.tells_unused(now):
        told = f"{counted(len(unused), 'outputs')} of {len(uses):,} that nobody has read in 90 days."
    return Shown("pages/usage.html", "Usage", model, told, nav="products")


def use_part(use: ProductUse, now: datetime) -> UsePart:
    """Return the use of a product as its page shows it."""
    values = [Value(datetime.combine(w.starts, time(), UTC), w.starts.isoformat(), float(w.people)) for w in use.weeks]
    chart = line_chart("People who read it, by week", "", values, is_partial=True)
    return UsePart(chart, tuple(_facts(use, now)), recorded_since(use.recorded, now))


def _row(one: AssetUse, *, is_unused: bool) -> UsageRow:
    product, _, name = one.asset.rpartition(".")
    people = f"{one.people:,}{f', {one.simulated:,} simulated' if one.simulated else ''}"
    mark = UNUSED if is_unused else None
    return UsageRow(one.asset, f"/products/{product}#{name}", people, one.people, one.others, one.reads, one.last, mark)


def _facts(use: ProductUse, now: datetime) -> Iterator[Fact]:
    if use.audience is None:
        yield Fact("Made for", "nobody was named when it was launched")
    else:
        yield Fact("Made for", f"{use.audience:,}: {use.active:,} read it in 30 days, {use.never:,} never did")
    for asset, columns in use.columns.items():
        named = [f"{'all' if name == '*' else name} {reads:,}" for name, reads in list(columns.items())[:_MOST_COLUMNS]]
        more = f" and {len(columns) - _MOST_COLUMNS} more" if len(columns) > _MOST_COLUMNS else ""
        yield Fact(f"Columns of {asset.rpartition('.')[2]}", f"{', '.join(named)}{more}")
    for metric in use.metrics:
        asked = f"{counted(metric.questions, 'questions')} of {counted(metric.readers, 'readers')}"
        yield Fact(f"Metric {metric.metric}", asked, f"/metrics/{metric.metric}")
    for board in use.dashboards:
        yield Fact(
            f"Dashboard {board.dashboard}", f"{counted(board.viewers, 'viewers')}, {counted(board.views, 'views')}"
        )
    for one in use.assets:
        if one.is_unused(use.recorded, now):
            last = f"last read {one.last:%d %b %Y}" if one.last else "never read"
            yield Fact(f"Unused: {one.asset.rpartition('.')[2]}", last, mark=UNUSED)
