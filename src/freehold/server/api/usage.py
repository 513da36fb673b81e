"""Usage: how outputs and products are used, and which accounts of other systems are nobody's."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

from fastapi import FastAPI, Path, Request
from pydantic import Field

from freehold.insight.usage import AssetUse, Instrumented, use_json
from freehold.server.api.model import After, Limit, Strict, asked_by, page_of
from freehold.server.used import accounts_unmatched, assets_used, product_used, reader_name, reader_names


class OutputUse(Strict):
    """How an output was used in 30 days."""

    asset: str
    product: str
    people: int = Field(description="distinct people who read it")
    others: int = Field(description="distinct services, agents, and accounts of nobody")
    simulated: int = Field(description="how many of the people are simulated, as in a demo")
    reads: int
    last: datetime | None = Field(description="when it was read last, however long ago")
    is_unused: bool = Field(description="whether nobody read it in 90 days of which reads are recorded")


class OutputUses(Strict):
    """Outputs by their ids, and since when reads are recorded."""

    items: list[OutputUse]
    next: str | None = Field(description="the cursor of the next page; null at the end")
    recorded_since: datetime | None = Field(description="null where no read was ever recorded")
    sources: list[str] = Field(description="systems that tell of what went past Freehold")


class ReaderUse(Strict):
    """Somebody who read a product in 30 days."""

    name: str
    kind: str = Field(description="person, service, agent, simulated, unknown")
    segment: str = Field(description="the team that names them among its members; empty for none")
    reads: int
    days: int = Field(description="days on which they read it")
    last: datetime
    is_intended: bool = Field(description="whether it was launched for them")


class WeekUse(Strict):
    """A week, from Monday in UTC."""

    starts: date
    people: int
    others: int
    reads: int


class MetricUse(Strict):
    """How often a metric was asked for in 30 days."""

    metric: str
    readers: int
    questions: int


class DashboardLooks(Strict):
    """How often a dashboard that reads the product was looked at in 30 days."""

    dashboard: str
    viewers: int
    views: int
    last: datetime


class ProductUseDetail(Strict):
    """How a product is used, in 30 days where nothing else is said."""

    product: str
    recorded_since: datetime | None
    sources: list[str]
    audience: int | None = Field(description="for how many it was launched; null where no launch names anybody")
    active: int = Field(description="how many of those read it")
    never: int = Field(description="how many of those never did")
    readers: list[ReaderUse]
    weeks: list[WeekUse] = Field(description="the last 13, the last of which is not over")
    assets: list[OutputUse]
    columns: dict[str, dict[str, int]] = Field(description="reads of each column by asset, `*` of all columns at once")
    metrics: list[MetricUse]
    dashboards: list[DashboardLooks]


class UnmatchedAccount(Strict):
    """An account of another system that no team names."""

    consumer: str = Field(description="as events name it")
    source: str
    account: str | None = Field(description="as its system names it; null once erased")
    kind: str
    reads: int
    views: int
    last: datetime


class UnmatchedAccounts(Strict):
    """Accounts by the names that events have for them; none for who may not see all."""

    items: list[UnmatchedAccount]
    next: str | None = Field(description="the cursor of the next page; null at the end")


def add(app: FastAPI) -> None:
    """Add the routes of usage."""
    app.get("/usage", summary="Use of outputs", operation_id="list_usage")(_uses)
    app.get("/usage/unmatched", summary="Accounts of nobody", operation_id="list_unmatched")(_unmatched)
    app.get("/products/{id}/usage", summary="Use of a product", operation_id="get_product_usage")(_product)


def _uses(request: Request, limit: Limit = 100, after: After = "") -> OutputUses:
    """List outputs by their ids, with who reads them."""
    asked = asked_by(request)
    uses, recorded = assets_used(asked)
    rows, more = page_of(sorted(uses, key=lambda one: one.asset), lambda one: one.asset, after, limit)
    items = [_output(one, recorded, asked.snapshot.taken_at) for one in rows]
    return OutputUses(items=items, next=more, recorded_since=recorded.since, sources=list(recorded.sources))


def _product(request: Request, id: Annotated[str, Path(max_length=200)]) -> ProductUseDetail:
    """Return who uses a product, what of it, and how many of those it is made for."""
    asked = asked_by(request)
    now, names = asked.snapshot.taken_at, reader_names(asked)
    told = use_json(product_used(asked, asked.snapshot.product(id).product.id), now)
    readers = [ReaderUse(**{**one, "name": reader_name(one["name"], names)}) for one in told.pop("readers")]
    return ProductUseDetail(**told, readers=readers)


def _unmatched(request: Request, limit: Limit = 100, after: After = "") -> UnmatchedAccounts:
    """List accounts of warehouses and tools that no team names."""
    found = sorted(accounts_unmatched(asked_by(request)) or (), key=lambda one: one.consumer)
    rows, more = page_of(found, lambda one: one.consumer, after, limit)
    items = [
        UnmatchedAccount(
            consumer=a.consumer, source=a.source, account=a.name or None, kind=a.kind, reads=a.reads, views=a.views,
            last=a.last,
        )
        for a in rows
    ]  # fmt: skip
    return UnmatchedAccounts(items=items, next=more)


def _output(one: AssetUse, recorded: Instrumented, now: datetime) -> OutputUse:
    same = ("asset", "product", "people", "others", "simulated", "reads", "last")
    return OutputUse(**{name: getattr(one, name) for name in same}, is_unused=one.is_unused(recorded, now))
