"""Alerts as their events tell them: what is wrong with an asset, since when, and whether it still is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from freehold.ledger.event import Recorded
from freehold.reliability.signals import SignalKind

EVENTS = ("alert.raised", "alert.resolved", "alert.joined", "alert.closed")


@dataclass(frozen=True, slots=True)
class Alert:
    """An alert.

    Attributes:
        monitor: what raised it: a check, a measure, a delivery.
        since: when what is wrong began; `raised_at` is when it was found.
        is_held: whether consumers were kept from it.
        deviations: how far a value is off; None where that is not measured.
        incident: the id of the incident that it joined; empty: none.
        resolved_at: when it was found to be wrong no more; None while it is wrong.
        shown_by: the id of the event that shows that.
    """

    id: str
    asset: str
    product: str
    kind: SignalKind
    monitor: str
    since: datetime
    raised_at: datetime
    seq: int
    column: str = ""
    direction: str = ""
    pages: bool = False
    is_breach: bool = False
    is_held: bool = False
    deviations: float | None = None
    reason: str = ""
    evidence: str = ""
    incident: str = ""
    resolved_at: datetime | None = None
    shown_by: str = ""
    is_closed: bool = False

    @property
    def is_open(self) -> bool:
        """Whether what it is about is still wrong, as far as anything or anybody says."""
        return self.resolved_at is None and not self.is_closed


def alerts_told(events: Iterable[Recorded]) -> dict[str, Alert]:
    """Return the alerts that events tell of, by id, in the order in which they were raised.

    An alert without an asset is part of no trouble with data, and left out; so are ends of alerts that are not there.
    """
    found: dict[str, Alert] = {}
    for event in events:
        said, id_ = event.data, str(event.data.get("alert_id") or "")
        if event.type == "alert.raised" and said.get("asset"):
            known = found.get(id_)  # told again where it is worse by now
            fresh = _raised(event)
            found[id_] = replace(known, pages=fresh.pages, is_held=fresh.is_held) if known else fresh
        elif id_ not in found:
            continue
        elif event.type == "alert.resolved":
            found[id_] = replace(found[id_], resolved_at=event.occurred_at, shown_by=said.get("evidence") or "")
        elif event.type == "alert.joined":
            found[id_] = replace(found[id_], incident=said["incident"])
        elif event.type == "alert.closed":
            found[id_] = replace(found[id_], is_closed=True)
    return found


def _raised(event: Recorded) -> Alert:
    said: Mapping[str, Any] = event.data
    asset, began = str(said["asset"]), said.get("began_at")
    return Alert(
        id=said["alert_id"],
        asset=asset,
        product=event.product or asset.rpartition(".")[0],
        kind=SignalKind(said.get("kind") or SignalKind.CHECK),
        monitor=said["rule"],
        since=datetime.fromisoformat(began) if began else event.occurred_at,
        raised_at=event.occurred_at,
        seq=event.seq,
        column=said.get("column") or "",
        direction=said.get("direction") or "",
        pages=bool(said.get("page")),
        is_breach=bool(said.get("is_breach")),
        is_held=bool(said.get("is_held")),
        deviations=said.get("deviations"),
        reason=said.get("reason") or "",
        evidence=said.get("evidence") or "",
        incident=said.get("incident") or "",
    )
