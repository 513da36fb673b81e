"""The list of products: which are safe to use now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlencode

from freehold.delivery import ProductStatus
from freehold.delivery.deployments import Deployment
from freehold.foundation.words import counted
from freehold.server.snapshots import Snapshot
from freehold.server.web.model import SAFE, Empty, Heading, Mark, Moment
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
MOST_ROWS = 100  # of a page, and of the list on a home
_LONGEST = 200  # characters that products are narrowed by
NO_PRODUCTS = Empty(
    "No product has assets yet",
    "A product is a file that says who answers for what, and a model or a contract beside it.",
    "freehold init my-estate",
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

    def has(self, text: str) -> bool:
        """Whether each of some words is in what it is found by."""
        own = f"{self.id} {self.name} {self.owner} {self.domain} {self.safe.word}".lower()
        return all(word in own for word in text.lower().split())


@dataclass(frozen=True, slots=True)
class ProductsPage:
    """Products, a page of them where there are more; `text` is what they were narrowed to.

    `is_whole` says that every product there is stands here, so that the browser can narrow them by itself.
    """

    headings: tuple[Heading, ...]
    products: tuple[ProductRow, ...]
    no_products: Empty = NO_PRODUCTS
    is_whole: bool = True
    text: str = ""
    told: str = ""
    next_href: str = ""


def products(asked: Asked) -> Shown:
    """Show products: all of them, or a page of those that have some words."""
    every = rows_of(asked.snapshot)
    text, after = asked.word("q").strip()[:_LONGEST], asked.word("after")
    fitting = tuple(row for row in every if row.has(text)) if text else every
    left = tuple(row for row in fitting if row.id > after) if after else fitting
    shown, is_whole = left[:MOST_ROWS], len(every) <= MOST_ROWS and left is every
    page = ProductsPage(
        headings=HEADINGS,
        products=shown,
        no_products=_none_with(text) if every else NO_PRODUCTS,
        is_whole=is_whole,
        text=text,
        told="" if is_whole or not every else f"{len(shown):,} of {counted(len(fitting), 'products')}",
        next_href=_href(q=text, after=shown[-1].id) if len(left) > len(shown) else "",
    )
    sentence = asked.snapshot.derived("sentence of products", lambda: sentence_of(every))
    return Shown("pages/products.html", "Products", page, sentence, nav="products")


def _none_with(text: str) -> Empty:
    return Empty(f"No product has {text}", "Its name, domain, owner and state are looked through.")


def _href(**words: str) -> str:
    return f"/products?{urlencode({name: word for name, word in words.items() if word})}"


def rows_of(snapshot: Snapshot) -> tuple[ProductRow, ...]:
    """Return every product as a row, in the order of their ids."""
    return snapshot.derived("rows of products", lambda: tuple(row_of(status) for status in snapshot.products))


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
    return Moment(one.at, f"{what}: {where}" if where else what, told, tone, f"/deployments/{one.id}")  # type: ignore[arg-type]


def utc(at: datetime | None) -> datetime | None:
    """Return an instant of data, which is told without a zone, as the UTC that it is."""
    return at.replace(tzinfo=UTC) if at is not None and at.tzinfo is None else at


def row_of(status: ProductStatus) -> ProductRow:
    """Return a product as a row of a list."""
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


def sentence_of(rows: tuple[ProductRow, ...]) -> str:
    """Say in a sentence how all products stand."""
    if not rows:
        return ""
    safe = sum(row.safe.tone == "ok" for row in rows)
    held = sum(row.quarantined for row in rows)
    told = [f"{safe} of {counted(len(rows), 'products')} safe to use now"]
    told.append(f"{counted(held, 'candidates')} held in quarantine" if held else "nothing held in quarantine")
    return ", ".join(told) + "."
