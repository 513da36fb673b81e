"""What channels page for: incidents, and groups of alerts that no incident has, as the ledger tells of them.

Whoever opens an incident by hand has it paged. One that alerts opened waits until somebody is notified of one of them:
what silences, mutes, inhibitions and routes keep quiet pages nobody by way of an incident.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from freehold.foundation.caller import LOCAL
from freehold.reliability.alerts.alert import Alert, Alerts
from freehold.work.incidents import Incidents, begun, is_of_environment
from freehold.work.severity import FALSE_ALARM, WORST

if TYPE_CHECKING:
    from freehold.ledger import Ledger, Recorded

_SEVERITIES = {"critical": 1, "warning": 3, "info": 4}  # of alerts
_TYPES = ("incident.*", "alert.*")
_LATELY = timedelta(days=7)  # for so long what has ended is kept: by then every channel was told, or never is
BY_FILE = ""  # among receivers: whichever channels say so in their files


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
        alerts: what it is of, where it is of alerts; their words, which may quote values, are theirs to see who may.
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
    alerts: tuple[Alert, ...] = ()


@dataclass(frozen=True, slots=True)
class Matter:
    """An incident, or a group of alerts that is part of none.

    Attributes:
        id: the incident's; of alerts, `alerts/GROUP/EVENT`, another one each time the group is heard of again.
        severity: 1 (worst) to 4; an incident of which nobody said is taken for the worst.
        steps: what happened, first to last; never empty.
        product: whose it is; empty where it is of several.
        receivers: the channels that its alerts are routed to; an empty text among them: those whose files say so.
    """

    id: str
    product: str
    assets: tuple[str, ...]
    severity: int
    steps: tuple[Step, ...]
    is_incident: bool = True
    receivers: frozenset[str] = frozenset({BY_FILE})

    @property
    def products(self) -> frozenset[str]:
        """The products that it is of."""
        return frozenset({self.product} if self.product else {name.rpartition(".")[0] for name in self.assets})

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

    def after(self, step: Step) -> Matter:
        """Return it as it is after a step; a group of alerts is of what all of its alerts are of."""
        severity = self.severity if step.severity is None else step.severity
        found = replace(self, severity=severity, steps=(*self.steps, step))
        if step.kind is not Kind.ALERTED:
            return found
        every = [one for one in found.steps if one.kind is Kind.ALERTED]
        products = {alert.product for one in every for alert in one.alerts}
        assets = tuple(dict.fromkeys(alert.asset for one in every for alert in one.alerts if alert.asset))
        return replace(found, product=products.pop() if len(products) == 1 else "", assets=assets)

    def told_by(self, says: Callable[[Alert], str]) -> Matter:
        """Return it with what alerts say as somebody may see it; of what says nothing to them, nothing is told."""
        return replace(self, steps=tuple(replace(s, text=_all(map(says, s.alerts))) if s.alerts else s
                                         for s in self.steps))  # fmt: skip


class Matters:
    """Follows the matters of one environment, for one thread: each look reads what is new, and no more.

    `usual` is the environment that consumers read, of which incidents are that name none.

    Attributes:
        by_id: those that are open, and those that ended lately.
    """

    def __init__(self, ledger: Ledger, env: str, usual: str) -> None:
        self._ledger, self._env, self._usual = ledger, env, usual
        self.read = 0
        self.by_id: dict[str, Matter] = {}
        self._ended: dict[str, datetime] = {}  # when that was recorded
        self._alerts = Alerts()
        self._incidents = Incidents(begun)
        self._notified: dict[str, set[str]] = defaultdict(set)  # alert to the receivers that were notified of it
        self._groups: dict[str, tuple[str, set[str]]] = {}  # group to its matter at hand, and that one's alerts

    def look(self) -> None:
        """Bring them up to date."""
        for event in self._ledger.read(types=_TYPES, after=self.read):
            self.read = event.seq
            if event.type.startswith("incident."):
                self._of_incident(event)
            elif event.env == self._env:
                self._of_alert(event)
        over = self._ledger.clock.now() - _LATELY
        for id_ in [id_ for id_, at in self._ended.items() if at < over]:
            self._forget(id_)

    def _of_incident(self, event: Recorded) -> None:
        if event.type == "incident.opened" and not is_of_environment(event.env, self._env, self._usual):
            return  # what else is told of it tells nothing then
        self._incidents.take((event,))
        one = self._incidents.get(str(event.data["incident"]))
        if one is None:
            return
        if event.type == "incident.opened":
            first = Step(event.id, Kind.OPENED, event.occurred_at, event.actor, str(event.data.get("title") or ""))
            receivers = frozenset[str]() if event.actor == LOCAL.principal else frozenset({BY_FILE})
            self.by_id[one.id] = Matter(
                one.id, one.product, one.assets, one.sev or WORST, (first,), receivers=receivers
            )
        else:
            for step in _steps(event):
                self._step(one.id, step, event)
            known = self.by_id.get(one.id)
            if known is not None:
                severity = known.severity if one.is_dismissed else one.sev or WORST
                self.by_id[one.id] = replace(known, assets=one.assets, severity=severity)

    def _of_alert(self, event: Recorded) -> None:
        said = event.data
        id_ = str(said.get("alert_id") or "")
        self._alerts.add((event,))
        if event.type == "alert.joined":
            self._join(event, id_, str(said["incident"]))
        elif event.type == "alert.closed":
            self._alerts.by_id.pop(id_, None)
            self._notified.pop(id_, None)
        elif event.type == "alert.notified" and said["reason"] == "resolved":
            self._over(event, str(said["group"]), is_quiet=bool(said.get("is_quiet")))
        elif event.type == "alert.notified":
            self._told(event, str(said["group"]), str(said.get("receiver") or BY_FILE))

    def _join(self, event: Recorded, alert: str, incident: str) -> None:
        known = self._alerts.by_id
        of = (known[alert],) if alert in known else ()
        step = Step(event.id, Kind.JOINED, event.occurred_at, event.actor, alerts=of)
        self._step(incident, step, event)
        self._send(incident, self._notified.get(alert, ()))
        for matter, alerts in list(self._groups.values()):
            if alert in alerts and all(known[one].incident for one in alerts if one in known):
                taken = Step(event.id, Kind.TAKEN_IN, event.occurred_at, event.actor, incident)
                self._step(matter, taken, event)

    def _over(self, event: Recorded, group: str, *, is_quiet: bool) -> None:
        """End the matter of a group; one whose end nobody is told is forgotten."""
        at_hand, _ = self._groups.pop(group, ("", None))
        if is_quiet:
            self._forget(at_hand)
        else:
            self._step(at_hand, Step(event.id, Kind.RESOLVED, event.occurred_at, event.actor), event)

    def _told(self, event: Recorded, group: str, receiver: str) -> None:
        """Take in that a receiver is to be told of alerts: of their incidents, and of the others as one matter."""
        there = [self._alerts.by_id[id_] for id_ in map(str, event.data["alerts"]) if id_ in self._alerts.by_id]
        for one in there:
            self._notified[one.id].add(receiver)
            self._send(one.incident, (receiver,))
        paging = tuple(one for one in there if one.page and not one.incident)
        if not paging:
            return
        at_hand, held = self._groups.get(group, ("", set[str]()))
        severity = min(_SEVERITIES.get(one.severity, WORST) for one in paging)
        step = Step(event.id, Kind.ALERTED, event.occurred_at, event.actor, severity=severity, alerts=paging)
        known = self.by_id.get(at_hand)
        if known is None or known.has_ended:
            at_hand, held = f"alerts/{group}/{event.id}", set()
            self.by_id[at_hand] = Matter(at_hand, "", (), severity, (), False, frozenset({receiver}))
            self._groups[group] = (at_hand, held)
        held |= {one.id for one in paging}
        self._step(at_hand, step, event)

    def _step(self, id_: str, step: Step, event: Recorded) -> None:
        known = self.by_id.get(id_)
        if known is None:
            return
        self.by_id[id_] = found = known.after(step)
        if found.has_ended:
            self._ended.setdefault(id_, event.recorded_at)

    def _send(self, id_: str, receivers: Iterable[str]) -> None:
        known = self.by_id.get(id_)
        if known is not None and not known.receivers.issuperset(receivers):
            self.by_id[id_] = replace(known, receivers=known.receivers.union(receivers))

    def _forget(self, id_: str) -> None:
        self.by_id.pop(id_, None)
        self._ended.pop(id_, None)


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


def _all(words: Iterable[str]) -> str:
    """Return words in a line, each once."""
    return "; ".join(dict.fromkeys(one for one in words if one))
