"""What channels page for: incidents, and groups of alerts that no incident has, as the ledger tells of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from freehold.reliability.alerts.alert import Alert, Alerts

if TYPE_CHECKING:
    from freehold.ledger import Ledger, Recorded

WORST, MILDEST = 1, 4
FALSE_ALARM = 5  # the severity to which an incident is corrected that was none
_SEVERITIES = {"critical": 1, "warning": 3, "info": 4}  # of alerts
_TYPES = ("incident.*", "alert.*")


class Kind(StrEnum):
    """What kind of step."""

    OPENED = "opened"
    ALERTED = "alerted"  # of a group of alerts: there are more, or they are still there
    ACKNOWLEDGED = "acknowledged"
    SEVERITY = "severity"  # it is more severe than was said, or less
    UPDATED = "updated"  # somebody approved words about it
    JOINED = "joined"  # an alert was found to be part of it
    MITIGATED = "mitigated"  # readers are kept from what is wrong, which is not mended yet
    RESOLVED = "resolved"
    DISMISSED = "dismissed"
    TAKEN_IN = "taken_in"  # of a group of alerts: all of them are part of an incident by now


_ENDS = frozenset({Kind.RESOLVED, Kind.DISMISSED, Kind.TAKEN_IN})


@dataclass(frozen=True, slots=True)
class Step:
    """Something that happened.

    Attributes:
        id: of the event that tells of it.
        by: who did it.
        text: words about it: the id of some in the side store (`side:…`), or half a sentence.
        severity: what it is from here on; None where it stays as it was.
        audience: for whom words are that somebody approved: `engineers`, `executives`, `customers`; empty: for anybody.
    """

    id: str
    kind: Kind
    at: datetime
    by: str = ""
    text: str = ""
    severity: int | None = None
    audience: str = ""


@dataclass(frozen=True, slots=True)
class Trouble:
    """An incident, or a group of alerts that is part of none.

    Attributes:
        id: the incident's; of alerts, `alerts/GROUP/EVENT`, another one each time the group is heard of again.
        severity: 1 (worst) to 4; an incident of which nobody said is taken for the worst.
        steps: what happened, first to last; never empty.
        receiver: the channel that alerts are routed to; empty where it is those whose files say so.
    """

    id: str
    product: str
    assets: tuple[str, ...]
    severity: int
    steps: tuple[Step, ...]
    is_incident: bool = True
    receiver: str = ""

    @property
    def began_at(self) -> datetime:
        """When it was opened."""
        return self.steps[0].at

    @property
    def has_ended(self) -> bool:
        """Whether nothing is to be done any more."""
        return any(one.kind in _ENDS for one in self.steps)

    @property
    def is_acknowledged(self) -> bool:
        """Whether somebody took it."""
        return any(one.kind is Kind.ACKNOWLEDGED for one in self.steps)

    @property
    def state(self) -> str:
        """`open`, `acknowledged` or `resolved`."""
        return "resolved" if self.has_ended else "acknowledged" if self.is_acknowledged else "open"

    def after(self, step: Step) -> Trouble:
        """Return it as it is after a step."""
        severity = self.severity if step.severity is None else step.severity
        return replace(self, severity=severity, steps=(*self.steps, step))


class Troubles:
    """Follows the troubles of one environment, for one thread: each look reads what is new, and no more."""

    def __init__(self, ledger: Ledger, env: str) -> None:
        self._ledger, self._env = ledger, env
        self.read = 0
        self.by_id: dict[str, Trouble] = {}
        self._alerts = Alerts()
        self._groups: dict[str, tuple[str, set[str]]] = {}  # group to its trouble at hand, and that one's alerts

    def look(self) -> None:
        """Bring them up to date."""
        for event in self._ledger.read(types=_TYPES, after=self.read):
            self.read = event.seq
            if event.env in (None, "", self._env):
                (self._of_incident if event.type.startswith("incident.") else self._of_alert)(event)

    def _of_incident(self, event: Recorded) -> None:
        said, id_ = event.data, str(event.data["incident"])
        if event.type == "incident.opened":
            assets = tuple(str(name) for name in said.get("assets") or ())
            first = Step(event.id, Kind.OPENED, event.occurred_at, event.actor, str(said.get("title") or ""))
            self.by_id[id_] = Trouble(id_, event.product or "", assets, said.get("sev") or WORST, (first,))
        elif id_ in self.by_id:
            self._step(id_, _steps(event))

    def _of_alert(self, event: Recorded) -> None:
        said = event.data
        self._alerts.add((event,))
        if event.type == "alert.joined":
            self._join(event, str(said["alert_id"]), str(said["incident"]))
        elif event.type == "alert.closed":
            self._alerts.by_id.pop(str(said["alert_id"]), None)
        elif event.type == "alert.notified":
            self._notified(event, str(said["group"]), [str(one) for one in said["alerts"]])

    def _join(self, event: Recorded, alert: str, incident: str) -> None:
        known = self._alerts.by_id
        if incident in self.by_id:
            words = _words(known[alert]) if alert in known else ""
            self._step(incident, [Step(event.id, Kind.JOINED, event.occurred_at, event.actor, words)])
        for trouble, alerts in list(self._groups.values()):
            if alert in alerts and all(known[one].incident for one in alerts if one in known):
                self._step(trouble, [Step(event.id, Kind.TAKEN_IN, event.occurred_at, event.actor, incident)])

    def _notified(self, event: Recorded, group: str, alerts: Collection[str]) -> None:
        at_hand, held = self._groups.get(group, ("", set[str]()))
        if event.data.get("reason") == "resolved":
            if at_hand:
                self._step(at_hand, [Step(event.id, Kind.RESOLVED, event.occurred_at, event.actor)])
            self._groups.pop(group, None)
            return
        known = self._alerts.by_id
        paging = {a: known[a] for a in alerts if a in known and known[a].page and not known[a].incident}
        if not paging:
            return
        severity = min(_SEVERITIES.get(one.severity, WORST) for one in paging.values())
        words = "; ".join(dict.fromkeys(_words(one) for one in paging.values()))
        step = Step(event.id, Kind.ALERTED, event.occurred_at, event.actor, words, severity)
        if at_hand and not self.by_id[at_hand].has_ended:
            self._step(at_hand, [step])
            held |= paging.keys()
            return
        receiver = str(event.data.get("receiver") or "")
        id_, first = f"alerts/{group}/{event.id}", next(iter(paging.values()))
        assets = tuple(dict.fromkeys(one.asset for one in paging.values() if one.asset))
        self.by_id[id_] = Trouble(id_, first.product, assets, severity, (step,), False, receiver)
        self._groups[group] = (id_, set(paging))

    def _step(self, id_: str, steps: Iterable[Step]) -> None:
        for step in steps:
            self.by_id[id_] = self.by_id[id_].after(step)


def _steps(event: Recorded) -> Iterable[Step]:
    """Yield what an event about an incident tells that people hear of."""
    said, at = event.data, event.occurred_at
    if event.type == "incident.acknowledged":
        yield Step(event.id, Kind.ACKNOWLEDGED, at, str(said.get("responder") or event.actor))
    elif event.type == "incident.mitigated":
        words = " of ".join(str(said[name]) for name in ("kind", "target") if said.get(name))
        yield Step(event.id, Kind.MITIGATED, at, event.actor, words)
    elif event.type == "incident.resolved":
        yield Step(event.id, Kind.RESOLVED, at, str(said.get("verified_by") or event.actor))
    elif event.type == "incident.updated":
        severity = said.get("sev")
        if severity is not None and severity >= FALSE_ALARM:
            yield Step(event.id, Kind.DISMISSED, at, event.actor)
        elif severity is not None:
            yield Step(event.id, Kind.SEVERITY, at, event.actor, severity=int(severity))
        elif said.get("comms"):
            audience = str(said.get("audience") or "")
            yield Step(event.id, Kind.UPDATED, at, event.actor, str(said["comms"]), audience=audience)


def _words(alert: Alert) -> str:
    return alert.reason or alert.monitor
