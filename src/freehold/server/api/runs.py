"""Runs, one deployment, and the plan: what their pages show, for programs."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from fastapi import FastAPI, Path, Query, Request
from pydantic import Field

from freehold.delivery.run_book import RunLine
from freehold.server.api.model import After, Limit, Strict, asked_by
from freehold.server.web.pages.deployment import DeploymentPage, shown_deployment
from freehold.server.web.pages.plan import PlanPage, shown_plan
from freehold.server.web.pages.run import RunPage, shown_run
from freehold.server.web.pages.runs import runs_of, what_of, whose

_OF_PAGES = {"headings", "step_headings", "check_headings", "said", "nothing"}
_Id = Annotated[str, Path(max_length=200)]


class RunItem(Strict):
    """A run: what one look at what is new came to."""

    id: str
    at: datetime
    outcome: Literal["published", "held", "quarantined", "failed"] = Field(description="the worst of its steps")
    what: str
    whose: str = Field(description="the schedule, a change, or a person")
    by: str
    products: list[str]
    steps: int
    published: int
    quarantined: int
    held: int
    failed: int
    seconds: float = Field(description="in the warehouse, all steps together")
    deployments: list[str]
    changes: list[str]


class RunList(Strict):
    """Runs, the newest first. A page may hold fewer than asked for, and still there are more."""

    items: list[RunItem]
    next: str | None = Field(description="the cursor of the next page; null at the end")
    as_of: datetime


def add(app: FastAPI) -> None:
    """Add the routes of runs, of one deployment, and of the plan."""
    app.get("/runs", summary="Runs", operation_id="list_runs")(_runs)
    app.get("/runs/{id}", summary="A run", operation_id="get_run", response_model_exclude=_OF_PAGES)(_run)
    app.get(
        "/deployments/{id}", summary="A deployment", operation_id="get_deployment", response_model_exclude=_OF_PAGES
    )(_deployment)
    app.get("/plan", summary="The plan", operation_id="get_plan", response_model_exclude=_OF_PAGES)(_plan)


def _runs(
    request: Request,
    product: Annotated[str, Query(max_length=200)] = "",
    outcome: Annotated[Literal["", "published", "held", "quarantined", "failed"], Query()] = "",
    limit: Limit = 50,
    after: After = "",
) -> RunList:
    """List runs, the newest first: of all products, or of those that touched one; of any outcome, or of one."""
    asked = asked_by(request)
    found, next_ = runs_of(asked, product, outcome, after, limit)
    return RunList(items=[_item(one) for one in found], next=next_ or None, as_of=asked.snapshot.taken_at)


def _run(request: Request, id: _Id) -> RunPage:  # noqa: ARG001 read by the page
    """Return a run: steps, checks, what was kept back and why, and rows that failed, if you may see them."""
    found: RunPage = shown_run(asked_by(request)).model
    return found


def _deployment(request: Request, id: _Id) -> DeploymentPage:  # noqa: ARG001 read by the page
    """Return a deployment: what it moved, for which change, what let it pass, and what taking it back would do."""
    found: DeploymentPage = shown_deployment(asked_by(request)).model
    return found


def _plan(request: Request) -> PlanPage:
    """Return what the files would change of what is in force, and what the gate says of it."""
    return shown_plan(asked_by(request))


def _item(one: RunLine) -> RunItem:
    return RunItem(
        id=one.id,
        at=one.at,
        outcome=one.outcome,
        what=what_of(one),
        whose=whose(one),
        by=one.actor,
        products=list(one.products),
        steps=one.steps,
        published=one.count("published"),
        quarantined=one.count("quarantined"),
        held=one.count("held"),
        failed=one.count("failed"),
        seconds=round(one.seconds, 4),
        deployments=list(one.deployments),
        changes=list(one.changes),
    )
