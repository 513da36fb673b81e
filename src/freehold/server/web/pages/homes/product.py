"""The home of who answers for products: what happened, what waits for them, how each product does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from freehold.catalog import Readers
from freehold.delivery import ProductStatus
from freehold.delivery.promises import promises_kept
from freehold.foundation.words import counted, percent
from freehold.metrics.fingerprint import sources_of
from freehold.server.used import unused_of
from freehold.server.web.figures import how_of
from freehold.server.web.model import SAFE, Empty, Heading, Line, Mark, Tab
from freehold.server.web.pages.homes.deciding import Waiting, waiting
from freehold.server.web.pages.homes.happened import lines_since
from freehold.server.web.pages.homes.roles import products_of
from freehold.server.web.pages.homes.spans import span_of, span_tabs
from freehold.server.web.pages.metrics import catalogue_in
from freehold.server.web.pages.products import NO_PRODUCTS, checks_of
from freehold.server.web.pages.requests import RequestRow, open_requests
from freehold.server.web.pages.usage import UNUSED
from freehold.server.web.showing import Asked, Shown

WINDOW = timedelta(days=30)
NOT_YET = "not instrumented"
_NO_REQUESTS = Empty(
    "Nobody asks for anything", "What people look for and do not find stands here once they ask for it."
)


@dataclass(frozen=True, slots=True)
class StripRow:
    """How one product does: a cell is empty where nothing is known of it."""

    id: str
    state: Mark
    certified: str
    people: str
    readers: int
    quality: str
    share: float | None
    kept: str
    kept_share: float | None
    requests: int


@dataclass(frozen=True, slots=True)
class ProductHome:
    """What whoever answers for products wants to know first."""

    spans: tuple[Tab, ...]
    since: str
    lines: tuple[Line, ...]
    waiting: Waiting
    is_mine: bool
    headings: tuple[Heading, ...]
    strip: tuple[StripRow, ...]
    not_instrumented: tuple[tuple[str, str], ...]  # a column, and how to turn it on
    requests: tuple[RequestRow, ...]
    duplicates: tuple[RequestRow, ...]
    unused: tuple[str, ...]  # outputs that nobody reads
    no_products: Empty = NO_PRODUCTS
    no_requests: Empty = _NO_REQUESTS
    news: tuple[Line, ...] = ()
    unused_mark: Mark = UNUSED


def product_home(asked: Asked) -> Shown:
    """Show what happened to a reader's products and what waits for them; to all products, where none is theirs."""
    mine = products_of(asked)
    chosen = [p for p in asked.snapshot.products if not mine or p.product.id in mine]
    span = span_of(asked)
    requests = open_requests(asked)
    lines = lines_since(asked, span, [p.product.id for p in chosen])
    missing = tuple(_not_instrumented(asked))
    model = ProductHome(
        spans=span_tabs("product", span),
        since=span.text,
        lines=lines,
        waiting=waiting(asked),
        is_mine=bool(mine),
        headings=_headings({name for name, _ in missing}),
        strip=_strip(asked, chosen, requests),
        not_instrumented=missing,
        requests=requests[:8],
        duplicates=tuple(row for row in requests if row.alike),
        unused=unused_of(asked, frozenset(p.product.id for p in chosen)),
    )
    return Shown("pages/homes/product.html", "Home", model, _sentence(lines, chosen), nav="home", part="decisions")


def _sentence(lines: tuple[Line, ...], chosen: list[ProductStatus]) -> str:
    if not chosen:
        return ""
    wrong = [line for line in lines if line.mark.tone in ("bad", "warn")]
    of = counted(len(chosen), "products")
    return f"{counted(len(wrong), 'things')} to look at, of {of}." if wrong else f"Nothing to look at, of {of}."


