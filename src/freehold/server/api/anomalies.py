"""`/api/v1/anomalies`: what is unusual about batches, and what it was.

A token reads; saying what an anomaly was takes a person who is signed in.
"""

from __future__ import annotations

import math
from datetime import datetime
from typing import Annotated, Literal

from fastapi import FastAPI, Path, Query, Request
from pydantic import Field

from freehold.server.api.model import After, Limit, Strict, after_in, asked_by
from freehold.server.unusual import Anomalies, Unusual

_Id = Annotated[str, Path(max_length=100)]


class AnomalyItem(Strict):
    """A measure of a batch that is not what its past leads one to expect."""

    anomaly: str = Field(description="its id")
    asset: str
    product: str | None
    batch: str
    measure: str = Field(description="rows; or nulls, repeats, mean, distribution, new or lost of a column")
    column: str | None
    grade: str = Field(description="unusual, severe")
    value: float | None
    expected: float | None
    low: float | None = Field(description="below this it would be unusual")
    high: float | None = Field(description="above this it would be unusual")
    deviations: float | None = Field(description="how many it is off; null where too little was known")
    judged_by: int = Field(description="how many batches before it")
    values: list[str] = Field(description="those that are new or lost")
    of: datetime | None = Field(description="the beginning of the interval of the batch")
    found_at: datetime
    verdict: str | None = Field(description="fixed, expected, false; null while nobody said")
    withheld: str | None = Field(description="why values are not told, where they are not")


class AnomalyList(Strict):
    """Anomalies, the newest first."""

    items: list[AnomalyItem]
    next: str | None = Field(description="the `after` of the next page; null at the end")


class PastItem(Strict):
    """A measure at one step of time, and between what it would have been usual; null where that is not known."""

    start: datetime
    batch: str
    value: float
    low: float | None
    high: float | None


class WholeAnomaly(AnomalyItem):
    """An anomaly, and how its measure went."""

    past: list[PastItem] = Field(description="the oldest first; empty where values are withheld")


class Said(Strict):
    """What an anomaly was."""

    verdict: Literal["fixed", "expected", "false"] = Field(
        description="fixed: the data was wrong; expected: right, but not to be learned from; false: right"
    )


def add(app: FastAPI) -> None:
    """Add the routes of anomalies."""
    app.get("/anomalies", summary="Anomalies", operation_id="list_anomalies")(_anomalies)
    app.get("/anomalies/{id}", summary="An anomaly", operation_id="get_anomaly")(_anomaly)
    app.post("/anomalies/{id}/close", summary="Say what it was", operation_id="close_anomaly")(_close)


def _anomalies(
    request: Request,
    product: Annotated[str, Query(max_length=200)] = "",
    asset: Annotated[str, Query(max_length=300)] = "",
    closed: Annotated[bool, Query(description="those that are closed, too")] = False,
    limit: Limit = 50,
    after: After = "",
) -> AnomalyList:
    """List what is unusual, the newest first: of all products, of one, or of an asset."""
    window = Anomalies(asked_by(request))
    every = window.all(asset=asset, product=product, closed=True)  # the last of a page may have been closed since
    found = [one for one in after_in(every, lambda one: one.id, after) if closed or one.is_open]
    more = found[limit - 1].id if len(found) > limit else None
    return AnomalyList(items=[_item(window.told(one)) for one in found[:limit]], next=more)


def _anomaly(request: Request, id: _Id) -> WholeAnomaly:
    """Return an anomaly, with its measure around it and what would have been usual each time."""
    window = Anomalies(asked_by(request))
    found = window.get(id)
    past = [
        PastItem(
            start=j.batch.start,
            batch=j.batch.id,
            value=j.value,
            low=_finite(j.verdict.low),
            high=_finite(j.verdict.high),
        )
        for j in window.past(found)
    ]
    return WholeAnomaly(**found.to_json(), past=past)


def _close(request: Request, id: _Id, wanted: Said) -> AnomalyItem:
    """Say what an anomaly was: whoever may have its product built may say so, once."""
    return _item(Anomalies(asked_by(request)).close(id, wanted.verdict))


def _item(one: Unusual) -> AnomalyItem:
    return AnomalyItem(**one.to_json())


def _finite(number: float) -> float | None:
    return number if math.isfinite(number) else None
