"""Performance: how long runs and queries take and wait, by product; which fail, and which do not fit into memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from starlette.routing import Route

from freehold.foundation.words import counted, percent
from freehold.insight.performance import DAYS, Performance, Spread
from freehold.insight.telling import said
from freehold.server.performing import performance_in
from freehold.server.web.model import Empty, Heading, Mark, Tab
from freehold.server.web.serving import page
from freehold.server.web.showing import Asked, Shown

_RUNS = (
    Heading("Product"),
    Heading("Runs", "num"),
    Heading("Failed", "num"),
    Heading("p50", "num", narrow=False),
    Heading("p95", "num"),
    Heading("Waited, p95", "num", narrow=False),
)
_QUERIES = (
    Heading("Product"),
    Heading("Queries", "num"),
    Heading("Failed", "num"),
    Heading("p50", "num", narrow=False),
    Heading("p95", "num"),
    Heading("Queued, p95", "num", narrow=False),
    Heading("Spilled", "num", narrow=False),
)
_NO_RUNS = Empty("Nothing was built in this time", "Runs of products, and of tools that tell of theirs, stand here.")
_NO_QUERIES = Empty("Nothing was read in this time", "Reads through Freehold, and those that warehouses tell of.")
_UNTOLD = {
    "waited": "How long runs wait is not instrumented: give a product a schedule, `freehold:schedule`, and run "
    "`freehold work`.",
    "queued": "How long queries wait in the warehouse, and what does not fit into its memory, is not instrumented: "
    "bring in its history, `freehold usage import`.",
}
_SIZES = ("B", "kB", "MB", "GB", "TB", "PB")
_THOUSAND = 1_000


@dataclass(frozen=True, slots=True)
class Amount:
    """A figure as text, and what it is sorted by; empty where there is none."""

    text: str = ""
    value: float | None = None


@dataclass(frozen=True, slots=True)
class RunsRow:
    """The runs of a product in some days."""

    name: str
    id: str
    href: str
    runs: int
    failed: Mark | None
    failed_runs: int
    p50: Amount
    p95: Amount
    waited: Amount


@dataclass(frozen=True, slots=True)
class QueriesRow:
    """The queries of a product in some days."""

    name: str
    id: str
    href: str
    asked: int
    failed: int
    share: str
    p50: Amount
    p95: Amount
    queued: Amount
    spilled: Amount


@dataclass(frozen=True, slots=True)
class PerformancePage:
    """How fast products are made and read in a span of days; the slowest first."""

    spans: tuple[Tab, ...]
    run_headings: tuple[Heading, ...]
    runs: tuple[RunsRow, ...]
    query_headings: tuple[Heading, ...]
    queries: tuple[QueriesRow, ...]
    untold: tuple[str, ...]
    no_runs: Empty = _NO_RUNS
    no_queries: Empty = _NO_QUERIES


def routes() -> list[Route]:
    """Return the route of performance."""
    return [*page("/performance", performance, "performance")]


def performance(asked: Asked) -> Shown:
    """Show how long runs and queries take and wait."""
    days = int(asked.one_of("days", {str(one): None for one in DAYS}, "7"))
    found = performance_in(asked.served, asked.snapshot, days)
    built = sorted((one for one in found if one.runs.count or one.waited.count), key=lambda o: -(o.runs.p95 or 0))
    read = sorted((one for one in found if one.asked), key=lambda o: -(o.queries.p95 or 0))
    model = PerformancePage(
        spans=tuple(Tab("1 day" if n == 1 else f"{n} days", f"/performance?days={n}", n == days) for n in DAYS),
        run_headings=_RUNS,
        runs=tuple(_runs(asked, one) for one in built),
        query_headings=_QUERIES,
        queries=tuple(_queries(asked, one) for one in read),
        untold=tuple(_untold(found)),
    )
    runs, asks = sum(one.runs.count for one in built), sum(one.asked for one in read)
    told = f"{counted(runs, 'runs')} of products and {counted(asks, 'queries')} in {counted(days, 'days')}."
    return Shown("pages/performance.html", "Performance", model, told, nav="performance")


def _untold(found: Sequence[Performance]) -> Iterator[str]:
    """Yield what nothing tells of any product, and what would."""
    if not any(one.waited.count for one in found):
        yield _UNTOLD["waited"]
    if not any(one.queued.count or one.spilled is not None for one in found):
        yield _UNTOLD["queued"]


def _runs(asked: Asked, one: Performance) -> RunsRow:
    failed = Mark("bad", f"{one.failed_runs:,}") if one.failed_runs else None
    p50, p95 = _spread(one.runs)
    return RunsRow(
        *_named(asked, one.product), one.runs.count, failed, one.failed_runs, p50, p95, _spread(one.waited)[1]
    )


def _queries(asked: Asked, one: Performance) -> QueriesRow:
    p50, p95 = _spread(one.queries)
    spilled = Amount()
    if one.spilled is not None:
        size = f" · {_size(one.spilled_bytes or 0)}" if one.spilled else ""
        spilled = Amount(f"{one.spilled:,}{size}", float(one.spilled))
    share = percent(one.failed / one.asked) if one.failed else ""
    return QueriesRow(
        *_named(asked, one.product), one.asked, one.failed, share, p50, p95, _spread(one.queued)[1], spilled
    )


def _named(asked: Asked, product: str) -> tuple[str, str, str]:
    """Return the name of a product, its id and its page; a job of another tool has its name alone."""
    if product not in asked.snapshot.estate.products:
        return product, "", ""
    return asked.snapshot.product_name(product), product, f"/products/{product}"


def _spread(one: Spread) -> tuple[Amount, Amount]:
    p50, p95 = (Amount(said(value, "s"), value) if value is not None else Amount() for value in (one.p50, one.p95))
    return p50, p95


def _size(count: float) -> str:
    """Return a number of bytes as people read it."""
    for unit in _SIZES[:-1]:
        if count < _THOUSAND:
            return f"{count:,.0f} {unit}"
        count /= _THOUSAND
    return f"{count:,.0f} {_SIZES[-1]}"
