"""The catalog: search, and what goes into what."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from fastapi import FastAPI, Query, Request, Response
from pydantic import Field

from freehold.catalog import BlastRadius, Hit, Hop, Node, Question, Reach
from freehold.server.api.model import Strict, asked_by
from freehold.server.leaving import gone_is_told, headers_of

MOST_HITS = 100


class HitItem(Strict):
    """One thing of the catalog that was found, and why it stands where it does."""

    kind: str
    id: str
    title: str
    why: list[str]
    certified: bool
    status: str
    description: str
    owner: str
    product: str
    state: str
    columns: list[str]
    replaced_by: str | None
    sunset: str | None = Field(description="of what is deprecated: its last day")
    readers: int = Field(description="people who read it in 30 days")


class HitList(Strict):
    """What came of a search, the closest first."""

    items: list[HitItem]
    next: str | None = Field(description="the cursor of the next page; null at the end")
    total: int
    kinds: dict[str, int] = Field(description="how many of each kind, whatever kind was asked for")
    near: list[str] = Field(description="names close to one that nothing has")
    as_of: datetime


class NodeItem(Strict):
    """An entry of the catalog, or one column of it."""

    kind: str
    id: str
    column: str | None
    product: str
    owner: str
    status: str


class HopItem(Strict):
    """Everything at one distance; those that matter most are named."""

    hop: int
    count: int
    products: dict[str, int]
    nodes: list[NodeItem]


class HitBy(Strict):
    """Who is hit if it is dropped. People are counted and never named."""

    assets: int
    kinds: dict[str, int] = Field(description="how many of each kind; of metrics, dashboards and jobs 100 are named")
    metrics: list[NodeItem]
    dashboards: list[NodeItem]
    jobs: list[NodeItem] = Field(description="jobs of other tools")
    owners: dict[str, int]
    people: int = Field(description="who read any of it in 30 days")
    services: dict[str, int] = Field(description="how often each read any of it in 30 days")


class Lineage(Strict):
    """What something goes into, or comes from, hop by hop."""

    of: str
    kind: str
    column: str | None
    way: Literal["down", "up", "drop"]
    count: int
    hops: list[HopItem]
    is_cut: bool = Field(description="whether there is more than was walked")
    drops: HitBy | None = Field(description="with `way=drop`: who is hit")
    as_of: datetime


def add(app: FastAPI) -> None:
    """Add the routes of the catalog."""
    app.get("/search", summary="Search", operation_id="search")(_search)
    app.get("/lineage", summary="Lineage", operation_id="get_lineage")(_lineage)


def _search(
    request: Request,
    q: Annotated[str, Query(min_length=1, max_length=200, description="the words")],
    kind: Annotated[str, Query(max_length=40)] = "",
    limit: Annotated[int, Query(ge=1, le=MOST_HITS)] = 20,
    cursor: Annotated[str, Query(max_length=200, description="the cursor of the page before")] = "",
) -> HitList:
    """Find things by any of their names: an exact name first, certified ones first, and why."""
    asked = asked_by(request)
    question = Question(q, (kind,) if kind else (), limit=limit, cursor=cursor).checked()
    found = asked.served.listing.of(asked.snapshot).search(question)
    return HitList(
        items=[_hit(one) for one in found.hits],
        next=found.next or None,
        total=found.total,
        kinds=dict(found.kinds),
        near=list(found.near),
        as_of=asked.snapshot.taken_at,
    )


def _lineage(
    request: Request,
    response: Response,
    of: Annotated[str, Query(min_length=1, max_length=400, description="an entry, or a column of one")],
    way: Annotated[Literal["down", "up", "drop"], Query()] = "down",
    depth: Annotated[int, Query(ge=1, le=30)] = 2,
) -> Lineage:
    """Return what something goes into or comes from, hop by hop; with `drop`, who is hit if it goes."""
    asked = asked_by(request)
    asked.served.intake.settle()
    catalog = asked.served.listing.of(asked.snapshot)
    with gone_is_told(asked, [of.strip()]):
        start, radius = catalog.find(of.strip()), None
    response.headers.update(headers_of(asked, str(start.key)))
    if way == "drop":
        radius = catalog.blast_radius(start)
        found: Reach = radius.reach
    else:
        found = catalog.reach(start, down=way == "down", depth=depth)
    return Lineage(
        of=start.key.id,
        kind=start.key.kind,
        column=start.column or None,
        way=way,
        count=found.count,
        hops=[_hop(one) for one in found.hops],
        is_cut=found.is_cut,
        drops=_drops(radius) if radius else None,
        as_of=asked.snapshot.taken_at,
    )


def _hit(one: Hit) -> HitItem:
    same = ("title", "status", "description", "owner", "product", "state")
    return HitItem(
        **{name: getattr(one, name) for name in same},
        kind=one.key.kind,
        id=one.key.id,
        why=list(one.why),
        certified=one.is_certified,
        columns=list(one.columns),
        replaced_by=one.replaced_by.id if one.replaced_by else None,
        sunset=one.sunset or None,
        readers=one.persons,
    )


def _hop(one: Hop) -> HopItem:
    return HopItem(hop=one.hop, count=one.count, products=dict(one.products), nodes=[_node(n) for n in one.nodes])


def _node(one: Node) -> NodeItem:
    column = one.column or None
    words = {"product": one.product, "owner": one.owner, "status": one.status}
    return NodeItem(kind=one.key.kind, id=one.key.id, column=column, **words)


def _drops(radius: BlastRadius) -> HitBy:
    return HitBy(
        assets=radius.assets,
        kinds=dict(radius.kinds),
        metrics=[_node(one) for one in radius.metrics],
        dashboards=[_node(one) for one in radius.dashboards],
        jobs=[_node(one) for one in radius.jobs],
        owners=dict(radius.owners),
        people=radius.persons,
        services={one.name: one.reads for one in radius.services},
    )
