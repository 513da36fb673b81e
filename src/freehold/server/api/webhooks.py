"""`/api/v1/webhooks`: who is told of events, how that stands, what was sent; a ping, and sending again.

A token reads; having something sent takes a person who is signed in.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

from fastapi import FastAPI, Path, Query, Request
from pydantic import AwareDatetime, Field

from freehold.server.api.model import Strict
from freehold.server.webhooks.telling import Stands, delivery_object
from freehold.server.webhooks.window import Window

if TYPE_CHECKING:
    from freehold.ledger.deliveries import Delivery

_Id = Annotated[str, Path(max_length=200)]


class SubscriptionItem(Strict):
    """A subscription, and how it stands."""

    id: str
    name: str
    owner: str
    url: str = Field(description="where events go; a reference where the address is a secret, and never with a query")
    as_: str = Field(alias="as", description="the service account with whose eyes it sees")
    types: list[str]
    products: list[str]
    environments: list[str]
    state: str = Field(description="well, catching up, failing, disabled, paused, without an account, not begun")
    told: str = Field(description="why, where it is not well")
    behind: int = Field(description="events it has not come to yet, whether they are for it or not")
    waiting: int = Field(description="events that were set aside, for another attempt")
    dead: int = Field(description="events whose attempts are used up")
    cursor: int | None = Field(description="the number of the last event that is out of its line")
    delivered_at: datetime | None
    failing_since: datetime | None
    next_at: datetime | None = Field(description="when its line goes on, where the receiver is ill")


class SubscriptionList(Strict):
    """The subscriptions that the asker may see."""

    items: list[SubscriptionItem]


class DeliveryItem(Strict):
    """An event on its way to a subscription, or there; `id` is the `webhook-id` of every attempt."""

    id: str
    seq: int = Field(description="the number of the event; 0 of a ping")
    type: str
    kind: str = Field(description="event, ping")
    state: str = Field(description="waiting, delivered, dead, failed (of a ping)")
    attempts: int
    status: int | None = Field(description="of the last answer; null where there was none")
    problem: str | None
    took_ms: float
    first_at: datetime | None
    last_at: datetime | None
    next_at: datetime | None


class DeliveryList(Strict):
    """Deliveries, what was tried last first."""

    items: list[DeliveryItem]
    next: datetime | None = Field(description="the `before` of the next page; null at the end")


class Enabled(Strict):
    """Whether it was disabled until now."""

    enabled: bool


def add(app: FastAPI) -> None:
    """Add the routes of webhooks."""
    below = "/webhooks/{id}"
    app.get("/webhooks", summary="Subscriptions", operation_id="list_subscriptions")(_subscriptions)
    app.get(below, summary="A subscription", operation_id="get_subscription")(_subscription)
    app.get(f"{below}/deliveries", summary="What was sent", operation_id="list_deliveries")(_deliveries)
    app.post(f"{below}/ping", summary="Send a ping", operation_id="ping_subscription", status_code=202)(_ping)
    app.post(f"{below}/enable", summary="Let it go on", operation_id="enable_subscription")(_enable)
    app.post(
        f"{below}/deliveries/{{delivery}}/redeliver", summary="Send an event now",
        operation_id="redeliver", status_code=202,
    )(_redeliver)  # fmt: skip


def _subscriptions(request: Request) -> SubscriptionList:
    """List who is told of events."""
    return SubscriptionList(items=[_item(one) for one in _window(request).all()])


def _subscription(request: Request, id: _Id) -> SubscriptionItem:
    """Return a subscription, and how it stands."""
    return _item(_window(request).get(id))


def _deliveries(
    request: Request,
    id: _Id,
    state: Annotated[str, Query(max_length=20, description="waiting, delivered, dead, failed")] = "",
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
    before: Annotated[
        AwareDatetime | None, Query(description="go on before an instant, with its zone: `next` of the page before")
    ] = None,
) -> DeliveryList:
    """List what was sent to a subscription, or is to be sent again."""
    states = (state,) if state else ()
    found = _window(request).deliveries(id, states, limit + 1, before)
    more = found[limit - 1].last_at if len(found) > limit else None
    return DeliveryList(items=[_delivery(one) for one in found[:limit]], next=more)


def _ping(request: Request, id: _Id) -> DeliveryItem:
    """Have a ping sent; what came of it is among the deliveries a moment later."""
    return _delivery(_window(request).ping(id))


def _redeliver(request: Request, id: _Id, delivery: _Id) -> DeliveryItem:
    """Have an event sent now, under the id it had: what is dead, what waits, or any event again."""
    return _delivery(_window(request).redeliver(id, delivery))


def _enable(
    request: Request,
    id: _Id,
    skip: Annotated[bool, Query(description="leave out what happened meanwhile")] = False,
) -> Enabled:
    """Let a subscription that was disabled go on where it was."""
    return Enabled(enabled=_window(request).enable(id, skip=skip))


def _window(request: Request) -> Window:
    return Window(request.app.state.served, request.state.who)


def _item(one: Stands) -> SubscriptionItem:
    return SubscriptionItem(**one.as_object())


def _delivery(one: Delivery) -> DeliveryItem:
    return DeliveryItem(**delivery_object(one))
