"""`/api/v1/incidents`: what is wrong for readers, whom it reaches, what may have done it, and what happened when."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import FastAPI, Path, Query, Request
from pydantic import Field

from freehold.reliability.incidents import Incident
from freehold.server.api.model import After, Limit, Strict, after_in, asked_by
from freehold.server.incidents import Incidents

_Id = Annotated[str, Path(max_length=100)]


class IncidentItem(Strict):
    """An incident, in short."""

    id: str
    title: str
    state: Literal["open", "acknowledged", "mitigated", "resolved", "dismissed"]
    sev: int | None = Field(description="1 (worst) to 4; 5: a false alarm")
    product: str | None
    root: str | None = Field(description="the most upstream asset that is wrong")
    assets: list[str] = Field(description="those with an alert, of what you may see")
    occurred_at: datetime | None = Field(description="when what is wrong began")
    detected_at: datetime
    acknowledged_at: datetime | None
    mitigated_at: datetime | None
    resolved_at: datetime | None
    verified_by: str | None


class IncidentList(Strict):
    """Incidents, in the order in which they were opened."""

    items: list[IncidentItem]
    next: str | None = Field(description="the `after` of the next page; null at the end")


class MomentItem(Strict):
    """Something that happened."""

    at: datetime
    kind: str
    said: str
    actor: str | None
    event: str | None = Field(description="the event that tells it")


class WholeIncident(IncidentItem):
    """All of an incident."""

    factors: list[dict[str, Any]] = Field(description="of its severity: factor, said, points")
    reach: dict[str, Any] = Field(description="assets that are wrong, silent, protected; who reads them")
    suspects: list[dict[str, Any]] = Field(description="the most likely first, with each factor of the score")
    causes: list[str] = Field(description="the events that somebody said did it")
    mitigations: list[dict[str, Any]]
    updates: list[dict[str, Any]] = Field(description="that somebody approved: for whom, by whom, when")
    seconds: dict[str, float | None] = Field(description="to detect, acknowledge, mitigate, resolve")
    timeline: list[MomentItem]


def add(app: FastAPI) -> None:
    """Add the routes of incidents."""
    app.get("/incidents", summary="Incidents", operation_id="list_incidents")(_incidents)
    app.get("/incidents/{id}", summary="An incident", operation_id="get_incident")(_incident)


def _incidents(
    request: Request,
    kind: Annotated[Literal["open", "all"], Query()] = "open",
    limit: Limit = 100,
    after: After = "",
) -> IncidentList:
    """List incidents, in the order in which they were opened: those that are open, or all."""
    there = Incidents(asked_by(request))
    left = after_in(there.all(closed=True), lambda one: one.id, after)
    left = [one for one in left if kind == "all" or one.is_open]
    more = left[limit - 1].id if len(left) > limit else None
    return IncidentList(items=[IncidentItem(**_short(there, one)) for one in left[:limit]], next=more)


def _incident(request: Request, id: _Id) -> WholeIncident:
    """Tell all of an incident: its id after the stroke, or the end of it."""
    there = Incidents(asked_by(request))
    one = there.get(id)
    whole = one.to_json()
    parts = ("factors", "reach", "suspects", "causes", "mitigations", "updates", "seconds")
    told = {name: whole[name] for name in parts} | {"timeline": [each.to_json() for each in there.moments(one)]}
    return WholeIncident(**_short(there, one), **told)


def _short(there: Incidents, one: Incident) -> dict[str, Any]:
    said = one.to_json()
    kept = (name for name in IncidentItem.model_fields if name not in ("id", "title"))
    return {"id": one.id, "title": there.title(one), **{name: said[name] for name in kept}}