def _headings(missing: set[str]) -> tuple[Heading, ...]:
    """Return the columns of the strip; one that nothing tells of says so here, and nowhere else."""
    plain = ("Certified metrics", "People, 30 days", "Checks hold", "Promise kept, 30 days", "Cost", "Open requests")
    named = [f"{name}: {NOT_YET}" if name in missing else name for name in plain]
    narrow = {"Checks hold", "Open requests"}
    return (
        Heading("Product"),
        Heading("Now"),
        *(Heading(name, "num", narrow=any(name.startswith(n) for n in narrow)) for name in named),
    )


def _not_instrumented(asked: Asked) -> list[tuple[str, str]]:
    """Return the columns of the strip that nothing tells of, each with how to turn it on."""
    ledger = asked.served.snapshots.ledger
    found = []
    if not _readers(asked):
        found.append(("People, 30 days", how_of("usage.query")))
    if next(ledger.read(types=("run.completed",), limit=1), None) is None:
        found.append(("Promise kept, 30 days", "Publish with `freehold run`."))
    if next(ledger.read(types=("cost.recorded", "cost.allocated"), limit=1), None) is None:
        found.append(("Cost", how_of("cost.recorded")))
    return found


def _readers(asked: Asked) -> Mapping[str, Readers]:
    """Return who read each product in 30 days, looked up once for each snapshot."""
    kept, key = asked.snapshot._details, "readers"
    if key not in kept:
        since = (asked.snapshot.taken_at - WINDOW).date()
        kept[key] = asked.served.listing.of(asked.snapshot).readers_of_products(since)
    found: Mapping[str, Readers] = kept[key]
    return found


def _strip(asked: Asked, chosen: list[ProductStatus], requests: tuple[RequestRow, ...]) -> tuple[StripRow, ...]:
    kept, readers, certified = _kept(asked), _readers(asked), _certified(asked)
    wanted = Counter(row.product for row in requests)
    rows = []
    for status in chosen:
        id_, verdicts = status.product.id, checks_of(status)
        total = sum(n for verdict, n in verdicts.items() if verdict != "skipped")
        passed, tried = kept.get(id_, (0, 0))
        read, intended = readers.get(id_, Readers(0)), status.product.audience.get("intended")
        people = f"{read.people}{f' of {intended}' if intended else ''}{_simulated(read)}"
        good, metrics = certified.get(id_, (0, 0))
        rows.append(
            StripRow(
                id=id_,
                state=SAFE[status.safe],
                certified=f"{good} of {metrics}" if metrics else "",
                people=people if readers else "",
                readers=read.people,
                quality=percent(verdicts.get("pass", 0) / total, 1) if total else "",
                share=verdicts.get("pass", 0) / total if total else None,
                kept=percent(passed / tried, 1) if tried else "",
                kept_share=passed / tried if tried else None,
                requests=wanted[id_],
            )
        )
    return tuple(rows)


def _simulated(read: Readers) -> str:
    if not read.simulated:
        return ""
    return ", simulated" if read.simulated == read.people else f", {read.simulated} simulated"


def _certified(asked: Asked) -> dict[str, tuple[int, int]]:
    """Return how many of the metrics that each product's data makes are certified."""
    catalogue = catalogue_in(asked)
    found: dict[str, tuple[int, int]] = {}
    for metric in catalogue.metrics():
        for product in {source.rpartition(".")[0] for source in sources_of(catalogue, metric)}:
            good, total = found.get(product, (0, 0))
            found[product] = (good + (metric.status == "certified"), total + 1)
    return found


def _kept(asked: Asked) -> dict[str, tuple[int, int]]:
    """Count the versions of each product that passed at once in 30 days, and all that were tried."""
    kept, key = asked.snapshot._details, "promises"
    if key not in kept:
        since = asked.snapshot.taken_at - WINDOW
        told = asked.served.snapshots.ledger.read(types=("run.completed",), env=asked.snapshot.env, since=since)
        kept[key] = promises_kept(told)
    counts: dict[str, tuple[int, int]] = kept[key]
    return counts
