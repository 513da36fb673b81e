"""`/api/v1`: the same snapshots for programs, typed, with an OpenAPI 3.1 description that clients can be made from.

Lists have cursors. Errors are problem objects (RFC 9457). Answers carry ETags. What a token may ask is its scopes'.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import FastAPI, Path, Query, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.responses import Response

from freehold import __version__
from freehold.catalog import Question
from freehold.foundation import FreeholdError
from freehold.metrics.fingerprint import definition_hash
from freehold.server.problems import answered, not_found
from freehold.server.web.pages import lineage as lineage_pages
from freehold.server.web.pages import metrics as metric_pages
from freehold.server.web.pages import product as product_pages
from freehold.server.web.pages.deployments import deployments as deployments_page
from freehold.server.web.pages.metrics import GRAINS, trend_of
from freehold.server.web.pages.products import rows_of
from freehold.server.web.showing import Asked

if TYPE_CHECKING:
    from freehold.server.application import Served

MOST = 500  # items of a page of a list
MOST_HITS = 100
_OF_PAGES = {"asset_headings", "column_headings", "figures", "no_consumers", "no_contract", "no_history", "snippets"}


class Strict(BaseModel):
    """A value of the API."""

    model_config = ConfigDict(extra="forbid")


class Problem(BaseModel):
    """What is wrong, as RFC 9457 has it, with Freehold's code and how to mend it."""

    type: str
    title: str
    status: int
    code: str
    instance: str
    where: str | None = None
    fix: str | None = None


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


class MetricItem(Strict):
    """A metric and its meaning in a sentence."""

    id: str
    label: str
    status: str
    sentence: str
    unit: str
    owner: str
    synonyms: list[str]


class MetricList(Strict):
    """Metrics, the certified first."""

    items: list[MetricItem]
    as_of: datetime


class ValueItem(Strict):
    """The value of one period."""

    period: str
    value: float


class MetricValues(Strict):
    """The values of a metric over time, and whether their data is sound."""

    metric: str
    by: str
    unit: str
    definition: str = Field(description="the hash of the definition they are by")
    state: str
    reasons: list[str]
    data_until: datetime | None
    values: list[ValueItem]


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
    readers: int = Field(description="people who read it in 30 days")


class HitList(Strict):
    """What came of a search, the closest first."""

    items: list[HitItem]
    next: str | None = Field(description="the cursor of the next page; null at the end")
    total: int
    kinds: dict[str, int] = Field(description="how many of each kind, whatever kind was asked for")
    near: list[str] = Field(description="names close to one that nothing has")
    as_of: datetime


class Me(Strict):
    """Who asks, as the server knows them."""

    principal: str
    name: str
    groups: list[str]
    assurance: str
    via: str
    scopes: list[str]


def api(served: Served) -> FastAPI:
    """Return the API, to be mounted."""
    problems: dict[int | str, dict[str, Any]] = {
        code: {"model": Problem, "description": told, "content": {"application/problem+json": {}}}
        for code, told in ((401, "not signed in"), (403, "not allowed"), (404, "not there"), (429, "too often"))
    }
    app = FastAPI(
        title="Freehold",
        version=__version__,
        summary="Data products of an estate: what holds now, by which definition, on what evidence.",
        docs_url=None,
        redoc_url=None,
        responses=problems,
        servers=[{"url": "/api/v1"}],
    )
    app.state.served = served
    app.add_exception_handler(FreeholdError, _wrong)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.get("/products", summary="Products", operation_id="list_products")(_products)
    app.get("/products/{id}", summary="A product", operation_id="get_product", response_model_exclude=_OF_PAGES)(
        _product
    )
    app.get("/metrics", summary="Metrics", operation_id="list_metrics")(_metrics)
    app.get("/metrics/{id}/values", summary="Values of a metric", operation_id="get_metric_values")(_values)
    app.get("/search", summary="Search", operation_id="search")(_search)
    app.get("/lineage", summary="Lineage", operation_id="get_lineage")(_lineage)
    app.get("/deployments", summary="Deployments", operation_id="list_deployments")(_deployments)
    app.get("/me", summary="Who asks", operation_id="get_me")(_me)
    return app


def _products(
    request: Request,
    limit: Annotated[int, Query(ge=1, le=MOST)] = 100,
    after: Annotated[str, Query(max_length=200, description="the cursor of the page before")] = "",
) -> ProductList:
    """List products in the order of their ids."""
    asked = _asked(request)
    rows = [row for row in rows_of(asked.snapshot) if row.id > after]
    items = [
        ProductItem(
            id=row.id,
            name=row.name,
            domain=row.domain,
            owner=row.owner,
            tier=row.tier,
            safe=row.safe.word,
            reasons=list(row.reasons),
            fresh_as_of=row.fresh_as_of,
            published_at=row.published_at,
            quarantined=row.quarantined,
        )
        for row in rows[:limit]
    ]
    more = items[-1].id if len(rows) > limit else None
    return ProductList(items=items, next=more, as_of=asked.snapshot.taken_at)


