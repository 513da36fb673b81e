"""Asking metrics: a question in words, answered with all that is to be known of it; and the views that people saved."""

from __future__ import annotations

import json
from datetime import date, datetime
from typing import Annotated, Any

from fastapi import Body, FastAPI, Request
from pydantic import ConfigDict, Field
from starlette.responses import Response

from freehold.foundation.words import plain
from freehold.metrics import asked as asked_in_words
from freehold.metrics.tables import as_object
from freehold.server.api.model import After, Limit, Strict, asked_by, page_of
from freehold.server.asking import Asks
from freehold.server.leaving import gone_is_told, headers_of
from freehold.server.web.pages.explore import seen_of
from freehold.server.web.pages.products import utc

MOST_ROWS = 50_000
_SAME = {"schema": {"$ref": "#/components/schemas/Asked"}}
_IN_YAML = {"requestBody": {"content": {"application/yaml": _SAME, "text/yaml": _SAME}}}
_Word = Annotated[str, Field(max_length=4_000)]
_Words = Annotated[list[Annotated[str, Field(max_length=400)]], Field(max_length=40)]


class Asked(Strict):
    """A question to metrics, in the words of `freehold query`."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True, json_schema_extra={
        "examples": [{"metrics": ["revenue"], "by": ["month", "buyer.country"], "from": "2026-01", "limit": 100}]
    })  # fmt: skip

    metrics: Annotated[_Words, Field(min_length=1, description="names, `revenue` or `sales.revenue`")]
    by: _Words = Field(default=[], description="`buyer.country`, `month`, `buyer.signed_up:year`")
    where: _Word | None = Field(default=None, description="which rows: a condition over fields")
    start: str | None = Field(
        default=None, alias="from", max_length=40, description="the first day; `2026-03` is its first"
    )
    end: str | None = Field(default=None, alias="to", max_length=40, description="the last day, included")
    compare: str | None = Field(default=None, max_length=40, description="`prior:1month` adds the value a month before")
    having: _Word | None = Field(default=None, description="which rows of the answer: a condition over its columns")
    order: _Words = Field(default=[], description="by which columns; `-revenue` descends")
    limit: int | None = Field(default=None, ge=1, le=MOST_ROWS, description="the most rows")
    timezone: str | None = Field(default=None, max_length=60, description="the zone in which days are counted")

    @property
    def words(self) -> dict[str, Any]:
        """It as it is asked and remembered."""
        said = self.model_dump(exclude={"timezone"})
        return said | {"zone": self.timezone}


class ColumnItem(Strict):
    """A column of an answer."""

    name: str
    kind: str = Field(description="key or metric")
    unit: str


class MetricSaid(Strict):
    """By which definition a number is."""

    id: str
    definition: str
    status: str


class SourceItem(Strict):
    """What an answer was read from, and whether it may be trusted."""

    asset: str
    version: str | None
    state: str
    reasons: list[str]


class Answered(Strict):
    """An answer with everything needed to trust it, as `freehold query --json` prints it; instants with their zone."""

    query_id: str = Field(description="`freehold explain` tells by it how the answer came to be")
    columns: list[ColumnItem]
    rows: list[dict[str, Any]]
    state: str
    data_until: datetime | None
    unfinished: date | None = Field(description="the last period, where the data ends within it")
    is_kept: bool
    is_cut: bool = Field(description="whether there are more rows than were asked for, or than one answer may have")
    policies: list[str]
    notes: list[str] = Field(
        description="what readers of these metrics are to know besides, such as that one is frozen"
    )
    metrics: dict[str, MetricSaid]
    sources: list[SourceItem]
    read_from: list[dict[str, Any]]
    seconds: float
    deprecated: dict[str, dict[str, Any]] = Field(
        description="of what was asked and read, by kind:id, what is to be taken away: sunset, replaced_by"
    )


class ViewItem(Strict):
    """A question that somebody saved; the `definitions` of its metrics are those of then."""

    id: str
    name: str
    description: str
    owner: str
    question: dict[str, Any]
    definitions: dict[str, str]
    saved_at: datetime


class ViewList(Strict):
    """Views in the order of their ids."""

    items: list[ViewItem]
    next: str | None = Field(description="the cursor of the next page; null at the end")


def add(app: FastAPI) -> None:
    """Add the routes of asking."""
    ask = app.post("/query", summary="Ask metrics", operation_id="query_metrics", response_model=Answered,
                   openapi_extra=_IN_YAML)  # fmt: skip
    ask(_query)
    app.get("/views", summary="Saved views", operation_id="list_views")(_views)


def _query(request: Request, question: Annotated[Asked, Body()]) -> Response:
    """Answer a question from certified definitions, as whoever asks may see it. It changes nothing."""
    asked = asked_by(request)
    asks = Asks(asked.served, asked.snapshot, asked.who)
    most = question.limit or MOST_ROWS
    one_more = asked_in_words(**question.words | {"limit": most + 1})  # tells whether there is more
    with gone_is_told(asked, question.metrics):
        found = asks.answer(one_more, MOST_ROWS).first(most)
    answer = asked.served.usage.answered(found, question.words, asked.who, env=asked.snapshot.env, channel="api")
    read = [*(f"metric:{asks.catalogue.metric(name).id}" for name in answer.compiled.query.metrics)]
    read += [f"asset:{source.name}" for source in answer.sources]
    deprecated = {name: asked.snapshot.leaving[name].to_json() for name in read if name in asked.snapshot.leaving}
    told = as_object(asks.catalogue, answer) | {"data_until": utc(answer.data_until), "deprecated": deprecated}
    text = json.dumps(told, default=plain, ensure_ascii=False)
    return Response(text, headers=headers_of(asked, *read), media_type="application/json")


def _views(request: Request, limit: Limit = 100, after: After = "") -> ViewList:
    """List the views that people saved, in the order of their ids."""
    asked = asked_by(request)
    views = sorted(asked.served.saved.all(seen_of(asked)), key=lambda view: view.id)
    shown, following = page_of(views, lambda view: view.id, after, limit)
    items = [
        ViewItem(
            id=view.id,
            name=view.name,
            description=view.description,
            owner=view.owner,
            question=view.question.words,
            definitions=dict(view.definitions),
            saved_at=view.saved_at,
        )
        for view in shown
    ]
    return ViewList(items=items, next=following)
