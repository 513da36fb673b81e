"""`/api/v1/performance`: how fast products are made and read."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import FastAPI, Query, Request
from pydantic import Field

from freehold.server.api.model import After, Limit, Strict, asked_by, page_of
from freehold.server.performing import performance_in

Days = Literal["1", "7", "30"]


class Spread(Strict):
    """How long something took, in seconds."""

    count: int = Field(description="how often that was measured")
    p50: float | None = Field(description="the median; null where nothing was measured")
    p95: float | None = Field(description="what 19 of 20 did not take longer than")


class ProductPerformance(Strict):
    """How fast a product is made and read."""

    product: str = Field(description="its id, or the job of another tool that writes to none")
    runs: Spread = Field(description="from the start of the first step of a run to the end of its last")
    failed_runs: int
    waited: Spread = Field(description="how long scheduled runs waited after they were due")
    queries: Spread = Field(description="how long queries took, as far as each was told by itself")
    asked: int = Field(description="how many queries there were")
    failed: int = Field(description="how many of them the warehouse could not answer")
    queued: Spread = Field(description="how long queries waited in the warehouse, where it tells that")
    spilled: int | None = Field(description="queries that did not fit into memory; null where nothing tells that")
    spilled_bytes: int | None = Field(description="what those wrote aside")


class PerformanceList(Strict):
    """Products by their ids."""

    items: list[ProductPerformance]
    next: str | None = Field(description="the cursor of the next page; null at the end")


def add(app: FastAPI) -> None:
    """Add the endpoint of performance."""
    app.get("/performance", summary="Performance", operation_id="list_performance")(_performance)


def _performance(
    request: Request,
    days: Annotated[Days, Query(description="of how many days up to now")] = "7",
    limit: Limit = 100,
    after: After = "",
) -> PerformanceList:
    """List how fast runs and queries were, by product: latency, queue time, failures and spill."""
    asked = asked_by(request)
    found = performance_in(asked.served, asked.snapshot, int(days))
    rows, more = page_of(found, lambda one: one.product, after, limit)
    return PerformanceList(items=[ProductPerformance(**one.to_json()) for one in rows], next=more)
