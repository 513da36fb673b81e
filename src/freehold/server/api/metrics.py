"""Metrics and their values."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import FastAPI, Path, Query, Request, Response
from pydantic import Field

from freehold.metrics.fingerprint import definition_hash
from freehold.metrics.telling import unit_in_data
from freehold.server.api.model import After, DeprecatedItem, Limit, Strict, asked_by, deprecated_item, page_of
from freehold.server.leaving import gone_is_told, headers_of
from freehold.server.web.pages import metrics as metric_pages
from freehold.server.web.pages.metrics import GRAINS, trend_of
from freehold.server.web.pages.products import utc


class MetricItem(Strict):
    """A metric and its meaning in a sentence."""

    id: str
    label: str
    status: str
    sentence: str
    unit: str = Field(description="of its values; `1` where they are fractions, which people read as percent")
    owner: str
    synonyms: list[str]
    deprecated: DeprecatedItem | None


class MetricList(Strict):
    """Metrics in the order of their ids."""

    items: list[MetricItem]
    next: str | None = Field(description="the cursor of the next page; null at the end")
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
    policies: list[str] = Field(description="those by which whoever asks sees a part alone, or other values")
    notes: list[str] = Field(description="what readers of it are to know besides, such as that it is frozen")
    values: list[ValueItem]
    deprecated: DeprecatedItem | None


def add(app: FastAPI) -> None:
    """Add the routes of metrics."""
    app.get("/metrics", summary="Metrics", operation_id="list_metrics")(_metrics)
    app.get("/metrics/{id}/values", summary="Values of a metric", operation_id="get_metric_values")(_values)


def _metrics(request: Request, limit: Limit = 100, after: After = "") -> MetricList:
    """List metrics in the order of their ids."""
    asked = asked_by(request)
    rows, more = page_of(sorted(metric_pages.rows_of(asked), key=lambda row: row.id), lambda row: row.id, after, limit)
    items = [
        MetricItem(
            id=m.id,
            label=m.label,
            status=m.status.word,
            sentence=m.sentence,
            unit=unit_in_data(m.unit),
            owner=m.owner,
            synonyms=list(m.synonyms),
            deprecated=deprecated_item(asked, f"metric:{m.id}"),
        )
        for m in rows
    ]
    return MetricList(items=items, next=more, as_of=asked.snapshot.taken_at)


def _values(
    request: Request,
    response: Response,
    id: Annotated[str, Path(max_length=200)],
    by: Annotated[str, Query(pattern=f"^({'|'.join(GRAINS)})$")] = "week",
) -> MetricValues:
    """Return the values of a metric by day, week or month."""
    asked = asked_by(request)
    catalogue = metric_pages.catalogue_in(asked)
    with gone_is_told(asked, [id]):
        metric = catalogue.metric(id)
    response.headers.update(headers_of(asked, f"metric:{metric.id}"))
    trend = trend_of(asked, metric, by)
    if trend.answer is not None:
        asked.served.usage.seen(trend.answer, asked.who, env=asked.snapshot.env, channel="api")
    return MetricValues(
        metric=metric.id,
        by=by,
        unit=unit_in_data(metric.words.get("unit", "")),
        definition=definition_hash(catalogue, metric),
        state=trend.state,
        reasons=list(trend.reasons),
        data_until=utc(trend.data_until),
        policies=list(trend.policies),
        notes=list(trend.notes),
        values=[ValueItem(period=v.key, value=v.value) for v in trend.values],
        deprecated=deprecated_item(asked, f"metric:{metric.id}"),
    )
