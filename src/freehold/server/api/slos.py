"""`/api/v1/slos`: how often promises are kept, and what is left of their error budgets."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

from fastapi import FastAPI, Path, Query, Request, Response
from pydantic import Field

from freehold.reliability.slo import Attainment
from freehold.server.api.model import After, Limit, Strict, asked_by, page_of
from freehold.server.attained import attained
from freehold.server.tags import lasting_tag_of

_MOVING = ("since", "until")  # where a window begins and ends: it goes on with the clock, whatever stands in it


class SloFires(Strict):
    """A rule of two windows in both of which the budget burns as fast as its threshold."""

    long: str = Field(description="the long window: 1h")
    short: str = Field(description="the short one: 5m")
    threshold: float
    urgent: bool = Field(description="whether somebody should look now, and not in the course of days")


class SloDay(Strict):
    """A day, in UTC."""

    day: date
    bad: float | None = Field(description="the share that was bad; null where nothing was judged")


class SloEntry(Strict):
    """An SLO, and how it stands."""

    id: str
    name: str
    service: str = Field(description="the product or asset")
    product: str
    assets: list[str]
    indicator: str = Field(description="freshness, availability, checks, runs")
    method: str = Field(description="Timeslices or Occurrences")
    target: float
    window: str = Field(description="28d, or of a calendar: this month")
    since: datetime
    until: datetime
    state: str = Field(description="kept, burning, exhausted, not instrumented")
    good: float | None = Field(description="the share that was good; null where nothing was judged")
    unit: str = Field(description="of budget, bad and judged: seconds or times")
    budget: float = Field(description="how much may be bad of what was judged")
    bad: float
    judged: float
    burnt: float | None = Field(description="the share of the budget that is used up")
    left: float | None = Field(description="the share that is left, below 0 where it is overdrawn")
    burn: dict[str, float] = Field(description="the burn rate by length of time up to now")
    fires: list[SloFires]
    bad_since: datetime | None
    exhausted_at: datetime | None = Field(description="when the budget is gone at the rate of now")
    worst: str | None = Field(description="the asset of which most was bad")
    days: list[SloDay]
    where: str = Field(description="the line that declares it")


class SloList(Strict):
    """SLOs by their ids."""

    items: list[SloEntry]
    next: str | None = Field(description="the cursor of the next page; null at the end")


def add(app: FastAPI) -> None:
    """Add the endpoints of SLOs."""
    app.get("/slos", summary="SLOs", operation_id="list_slos")(_slos)
    app.get("/slos/{id}", summary="An SLO", operation_id="show_slo")(_slo)


def _slos(
    request: Request, response: Response, product: Annotated[str, Query(max_length=200)] = "", limit: Limit = 100,
    after: After = "",
) -> SloList:  # fmt: skip
    """List the SLOs of products that the asker may see, or of one of them."""
    asked = asked_by(request)
    if product:
        asked.snapshot.product(product)
    found = sorted(attained(asked, product=product), key=lambda one: one.slo.id)
    page, more = page_of(found, lambda one: one.slo.id, after, limit)
    told = SloList(items=[_entry(one) for one in page], next=more)
    response.headers["ETag"] = lasting_tag_of(told.model_dump(mode="json"), _MOVING)
    return told


def _slo(request: Request, response: Response, id: Annotated[str, Path(max_length=300)]) -> SloEntry:
    """Tell how one SLO stands."""
    (found,) = attained(asked_by(request), slo=id)
    told = _entry(found)
    response.headers["ETag"] = lasting_tag_of(told.model_dump(mode="json"), _MOVING)
    return told


def _entry(one: Attainment) -> SloEntry:
    return SloEntry.model_validate(one.to_json(), strict=False)
