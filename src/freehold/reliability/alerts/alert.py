"""Alerts, as the ledger tells of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from freehold.foundation import Exit, FreeholdError, near
from freehold.foundation.times import instant_if
from freehold.reliability.signals import SignalKind

if TYPE_CHECKING:
    from freehold.ledger import Ledger, Recorded

VERDICTS = ("fixed", "expected", "false", "duplicate")
EVENTS = ("alert.raised", "alert.resolved", "alert.joined", "alert.closed")


class State(StrEnum):
    """Where an alert stands."""

    FIRING = "firing"  # it is wrong
    RESOLVED = "resolved"  # it is right again, and nobody has said what it was
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Alert:
    """Something that is wrong, or was.

    Attributes:
        monitor: what raised it: a check, a measure, a delivery.
        since: when it began: the time it was due, or the first bad evidence; `raised_at` is when it was found.
        seq: of the event that raised it.
        page: whether somebody is paged for it; `why` says why, or why not.
        severity: critical, warning or info.
        is_breach: whether a promise to consumers is broken; `is_held`, whether they were kept from it.
        deviations: how far a value is off; None where that is not measured.
        responder, escalation: principals: who is paged, and who after that.
        owner: the team that answers for the product: `team:sales-data`.
        runbook: what to do: a file of the estate, or an address.
        evidence: the id of the event that it stands on; `shown_by`, of the one that shows that it is right again.
        incident: the id of the incident that it joined; empty: none.
        verdict: what it was; empty while nobody has said.
        right_since: since when nothing of it is wrong, though it is not over yet; see `with_right_since`.
    """

    id: str
    asset: str
    product: str
    kind: SignalKind
    monitor: str
    since: datetime
    raised_at: datetime
    seq: int
    fingerprint: str = ""
    column: str = ""
    direction: str = ""
    severity: str = "info"
    page: bool = False
    why: str = ""
    reason: str = ""
    is_breach: bool = False
    is_held: bool = False
    deviations: float | None = None
    responder: str | None = None
    owner: str | None = None
    escalation: str | None = None
    runbook: str | None = None
    out_of_hours: bool = False
    evidence: str = ""
    incident: str = ""
    resolved_at: datetime | None = None
    shown_by: str = ""
    verdict: str = ""
    closed_at: datetime | None = None
    right_since: datetime | None = None

    @property
    def state(self) -> State:
        """Where it stands."""
        if self.is_judged:
            return State.CLOSED
        return State.FIRING if self.is_wrong else State.RESOLVED

    @property
    def is_judged(self) -> bool:
        """Whether it was said what it was."""
        return self.closed_at is not None

    @property
    def is_wrong(self) -> bool:
        """Whether what it is about is still wrong, as far as anything or anybody says."""
        return self.resolved_at is None and not self.is_judged

    @property
    def what(self) -> str:
        """What of its asset is wrong, as it may be told to whoever sees the asset: `reason` may quote rows."""
        of = f" of {self.column}" if self.column and not self.monitor.startswith(self.column) else ""
        return f"{self.monitor}{of}"

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        texts = (
            "fingerprint", "kind", "asset", "product", "monitor", "column", "direction", "severity", "why", "reason",
            "responder", "owner", "escalation", "runbook", "evidence", "incident", "verdict",
        )  # fmt: skip
        instants = ("since", "raised_at", "right_since", "resolved_at", "closed_at")
        said: dict[str, Any] = {"alert": self.id, "state": str(self.state)}
        said |= {name: getattr(self, name) or None for name in texts}
        said |= {name: at.isoformat() if (at := getattr(self, name)) else None for name in instants}
        return said | {
            name: getattr(self, name) for name in ("page", "is_breach", "is_held", "deviations", "out_of_hours")
        }


@dataclass(slots=True)
class Alerts:
    """The alerts of some events, by id, in the order in which they were raised."""

    by_id: dict[str, Alert] = field(default_factory=dict)

    def add(self, events: Iterable[Recorded]) -> Alerts:
        """Add what events tell of alerts, in their order, and return itself; others are left out."""
        for event in events:
            id_ = str(event.data.get("alert_id") or "")
            known = self.by_id.get(id_)
            if event.type == "alert.raised":
                self.by_id[id_] = _again(known, event) if known else _raised(event)
            elif known is not None:
                self.by_id[id_] = _moved(known, event)
        return self


def alerts(
    ledger: Ledger, env: str, *, asset: str | None = None, product: str | None = None, closed: bool = False
) -> tuple[Alert, ...]:
    """Return the alerts of an environment, the newest last; those that are closed only where they are asked for."""
    found = Alerts().add(ledger.read(types=EVENTS, env=env, subject=asset, product=product))
    every = sorted(found.by_id.values(), key=lambda one: one.raised_at)
    return tuple(one for one in every if closed or not one.is_judged)


def alert(ledger: Ledger, env: str, id_: str) -> Alert:
    """Return an alert.

    Raises:
        FreeholdError: FH-E332 there is none of that id.
    """
    every = {one.id: one for one in alerts(ledger, env, closed=True)}
    found = every.get(id_)
    if found is None:
        fix = near(id_, every) or "See: freehold alerts list"
        raise FreeholdError("FH-E332", f"There is no alert `{id_}`.", fix=fix, exit_code=Exit.USAGE)
    return found


def _raised(event: Recorded) -> Alert:
    said = event.data
    asset = _text(said, "asset") or event.subject
    return Alert(
        id=str(said["alert_id"]),
        asset=asset,
        product=event.product or asset.rpartition(".")[0],
        kind=SignalKind(said.get("kind") or SignalKind.CHECK),
        monitor=str(said["rule"]),
        since=instant_if(said.get("began_at")) or event.occurred_at,
        raised_at=event.occurred_at,
        seq=event.seq,
        fingerprint=_text(said, "fingerprint"),
        column=_text(said, "column"),
        direction=_text(said, "direction"),
        severity=_text(said, "severity") or "info",
        page=bool(said.get("page")),
        why=_text(said, "why"),
        reason=_text(said, "reason"),
        is_breach=bool(said.get("is_breach")),
        is_held=bool(said.get("is_held")),
        deviations=said.get("deviations"),
        responder=said.get("responder"),
        owner=said.get("owner"),
        escalation=said.get("escalation"),
        runbook=said.get("runbook"),
        out_of_hours=bool(said.get("out_of_hours")),
        evidence=_text(said, "evidence"),
        incident=_text(said, "incident"),
    )


def _again(known: Alert, event: Recorded) -> Alert:
    """Return an alert that was told once more, since it is worse than was told, or not as bad."""
    kept = ("since", "raised_at", "seq", "resolved_at", "shown_by", "verdict", "closed_at")
    again = _raised(event)
    return replace(again, incident=known.incident or again.incident, **{name: getattr(known, name) for name in kept})


def _moved(known: Alert, event: Recorded) -> Alert:
    said = event.data
    if event.type == "alert.resolved":
        return replace(known, resolved_at=event.occurred_at, shown_by=_text(said, "evidence"))
    if event.type == "alert.joined":
        return replace(known, incident=str(said["incident"]))
    return replace(known, verdict=str(said["verdict"]), closed_at=event.occurred_at,
                   incident=_text(said, "incident") or known.incident)  # fmt: skip


def _text(said: Mapping[str, Any], name: str) -> str:
    return str(said.get(name) or "")
