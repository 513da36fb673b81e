"""The list of products, and the home page that begins with it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from freehold.delivery import ProductStatus
from freehold.delivery.deployments import Deployment
from freehold.foundation.words import counted
from freehold.server.snapshots import Snapshot
from freehold.server.web.model import SAFE, Empty, Heading, Kpi, Mark, Moment
from freehold.server.web.showing import Asked, Shown

HEADINGS = (
    Heading("Product"),
    Heading("Safe to use"),
    Heading("Fresh as of", "num"),
    Heading("Published", "num", narrow=False),
    Heading("Checks", "num", narrow=False),
    Heading("Held", "num", narrow=False),
    Heading("Tier", "num", narrow=False),
    Heading("Owner", narrow=False),
)
NO_PRODUCTS = Empty(
    "No product has assets yet",
    "A product is a file that says who answers for what, and a model or a contract beside it.",
    "freehold init my-estate",
)
NO_CHANGES = Empty(
    "No change was deployed yet",
    "What `freehold apply` puts in force stands here, with what it moved and whether it is still live.",
    "freehold plan",
)


@dataclass(frozen=True, slots=True)
class ProductRow:
    """A product in a list."""

    id: str
    name: str
    domain: str
    owner: str
    tier: int
    safe: Mark
    reasons: tuple[str, ...]
    fresh_as_of: datetime | None
    published_at: datetime | None
    checks: str
    failing: int
    quarantined: int


@dataclass(frozen=True, slots=True)
class ProductsPage:
    """All products."""

    headings: tuple[Heading, ...]
    products: tuple[ProductRow, ...]
    no_products: Empty = NO_PRODUCTS


@dataclass(frozen=True, slots=True)
class HomePage:
    """The state of the estate's products now, and what was deployed lately."""

    figures: tuple[Kpi, ...]
    wanting: tuple[ProductRow, ...]
    headings: tuple[Heading, ...]
    products: tuple[ProductRow, ...]
    lately: tuple[Moment, ...]
    no_changes: Empty = NO_CHANGES
    no_products: Empty = NO_PRODUCTS


def products(asked: Asked) -> Shown:
    """Show all products."""
    rows = rows_of(asked.snapshot)
    return Shown("pages/products.html", "Products", ProductsPage(HEADINGS, rows), _sentence(rows), nav="products")


def home(asked: Asked) -> Shown:
    """Show what holds now."""
    rows = rows_of(asked.snapshot)
    wanting = tuple(row for row in rows if row.safe.tone in ("bad", "warn"))
    changes = [d for d in asked.snapshot.deployments if d.kind != "data"][:8]
    model = HomePage(
        figures=_figures(rows, asked.snapshot),
        wanting=tuple(sorted(wanting, key=lambda row: (row.safe.tone != "bad", row.tier))),
        headings=HEADINGS,
        products=rows,
        lately=tuple(moment_of(d) for d in changes),
    )
    return Shown("pages/home.html", "Home", model, _sentence(rows), nav="home")


def rows_of(snapshot: Snapshot) -> tuple[ProductRow, ...]:
    """Return every product as a row."""
    return tuple(_row(status) for status in snapshot.products)


def checks_of(status: ProductStatus) -> dict[str, int]:
    """Count the verdicts that hold for what is live of a product."""
    total: dict[str, int] = {}
    for asset in status.assets:
        for verdict, count in asset.checks.items():
            total[verdict] = total.get(verdict, 0) + count
    return total


def moment_of(one: Deployment, product: str = "") -> Moment:
    """Return a deployment as something that happened; to a product, if one is named."""
    if product:
        touched = sorted(asset.rpartition(".")[2] for asset in one.assets if asset.rpartition(".")[0] == product)
    else:
        touched = sorted({asset.rpartition(".")[0] for asset in one.assets})
    where = ", ".join(touched[:3]) + (f" and {len(touched) - 3} more" if touched[3:] else "")
    what = {"rollback": "Taken back", "change": "Changed", "data": "New data"}[one.kind]
    told = one.reason.partition("\n")[0]
    tone = {"success": "ok", "failed": "bad"}.get(one.status, "idle")
    if one.kind == "rollback":
        tone = "warn"
    return Moment(one.at, f"{what}: {where}" if where else what, told, tone, f"/deployments?kind=all#{one.id}")  # type: ignore[arg-type]


def utc(at: datetime | None) -> datetime | None:
    """Return an instant of data, which is told without a zone, as the UTC that it is."""
    return at.replace(tzinfo=UTC) if at is not None and at.tzinfo is None else at


def _row(status: ProductStatus) -> ProductRow:
    product, verdicts = status.product, checks_of(status)
    return ProductRow(
        id=product.id,
        name=product.name or product.id,
        domain=product.domain or "",
        owner=product.team or "",
        tier=product.tier,
        safe=SAFE[status.safe],
        reasons=status.reasons,
        fresh_as_of=utc(status.data_until),
        published_at=status.published_at,
        checks=" · ".join(f"{count} {verdict}" for verdict, count in sorted(verdicts.items(), key=_worst_first)),
        failing=verdicts.get("fail", 0) + verdicts.get("error", 0),
        quarantined=sum(len(asset.quarantined) for asset in status.assets),
    )


def _worst_first(item: tuple[str, int]) -> int:
    order = ("error", "fail", "warn", "skipped", "pass")
    return order.index(item[0])


def _sentence(rows: tuple[ProductRow, ...]) -> str:
    if not rows:
        return ""
    safe = sum(row.safe.tone == "ok" for row in rows)
    held = sum(row.quarantined for row in rows)
    told = [f"{safe} of {counted(len(rows), 'products')} safe to use now"]
    told.append(f"{counted(held, 'candidates')} held in quarantine" if held else "nothing held in quarantine")
    return ", ".join(told) + "."


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
