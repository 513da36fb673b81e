"""Products: whether each is safe to use now and why, what it promises and whether that held."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any

from fastapi import FastAPI, Path, Request, Response
from pydantic import Field

from freehold.server.api.model import After, DeprecatedItem, Limit, Strict, asked_by, deprecated_item, page_of
from freehold.server.leaving import headers_of
from freehold.server.web.pages import product as product_pages
from freehold.server.web.pages.product import CheckRow, ContractPart
from freehold.server.web.pages.products import ProductRow, row_of, rows_of
from freehold.server.web.showing import Asked


class ProductItem(Strict):
    """A product and whether it is safe to use now."""

    id: str
    name: str
    domain: str
    owner: str
    tier: int
    safe: str = Field(description="safe to use, last good version, not safe, watched only")
    reasons: list[str]
    fresh_as_of: datetime | None
    published_at: datetime | None
    quarantined: int


class ProductList(Strict):
    """Products in the order of their ids."""

    items: list[ProductItem]
    next: str | None = Field(description="the cursor of the next page; null at the end")
    as_of: datetime


class AssetItem(Strict):
    """An asset of a product, and where it is read."""

    id: str
    kind: str
    relation: str
    output: bool
    rows: int
    fresh_as_of: datetime | None
    published_at: datetime | None
    pinned: bool
    deprecated_until: date | None
    deprecated: DeprecatedItem | None


class CheckItem(Strict):
    """A claim of a contract, and the verdict on what is live."""

    claim: str
    verdict: str = Field(description="pass, warn, fail, error, skipped, not judged")
    found: str
    blocking: bool


class ColumnItem(Strict):
    """A column as a contract has it, with the claims about it."""

    name: str
    type: str
    description: str
    key: bool
    classification: str
    checks: list[CheckItem]


class ContractItem(Strict):
    """What is promised of one asset."""

    asset: str
    version: str
    description: str
    state: str
    columns: list[ColumnItem]
    checks: list[CheckItem] = Field(description="of the asset as a whole")


class ConsumerItem(Strict):
    """Somebody who read the product in the last 30 days."""

    name: str
    reads: int
    simulated: bool


class ProductDetail(ProductItem):
    """A product as its consumers need to know it."""

    version: str
    status: str
    purpose: str
    limitations: str
    assets: list[AssetItem]
    contracts: list[ContractItem]
    consumers: list[ConsumerItem]
    deprecated: DeprecatedItem | None
    as_of: datetime


def add(app: FastAPI) -> None:
    """Add the routes of products."""
    app.get("/products", summary="Products", operation_id="list_products")(_products)
    app.get("/products/{id}", summary="A product", operation_id="get_product")(_product)


def _products(request: Request, limit: Limit = 100, after: After = "") -> ProductList:
    """List products in the order of their ids."""
    snapshot = asked_by(request).snapshot
    rows, more = page_of(rows_of(snapshot), lambda row: row.id, after, limit)
    return ProductList(items=[ProductItem(**_row(row)) for row in rows], next=more, as_of=snapshot.taken_at)


def _product(request: Request, response: Response, id: Annotated[str, Path(max_length=200)]) -> ProductDetail:
    """Return what a product promises, whether that holds, and who reads it."""
    asked = asked_by(request)
    shown = product_pages.shown_product(asked, id)
    page: product_pages.ProductPage = shown.model
    row = row_of(asked.snapshot.product(page.id))
    response.headers.update(headers_of(asked, f"product:{page.id}"))
    return ProductDetail(
        **_row(row),
        version=page.version,
        status=page.status,
        purpose=shown.sentence,
        limitations=page.limitations,
        assets=[_asset(asked, one) for one in page.assets],
        contracts=[_contract(one) for one in page.contracts],
        consumers=[ConsumerItem(name=c.name, reads=c.reads, simulated=c.is_simulated) for c in page.consumers],
        deprecated=deprecated_item(asked, f"product:{page.id}"),
        as_of=asked.snapshot.taken_at,
    )


def _row(row: ProductRow) -> dict[str, Any]:
    same = ("id", "name", "domain", "owner", "tier", "fresh_as_of", "published_at", "quarantined")
    return {name: getattr(row, name) for name in same} | {"safe": row.safe.word, "reasons": list(row.reasons)}


def _asset(asked: Asked, one: product_pages.AssetRow) -> AssetItem:
    same = ("id", "kind", "relation", "rows", "fresh_as_of", "published_at", "pinned", "deprecated_until")
    deprecated = deprecated_item(asked, f"asset:{one.id}")
    return AssetItem(**{name: getattr(one, name) for name in same}, output=one.is_output, deprecated=deprecated)


def _contract(one: ContractPart) -> ContractItem:
    columns = [
        ColumnItem(
            name=column.name,
            type=column.type,
            description=column.description,
            key=column.is_key,
            classification=column.classification,
            checks=[_check(check) for check in column.checks],
        )
        for column in one.columns
    ]
    checks = [_check(check) for check in one.checks]
    words = {"asset": one.asset, "version": one.version, "description": one.description, "state": one.state.word}
    return ContractItem(**words, columns=columns, checks=checks)


def _check(one: CheckRow) -> CheckItem:
    return CheckItem(claim=one.claim, verdict=one.mark.word, found=one.found, blocking=one.blocking)
