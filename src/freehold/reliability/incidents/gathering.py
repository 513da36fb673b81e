"""From alerts to incidents: one for each connected trouble, opened, judged and ended by what the ledger tells.

One turn reads what is new of alerts and does all that follows from it. It holds a lease, so that of two turns beside
each other one does it; an incident begins in one transaction with the alerts that joined it, and a turn that was killed
is done again by the next one, which finds what the first one left.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from freehold.delivery.graph import default_environment
from freehold.foundation import Clock, FreeholdError, SimulatedClock
from freehold.foundation.caller import LOCAL
from freehold.foundation.owning import holder, is_dead
from freehold.foundation.words import counted
from freehold.ledger.event import Event
from freehold.reliability.alerts.alert import EVENTS, Alert, Alerts
from freehold.reliability.incidents.declared import MEND, TYPE
from freehold.reliability.incidents.grouping import Trouble, joined_by_cause, root_of, troubles
from freehold.reliability.incidents.incident import Incident, known_incident, told_incidents
from freehold.reliability.incidents.judging import Judgement, Surroundings
from freehold.reliability.incidents.suspects import shared_causes
from freehold.reliability.signals import SignalKind
from freehold.work import Work
from freehold.work.item import DUPLICATE_OF

if TYPE_CHECKING:
    from freehold.delivery.graph import Graph
    from freehold.delivery.lineage import EstateLineage
    from freehold.estate.model import Estate
    from freehold.ledger import Ledger
    from freehold.ledger.kept import Lease

_NEWS = ("alert.raised", "alert.resolved", "alert.closed")
_ENDS = "incident.resolved"
KEPT = "incidents"  # of the kept state of an environment: up to where alerts were looked at, and from where
_DATA = "data"  # the kind of incident that alerts tell of
_LEASE_S = 60.0
_TAKEN = "FH-L201"
_TOP_TIER = 1
_NOT_BUILT = (SignalKind.RUN, SignalKind.LATE)


@dataclass(frozen=True, slots=True)
class Gathered:
    """What a turn did, by the ids of incidents."""

    opened: tuple[str, ...] = ()
    judged: tuple[str, ...] = ()
    resolved: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.opened or self.judged or self.resolved)


NOTHING = Gathered()


def gather(
    estate: Estate,
    ledger: Ledger,
    env: str,
    graph: Callable[[], Graph],
    *,
    lineage: Callable[[], EstateLineage] | None = None,
    budgets: Mapping[str, float] | None = None,
    clock: Clock | None = None,
) -> Gathered:
    """Do what follows from the alerts that the ledger has told of since the last turn.

    Incidents are of the environment that consumers read: in any other, alerts stay alerts. Where another turn is at it,
    nothing is done.

    Args:
        estate: its products and workflows.
        ledger: where alerts are, and incidents are recorded, by nobody but the system itself.
        env: the environment.
        graph: reads its assets; called only where alerts tell something new.
        lineage: gives the columns of the estate, where they are asked for; without it assets alone are walked.
        budgets: the share of its error budget that is left, by product or asset; None where nobody looked: then what
            was judged of it last stands.
        clock: the time; that of the ledger where none is given.

    Raises:
        FreeholdError: FH-L202 the lease was lost meanwhile; what the ledger and the workflow raise.
    """
    if env != default_environment(estate):
        return NOTHING
    kept = ledger.state.get(KEPT, env) or {}
    upto = int(kept.get("upto") or 0)
    news = ledger.read(types=_NEWS, env=env, after=upto, limit=1), ledger.read(types=(_ENDS,), after=upto, limit=1)
    if not any(map(any, news)):
        return NOTHING
    try:
        lease = ledger.lease(f"reliability/incidents/{env}", holder("incidents"), _LEASE_S, is_gone=is_dead)
    except FreeholdError as error:
        if error.code == _TAKEN:
            return NOTHING
        raise
    with lease.kept_alive():
        try:
            now = (clock or ledger.clock).now()
            around = Surroundings(estate, ledger.acting(LOCAL), env, graph(), lineage, budgets, now)
            return _Turn(around, lease).go()
        finally:
            lease.release()


class _Turn:
    """One turn: reads all alerts that may still matter, and brings the incidents to what they tell."""

    def __init__(self, around: Surroundings, lease: Lease) -> None:
        self._around, self._lease = around, lease
        self._ledger, self._env = around.ledger, around.env
        kept = self._ledger.state.get(KEPT, self._env) or {}
        told = list(self._ledger.read(types=EVENTS, env=self._env, after=int(kept.get("since") or 0)))
        over = self._ledger.read(types=(_ENDS,), newest_first=True, limit=1)
        self._upto = max([int(kept.get("upto") or 0), *(event.seq for event in (*told, *over))])
        # an alert without an asset is part of no trouble with data
        self._alerts = {id_: one for id_, one in Alerts().add(told).by_id.items() if one.asset}
        self._incidents = told_incidents(self._ledger).by_id
        self._open = {id_: one for id_, one in self._incidents.items() if one.is_open and not one.duplicate_of}
        self._opened: list[str] = []
        self._judged_ids: list[str] = []
        self._resolved: list[str] = []

    def go(self) -> Gathered:
        for trouble in self._troubles():
            self._settle(trouble)
        for id_ in list(self._open):
            self._end(id_)
        self._end_duplicates()
        # what is still wrong may be told again as worse: as long as it is, all that was told of it is read
        waiting = [a.seq for a in self._alerts.values() if self._of(a) in self._open or a.is_wrong]
        since = min(waiting, default=self._upto + 1) - 1
        self._ledger.append(fence=self._lease, keep={(KEPT, self._env): {"upto": self._upto, "since": since}})
        return Gathered(tuple(self._opened), tuple(self._judged_ids), tuple(self._resolved))

    def _troubles(self) -> tuple[Trouble, ...]:
        """Return the troubles of alerts that are open, or part of an incident that is."""
        found = self._united(troubles(self._mine(), self._around.paths, self._around.period))
        apart = [one for one in found if not any(a.incident for a in one.alerts)]
        joined = joined_by_cause(apart, shared_causes(apart, self._around.suspects))
        return (*(one for one in found if one not in apart), *joined)

    def _united(self, found: Sequence[Trouble]) -> tuple[Trouble, ...]:
        """Return troubles of which those that share an incident are one: what joined it once stays of it."""
        by_incident: dict[str, list[Trouble]] = {}
        apart = []
        for one in found:
            of = next((self._of(a) for a in one.alerts if a.incident), "")
            if of:
                by_incident.setdefault(of, []).append(one)
            else:
                apart.append(one)
        united = []
        for parts in by_incident.values():
            every = [alert for part in parts for alert in part.alerts]
            united.append(parts[0] if len(parts) == 1 else Trouble(root_of(every, self._around.paths), tuple(every)))
        return (*united, *apart)

    def _mine(self) -> list[Alert]:
        """Return the alerts that are open, or part of an incident that is."""
        return [a for a in self._alerts.values() if self._of(a) in self._open or (a.is_wrong and not a.incident)]

    def _of(self, alert: Alert) -> str:
        """Return the id of the incident that an alert is of: of a duplicate, its original."""
        of, seen = alert.incident, set[str]()
        while of in self._incidents and self._incidents[of].duplicate_of and of not in seen:
            seen.add(of)
            of = self._incidents[of].duplicate_of
        return of

    def _settle(self, trouble: Trouble) -> None:
        """Bring the incident of a trouble to what its alerts tell; open one where there is to be one."""
        there = [self._open[id_] for id_ in dict.fromkeys(map(self._of, trouble.alerts)) if id_ in self._open]
        there = there or [one for one in self._open.values() if self._is_told_by_hand(one, trouble)][:1]
        if not there:
            if any(self._opens(one) for one in trouble.alerts):
                self._begin(trouble)
            return
        first, *others = sorted(there, key=lambda one: (one.detected_at, one.id))
        moved = [a for a in trouble.alerts if a.incident != first.id]
        if not moved and not any(a.is_wrong for a in trouble.alerts):
            return  # it is over: what was known of it while it was not stays
        judgement = self._around.judged(trouble, first)
        others = [one for one in others if not one.is_by_hand]  # whether theirs is the same, people say
        events = [
            *(self._joined(a, first.id, trouble) for a in moved),
            *(self._duplicate(one, first) for one in others),
            *self._judged(first, judgement),
        ]
        self._record(moved, first.id, events)
        for one in others:
            self._incidents[one.id] = replace(one, duplicate_of=first.id)
            del self._open[one.id]

    def _record(self, moved: Sequence[Alert], id_: str, events: Sequence[Event]) -> None:
        if events:
            self._ledger.append(*events, fence=self._lease)
            self._judged_ids.append(id_)
        self._note(moved, id_)

    def _note(self, alerts: Iterable[Alert], id_: str) -> None:
        self._alerts |= {one.id: replace(one, incident=id_) for one in alerts}

    def _is_told_by_hand(self, one: Incident, trouble: Trouble) -> bool:
        """Whether somebody opened an incident of the same data, before alerts did, and none of them joined it yet."""
        if not one.is_by_hand or one.kind != _DATA or one.root:
            return False
        began = min(a.since for a in trouble.alerts)
        near = abs(one.detected_at - began) <= self._around.period(trouble.root)
        return near and bool(set(one.assets) & set(trouble.assets))

    def _opens(self, alert: Alert) -> bool:
        """Whether an alert is worth an incident: it pages, or holds back an asset of the first tier."""
        return alert.is_wrong and (alert.page or (alert.is_held and self._around.tier(alert.asset) == _TOP_TIER))

    def _begin(self, trouble: Trouble) -> None:
        """Open the incident of a trouble, with its alerts and what it comes to, in one transaction.

        It is found as of the first alert that is worth one: what was in the digest before woke nobody, though it is of
        the same trouble, and may have begun it.
        """
        judgement = self._around.judged(trouble)
        first = min(filter(self._opens, trouble.alerts), key=lambda one: (one.raised_at, one.seq))
        key = hashlib.sha256(f"{self._env}\n{first.id}".encode()).hexdigest()[:12]
        id_ = f"{TYPE}/{key}"
        symptom, product = judgement.symptom, self._product(trouble)
        fields = {
            "what": _title(trouble), "kind": _DATA, "sev": judgement.severity.sev, "assets": list(trouble.assets),
            "failure_mode": "execution" if symptom.kind in _NOT_BUILT else "correctness",
            "impact_started_at": min(a.since for a in trouble.alerts).isoformat(),
        }  # fmt: skip
        beside = [
            *(self._joined(a, id_, trouble) for a in trouble.alerts),
            Event("incident.judged", {"incident": id_, **judgement.to_json()}, **self._about(id_, product)),
        ]
        self._lease.renew()
        Work(self._around.estate, self._ledger, clock=SimulatedClock(first.raised_at)).create(
            TYPE, fields, product=product, key=key, beside=beside
        )
        self._opened.append(id_)
        self._incidents[id_] = self._open[id_] = known_incident(self._ledger, id_)
        self._note(trouble.alerts, id_)

    def _product(self, trouble: Trouble) -> str:
        product = next((a.product for a in trouble.at_root), trouble.root.rpartition(".")[0])
        asset = self._around.graph.assets.get(trouble.root)
        product = asset.product.id if asset is not None else product
        return product if product in self._around.estate.products else ""

    def _judged(self, one: Incident, found: Judgement) -> Iterator[Event]:
        """Yield what is known otherwise of an incident than was recorded last."""
        said = found.to_json()
        known = {"root": one.root, "factors": list(one.factors), "reach": dict(one.reach),
                 "suspects": list(one.suspects)}  # fmt: skip
        about = self._about(one.id, one.product)
        if not set(said["assets"]) <= set(one.assets) or any(said[name] != value for name, value in known.items()):
            yield Event("incident.judged", {"incident": one.id, **said}, **about)
        is_worse = one.sev is None or said["sev"] < one.sev
        if is_worse or (said["sev"] != one.sev and not one.is_sev_said):  # what somebody said is only made worse
            yield Event("incident.updated", {"incident": one.id, "sev": said["sev"]}, **about)

    def _joined(self, alert: Alert, id_: str, trouble: Trouble) -> Event:
        role = "root" if alert.asset == trouble.root else "affected"
        said = {"alert_id": alert.id, "incident": id_, "role": role, "asset": alert.asset}
        at = max(alert.raised_at, alert.since)
        return Event("alert.joined", said, id=f"{id_}-{alert.id}", env=self._env, subject=alert.asset,
                     product=alert.product, correlation_id=id_, occurred_at=at)  # fmt: skip

    def _duplicate(self, one: Incident, first: Incident) -> Event:
        """Return that an incident turned out to be of another one's trouble, and ends with that."""
        said = {"item": one.id, "rel": DUPLICATE_OF, "target": first.id}
        return Event("work.linked", said, subject=one.id, product=one.product, correlation_id=one.id)

    def _about(self, id_: str, product: str) -> dict[str, Any]:
        return {"subject": id_, "product": product, "correlation_id": id_}

    def _end(self, id_: str) -> None:
        """End an incident of which nothing is wrong any more, as of the check that showed the last of it.

        What somebody opened, they end: that no alert is left of it does not say that what they saw is over.
        """
        if self._open[id_].is_by_hand:
            return
        mine = [one for one in self._alerts.values() if one.incident == id_]
        if not mine or any(one.is_wrong for one in mine):
            return
        over = [one for one in mine if one.resolved_at is not None]
        if not over:  # closed by people who found that nothing was wrong: theirs to say
            return
        last = max(over, key=lambda one: (one.resolved_at or one.raised_at, one.seq))
        work = Work(self._around.estate, self._ledger)
        item = work.item(id_)
        if MEND not in work.workflow(item.type).states[item.state].moves:
            return
        at = max(last.resolved_at or self._around.now, item.history[-1].since)
        fields = {"verified_by": f"service:checks/{last.monitor.replace(' ', '-')}"}
        self._lease.renew()
        Work(self._around.estate, self._ledger, clock=SimulatedClock(at)).move(id_, MEND, fields=fields)
        self._resolved.append(id_)
        self._incidents[id_] = known_incident(self._ledger, id_)
        del self._open[id_]

    def _end_duplicates(self) -> None:
        """Tell of duplicates that they are over, where their originals are, whoever ended those."""
        if not any(one.duplicate_of for one in self._incidents.values()):
            return
        for one, original in told_incidents(self._ledger).ended_with_others():
            said = {"incident": one.id, "restored_at": original.resolved_at, "verified_by": original.shown_by or None}
            about = self._about(one.id, one.product)
            event = Event(_ENDS, said, id=f"{one.id}-with-{original.id}", occurred_at=original.resolved_at, **about)
            self._ledger.append(event, fence=self._lease)
            self._resolved.append(one.id)


def _title(trouble: Trouble) -> str:
    """Return what a trouble is about: where, and which monitor. No values: a title is told where no policy is asked."""
    first = trouble.at_root[0]
    others = len(trouble.assets) - (trouble.root in trouble.assets)
    more = f", and {counted(others, 'assets')} below it" if others else ""
    return f"{trouble.root}: {first.what}{more}"


def alerts_of(ledger: Ledger, incident: Incident) -> tuple[Alert, ...]:
    """Return the alerts that joined an incident, in the order in which they were raised."""
    told = (event for asset in incident.assets for event in ledger.read(types=EVENTS, subject=asset))
    every = Alerts().add(sorted(told, key=lambda event: event.seq)).by_id.values()
    return tuple(one for one in every if one.incident == incident.id)
