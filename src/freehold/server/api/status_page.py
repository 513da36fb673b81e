"""`/api/v1/status-page`: how products are, as the status page says it to everybody."""

from __future__ import annotations

from datetime import date, datetime

from fastapi import FastAPI, Request, Response
from pydantic import Field

from freehold.connect.status_page import PublicIncident, PublicProduct, Standing
from freehold.server.api.model import Strict, asked_by
from freehold.server.status_page import MOVING, page_now
from freehold.server.tags import lasting_tag_of


class PublicDay(Strict):
    """A day of a product, in the time zone of the estate."""

    day: date
    state: Standing


class PublicUpdate(Strict):
    """Words that a person approved for customers."""

    at: datetime
    text: str


class IncidentForCustomers(Strict):
    """An incident of which customers were told; its updates, the newest first."""

    id: str
    products: list[str]
    state: Standing
    began_at: datetime
    ended_at: datetime | None = Field(description="null while it is open")
    updates: list[PublicUpdate]


class ProductOnPage(Strict):
    """A product whose file puts it on the status page."""

    id: str
    name: str
    description: str
    state: Standing
    published_at: datetime | None
    days_available: int
    days_known: int = Field(description="days on which anything was due, or told")
    days: list[PublicDay] = Field(description="the last 90, the oldest first")


class StatusPageNow(Strict):
    """The status page, as of now."""

    name: str
    as_of: datetime
    state: Standing = Field(description="of the worst of the products")
    products: list[ProductOnPage]
    incidents: list[IncidentForCustomers]


def add(app: FastAPI) -> None:
    """Add the endpoint of the status page."""
    app.get("/status-page", summary="The status page", operation_id="get_status_page")(_status_page)


def _status_page(request: Request, response: Response) -> StatusPageNow:
    """Say how the products are that are on the status page, and what customers were told of incidents."""
    page = page_now(asked_by(request).served)
    told = StatusPageNow(
        name=page.name, as_of=page.as_of, state=page.standing, products=[_product(one) for one in page.products],
        incidents=[_incident(one) for one in page.incidents],
    )  # fmt: skip
    response.headers["ETag"] = lasting_tag_of(told.model_dump(mode="json"), MOVING)
    return told


def _product(one: PublicProduct) -> ProductOnPage:
    good, known = one.available
    return ProductOnPage(
        id=one.id, name=one.name, description=one.description, state=one.standing, published_at=one.published_at,
        days_available=good, days_known=known,
        days=[PublicDay(day=day.day, state=day.standing) for day in one.days],
    )  # fmt: skip


def _incident(one: PublicIncident) -> IncidentForCustomers:
    return IncidentForCustomers(
        id=one.id, products=list(one.products), state=one.standing, began_at=one.began_at, ended_at=one.ended_at,
        updates=[PublicUpdate(at=update.at, text=update.text) for update in one.updates],
    )  # fmt: skip
