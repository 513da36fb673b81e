"""What was published when."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from fastapi import FastAPI, Query, Request
from pydantic import Field

from freehold.delivery.deployments import Deployment
from freehold.server.api.model import After, Limit, Strict, after_in, asked_by


class DeploymentItem(Strict):
    """A deployment: what was published at once."""

    id: str
    at: datetime
    kind: Literal["change", "data", "rollback"]
    status: str = Field(description="success, failed, abandoned")
    reason: str
    assets: list[str] = Field(description="what it moved, of what you may see")
    live: int = Field(description="how many of these are still as it left them")
    by: str


class DeploymentList(Strict):
    """Deployments, the newest first."""

    items: list[DeploymentItem]
    next: str | None = Field(description="the cursor of the next page; null at the end")
    as_of: datetime


def add(app: FastAPI) -> None:
    """Add the routes of deployments."""
    app.get("/deployments", summary="Deployments", operation_id="list_deployments")(_deployments)


def _deployments(
    request: Request,
    kind: Annotated[Literal["changes", "all"], Query()] = "changes",
    product: Annotated[str, Query(max_length=200)] = "",
    limit: Limit = 100,
    after: After = "",
) -> DeploymentList:
    """List deployments, the newest first: of changes and rollbacks, or all."""
    snapshot = asked_by(request).snapshot
    found = snapshot.deployments_of(product) if product else snapshot.deployments
    if product and not found:
        snapshot.product(product)
    chosen = [one for one in found if kind == "all" or one.kind != "data"]
    left = after_in(chosen, lambda one: one.id, after)
    more = left[limit - 1].id if len(left) > limit else None
    return DeploymentList(items=[_item(one) for one in left[:limit]], next=more, as_of=snapshot.taken_at)


def _item(one: Deployment) -> DeploymentItem:
    return DeploymentItem(
        id=one.id,
        at=one.at,
        kind=one.kind,  # type: ignore[arg-type]
        status=one.status,
        reason=one.reason,
        assets=list(one.assets),
        live=one.live,
        by=one.actor,
    )
