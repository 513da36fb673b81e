"""`/api/v1/alerts` and `/api/v1/silences`: what is wrong, what it was, and what nobody is notified of, for programs.

A token reads; one that was made with the scope `alerts:write` closes and silences in its owner's name, as far as they
may run the product.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from fastapi import FastAPI, Path, Query, Request
from pydantic import AwareDatetime, Field

from freehold.reliability.alerts import Alert, Silence
from freehold.server.alerts import Alerts
from freehold.server.api.model import After, Limit, Strict, after_in, asked_by

_Id = Annotated[str, Path(max_length=100)]
_Over = Annotated[bool, Query(description="those that are over, too")]
_Matcher = Annotated[str, Field(max_length=200)]


class AlertItem(Strict):
    """Something that is wrong, or was."""

    alert: str
    state: Literal["firing", "resolved", "closed"]
    kind: str | None = Field(description="check, run, late, schema, anomaly, slo")
    asset: str | None
    product: str | None
    monitor: str | None = Field(description="what says so: a check, a measure, a delivery, an SLO")
    column: str | None
    direction: str | None = Field(description="high or low, where a value is off")
    severity: str | None = Field(description="critical, warning, info")
    page: bool = Field(description="whether somebody is paged for it")
    why: str | None = Field(description="why it pages somebody, or does not")
    reason: str | None = Field(description="what is wrong, as half a sentence")
    is_breach: bool = Field(description="whether a promise to consumers is broken")
    is_held: bool = Field(description="whether consumers are kept from it")
    deviations: float | None
    since: datetime | None
    raised_at: datetime | None
    resolved_at: datetime | None
    right_since: datetime | None = Field(description="since when nothing of it is wrong, while it fires still")
    closed_at: datetime | None
    verdict: str | None = Field(description="what it was: fixed, expected, false, duplicate")
    responder: str | None
    owner: str | None
    escalation: str | None = Field(description="who is paged after the responder")
    runbook: str | None
    out_of_hours: bool
    incident: str | None
    evidence: str | None = Field(description="the id of the event it stands on")
    fingerprint: str | None
    silenced_by: list[str] = Field(description="the silences by which nobody is notified of it now")
    muted_by: list[str] = Field(description="the time intervals by which none of its routes notifies anybody now")


class AlertList(Strict):
    """Alerts, in the order in which they were raised."""

    items: list[AlertItem]
    next: str | None = Field(description="the `after` of the next page; null at the end")


class Verdict(Strict):
    """What an alert was."""

    verdict: Literal["fixed", "expected", "false", "duplicate"]


class SilenceItem(Strict):
    """Alerts of which nobody is notified for a time."""

    silence: str
    matchers: list[str]
    starts_at: datetime
    ends_at: datetime
    ended_at: datetime | None = Field(description="when somebody ended it before its time")
    by: str
    comment: str | None


class SilenceList(Strict):
    """Silences, the newest last."""

    items: list[SilenceItem]


class NewSilence(Strict):
    """What is to be silenced: alerts that match all matchers."""

    matchers: list[_Matcher] = Field(
        min_length=1, max_length=20, description='product=sales.orders, monitor=~"rows|nulls"'
    )
    starts_at: AwareDatetime | None = Field(default=None, description="null for now")
    ends_at: AwareDatetime
    comment: str = Field(default="", max_length=2_000)


class MonitorItem(Strict):
    """A monitor that raised alerts."""

    asset: str
    column: str | None
    kind: str
    monitor: str
    raised: int
    pages: int
    judged: int
    precision: float | None = Field(description="the share of its last ten judged alerts that were worth it")
    is_demoted: bool = Field(description="whether it pages nobody, since it was wrong too often")
    last_at: datetime


class MonitorList(Strict):
    """Monitors, those that are right least often first."""

    items: list[MonitorItem]


def add(app: FastAPI) -> None:
    """Add the routes of alerts and silences."""
    app.get("/alerts", summary="Alerts", operation_id="list_alerts")(_alerts)
    app.get("/alerts/{id}", summary="An alert", operation_id="get_alert")(_alert)
    app.post("/alerts/{id}/close", summary="Say what it was", operation_id="close_alert")(_close)
    app.get("/monitors", summary="Monitors", operation_id="list_monitors")(_monitors)
    app.get("/silences", summary="Silences", operation_id="list_silences")(_silences)
    app.post("/silences", summary="Silence alerts", operation_id="set_silence", status_code=201)(_silence)
    app.post("/silences/{id}/end", summary="End a silence", operation_id="end_silence")(_end)


def _alerts(
    request: Request,
    product: Annotated[str, Query(max_length=200)] = "",
    closed: Annotated[bool, Query(description="those that are closed, too")] = False,
    limit: Limit = 100,
    after: After = "",
) -> AlertList:
    """List alerts: those that stand, and those that nobody has said of what they were."""
    alerts = Alerts(asked_by(request))
    left = after_in(alerts.all(product=product, closed=True), lambda one: one.id, after)
    found = [one for one in left if closed or not one.is_judged]
    more = found[limit - 1].id if len(found) > limit else None
    return AlertList(items=[_item(alerts, one) for one in found[:limit]], next=more)


def _alert(request: Request, id: _Id) -> AlertItem:
    """Return an alert."""
    alerts = Alerts(asked_by(request))
    return _item(alerts, alerts.get(id))


def _close(request: Request, id: _Id, wanted: Verdict) -> AlertItem:
    """Say what an alert was, in the asker's name; an anomaly that it is of takes the same verdict."""
    alerts = Alerts(asked_by(request))
    return _item(alerts, alerts.close(id, wanted.verdict))


def _monitors(request: Request) -> MonitorList:
    """List what raised alerts, and how often that was worth it."""
    return MonitorList(items=[MonitorItem(**one.to_json()) for one in Alerts(asked_by(request)).monitors()])


def _silences(
    request: Request, over: Annotated[bool, Query(description="those that are over, too")] = False
) -> SilenceList:
    """List silences that hold or will."""
    return SilenceList(items=[_silence_item(one) for one in Alerts(asked_by(request)).silences(over=over)])


def _silence(request: Request, wanted: NewSilence) -> SilenceItem:
    """Silence alerts for a time, in the asker's name. They are raised all the same."""
    made = Alerts(asked_by(request)).silence(wanted.matchers, wanted.starts_at, wanted.ends_at, wanted.comment)
    return _silence_item(made)


def _end(request: Request, id: _Id) -> SilenceItem:
    """End a silence before its time, in the asker's name."""
    return _silence_item(Alerts(asked_by(request)).end(id))


def _item(alerts: Alerts, one: Alert) -> AlertItem:
    return AlertItem(**one.to_json(), **alerts.quiet(one).to_json())


def _silence_item(one: Silence) -> SilenceItem:
    return SilenceItem(**one.to_json())