def _product(request: Request, id: Annotated[str, Path(max_length=200)]) -> product_pages.ProductPage:
    """Return all that a product's page shows."""
    asked = _asked(request)
    found: product_pages.ProductPage = product_pages.shown_product(asked, id).model
    return found


def _metrics(request: Request) -> MetricList:
    """List metrics."""
    asked = _asked(request)
    rows: tuple[metric_pages.MetricRow, ...] = metric_pages.metrics(asked).model.metrics
    items = [
        MetricItem(
            id=m.id,
            label=m.label,
            status=m.status.word,
            sentence=m.sentence,
            unit=m.unit,
            owner=m.owner,
            synonyms=list(m.synonyms),
        )
        for m in rows
    ]
    return MetricList(items=items, as_of=asked.snapshot.taken_at)


def _values(
    request: Request,
    id: Annotated[str, Path(max_length=200)],
    by: Annotated[str, Query(pattern=f"^({'|'.join(GRAINS)})$")] = "week",
) -> MetricValues:
    """Return the values of a metric by day, week or month."""
    asked = _asked(request)
    catalogue = metric_pages.catalogue_in(asked)
    metric = catalogue.metric(id)
    trend = trend_of(asked, metric, by)
    return MetricValues(
        metric=metric.id,
        by=by,
        unit=metric.words.get("unit", ""),
        definition=definition_hash(catalogue, metric),
        state=trend.state,
        reasons=list(trend.reasons),
        data_until=trend.data_until,
        values=[ValueItem(period=v.key, value=v.value) for v in trend.values],
    )


def _search(
    request: Request,
    q: Annotated[str, Query(min_length=1, max_length=200, description="the words")],
    kind: Annotated[str, Query(max_length=40)] = "",
    limit: Annotated[int, Query(ge=1, le=MOST_HITS)] = 20,
    cursor: Annotated[str, Query(max_length=200, description="the cursor of the page before")] = "",
) -> HitList:
    """Find things by any of their names: an exact name first, certified ones first, and why."""
    asked = _asked(request)
    question = Question(q, (kind,) if kind else (), limit=limit, cursor=cursor).checked()
    found = asked.served.listing.of(asked.snapshot).search(question)
    items = [
        HitItem(
            kind=one.key.kind,
            id=one.key.id,
            title=one.title,
            why=list(one.why),
            certified=one.is_certified,
            status=one.status,
            description=one.description,
            owner=one.owner,
            product=one.product,
            state=one.state,
            columns=list(one.columns),
            replaced_by=one.replaced_by.id if one.replaced_by else None,
            readers=one.persons,
        )
        for one in found.hits
    ]
    kinds, near = dict(found.kinds), list(found.near)
    return HitList(
        items=items, next=found.next or None, total=found.total, kinds=kinds, near=near, as_of=asked.snapshot.taken_at
    )


def _lineage(
    request: Request,
    of: Annotated[str, Query(min_length=1, max_length=400, description="an entry, or a column of one")],  # noqa: ARG001
    way: Annotated[str, Query(pattern="^(down|up|drop)$")] = "down",  # noqa: ARG001 read by the page
    depth: Annotated[int, Query(ge=1, le=30)] = 2,  # noqa: ARG001
) -> lineage_pages.LineagePage:
    """Return what something goes into or comes from, hop by hop; with `drop`, who is hit if it goes."""
    asked = _asked(request)
    found: lineage_pages.LineagePage = lineage_pages.lineage(asked).model
    return found


def _deployments(
    request: Request,
    kind: Annotated[str, Query(pattern="^(changes|all)$")] = "changes",  # noqa: ARG001 read by the page
    product: Annotated[str, Query(max_length=200)] = "",  # noqa: ARG001
) -> dict[str, Any]:
    """List deployments, the newest first."""
    asked = _asked(request)
    rows = deployments_page(asked).model.deployments
    return {"items": rows, "as_of": asked.snapshot.taken_at}


def _me(request: Request) -> Me:
    """Say who asks."""
    who = request.state.who
    return Me(
        principal=who.principal, name=who.name, groups=list(who.groups), assurance=who.assurance, via=who.via,
        scopes=sorted(who.scopes),
    )  # fmt: skip


def _asked(request: Request) -> Asked:
    served: Served = request.app.state.served
    return Asked(request, served, request.state.who, served.snapshots.now())


async def _wrong(request: Request, error: Exception) -> Response:
    assert isinstance(error, FreeholdError)
    return answered(request, error)


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 405:
        told = FreeholdError("FH-A108", f"`{request.url.path}` does not take {request.method}.", fix="Try GET.")
        return answered(request, told)
    return answered(request, not_found(request.url.path))


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    told = "; ".join(f"`{'.'.join(str(p) for p in e['loc'][1:])}`: {e['msg']}" for e in error.errors())
    return answered(
        request, FreeholdError("FH-A112", f"The request is not well formed: {told}.", fix="See /api/v1/openapi.json.")
    )
