"""Folds what is right and wrong into alerts: raised once for as long as the same is wrong, and over once that is right.

It decides and gathers events; whoever calls it records them, together with what it says is to be kept.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from freehold.ledger.event import Event
from freehold.reliability.alerts.answering import Answering, labels
from freehold.reliability.alerts.condition import Awaited, Condition, OfAsset
from freehold.reliability.alerts.deciding import Decision, Known, Other, decide
from freehold.reliability.alerts.neighbours import Neighbours
from freehold.reliability.alerts.sights import Came, Closed, Due, Right, Sight, Wrong
from freehold.reliability.signals import Signal, SignalKind
from freehold.reliability.slo.watch import ARRIVAL, GAP

if TYPE_CHECKING:
    from freehold.reliability.alerts.outcomes import Demoted

Answer = Callable[[str, datetime], Answering]
_OF_DEADLINES = (ARRIVAL, GAP)  # monitors of deadlines that no event tells of


class Fold:
    """What stands in an environment, by asset, and what came of what it was told.

    Attributes:
        events: to be recorded, in their order.
        changed: assets of which something else is to be kept.
    """

    def __init__(
        self,
        env: str,
        kept: Mapping[str, Any],
        *,
        answer: Answer,
        neighbours: Neighbours,
        demoted: Demoted,
        steady_for: timedelta,
        now: datetime,
    ) -> None:
        self.env, self.now = env, now
        self._answer, self._neighbours, self._demoted, self._steady = answer, neighbours, demoted, steady_for
        self.assets = {asset: OfAsset.read(said) for asset, said in kept.items()}
        self.events: list[Event] = []
        self.changed: set[str] = set()

    def take(self, sights: Iterable[Sight]) -> None:
        """Take what is seen, in its order."""
        takes: Mapping[type, Callable[[Any], None]] = {
            Wrong: self._wrong, Right: self._right, Due: self._due, Came: self._came, Closed: self._closed,
        }  # fmt: skip
        for one in sights:
            takes[type(one)](one)

    def pass_time(self) -> None:
        """Say what is late by now, and what has been right for long enough."""
        for asset, of in self.assets.items():
            at = of.next_at(self._steady)
            if at is not None and at <= self.now:
                for key, awaited in list(of.awaited.items()):
                    if awaited.deadline is not None and awaited.deadline < self.now:
                        self._late(asset, key, awaited)
                self._settle(asset, of, self.now)

    def hold(self, signals: Iterable[Signal]) -> None:
        """Take all that SLOs and deadlines tell, of which there are no events: what is not among it is right."""
        standing = {one.fingerprint: one for one in signals}
        for one in standing.values():
            self._wrong(Wrong(one, ""))
        for asset, of in list(self.assets.items()):
            for mark, condition in of.conditions.items():
                signal = condition.signal
                if _is_looked_for(signal) and mark not in standing:
                    self._end(asset, condition, Right(signal.kind, asset, self.now, signal.evidence))

    def standing(self) -> Iterator[Condition]:
        """Yield what is wrong now, or was until just now."""
        for of in self.assets.values():
            yield from of.conditions.values()

    def next_at(self) -> datetime | None:
        """Return when something comes of the passing of time alone."""
        times = (of.next_at(self._steady) for of in self.assets.values())
        return min((at for at in times if at is not None), default=None)

    # -- what is seen

    def _wrong(self, one: Wrong) -> None:
        signal = one.signal
        of = self.assets.setdefault(signal.asset, OfAsset())
        self._settle(signal.asset, of, signal.seen_at)
        condition = of.conditions.get(signal.fingerprint)
        if condition is None:
            self._raise(of, one)
            return
        was = condition.signal
        condition.signal = _with(signal, was if condition.open - {one.key} else None, was.since)
        condition.open.add(one.key)
        condition.keys.add(one.key)
        condition.right_since, condition.verdict, condition.shown_by = None, "", ""
        self.changed.add(signal.asset)
        self._judge_again(condition, was)

    def _judge_again(self, condition: Condition, was: Signal) -> None:
        """Tell an alert once more where somebody is paged for it only now, or it is as bad as it was not before."""
        signal = condition.signal
        differs = (signal.is_breach, signal.is_held) != (was.is_breach, was.is_held)
        if condition.page and not differs:
            return
        decision = self._decide(signal, condition.alert)
        if condition.page and not decision.page:
            decision = replace(decision, page=True, why="It was worse before: it pages until it is over.")
        if differs or decision.page:
            condition.page = decision.page
            mark = hashlib.sha256(f"{signal.evidence} {signal.seen_at.isoformat()}".encode()).hexdigest()[:12]
            self._tell(condition, decision, f"told-{condition.alert}-{mark}")

    def _raise(self, of: OfAsset, one: Wrong) -> None:
        signal = one.signal
        # what no event tells of may be wrong again with the same evidence, and is another alert then
        at = f" {signal.seen_at.isoformat()}" if _is_looked_for(signal) else ""
        id_ = hashlib.sha256(f"{self.env} {signal.fingerprint} {signal.evidence}{at}".encode()).hexdigest()[:12]
        decision = self._decide(signal, id_)
        condition = Condition(signal, id_, max(signal.seen_at, signal.since), {one.key}, {one.key}, decision.page)
        of.conditions[signal.fingerprint] = condition
        self.changed.add(signal.asset)
        self._tell(condition, decision, f"raised-{id_}")

    def _right(self, one: Right) -> None:
        of = self.assets.get(one.asset)
        for condition in of.conditions.values() if of else ():
            signal = condition.signal
            same = (
                signal.kind is one.kind
                and one.monitor in (None, signal.monitor)
                and one.column in (None, signal.column)
            )
            if not same or (one.held_only and not signal.is_held):
                continue
            if of_it := one.ends(condition.keys):
                condition.open -= of_it
                was_held = signal.is_held and signal.kind is SignalKind.CHECK and one.monitor is not None
                condition.verdict = condition.verdict or one.verdict or ("fixed" if was_held else "")
                self.changed.add(one.asset)
                if not condition.open:
                    self._end(one.asset, condition, one)
        if of and one.is_said:
            self._settle(one.asset, of, one.at + self._steady)

    def _end(self, asset: str, condition: Condition, one: Right) -> None:
        if condition.right_since is None:
            condition.open.clear()
            condition.right_since, condition.shown_by = one.at, one.evidence
            self.changed.add(asset)

    def _due(self, one: Due) -> None:
        asset = one.signal.asset
        of = self.assets.setdefault(asset, OfAsset())
        for key, awaited in list(of.awaited.items()):
            if awaited.deadline is None and awaited.signal.monitor == one.signal.monitor:
                of.awaited[key] = replace(awaited, deadline=one.signal.since)
        of.awaited[one.key] = Awaited(one.signal, one.deadline)
        self.changed.add(asset)

    def _came(self, one: Came) -> None:
        of = self.assets.get(one.asset)
        if of is None:
            return
        for key, awaited in list(of.awaited.items()):
            # what has no deadline of its own is answered by whatever ends after it was due
            if key in one.keys or (awaited.deadline is None and awaited.signal.since <= one.ended):
                del of.awaited[key]
                self.changed.add(one.asset)
        if any(c.signal.kind is SignalKind.LATE and c.open & one.keys for c in of.conditions.values()):
            self._right(Right(SignalKind.LATE, one.asset, one.at, one.evidence, keys=one.keys, verdict="fixed"))

    def _late(self, asset: str, key: str, awaited: Awaited) -> None:
        deadline = awaited.deadline or self.now
        self.assets[asset].awaited.pop(key, None)
        self._wrong(Wrong(replace(awaited.signal, since=deadline, seen_at=deadline), key))

    def _closed(self, one: Closed) -> None:
        of = self.assets.get(one.asset)
        for mark, condition in list(of.conditions.items()) if of else ():
            if of is not None and condition.alert == one.alert:
                del of.conditions[mark]
                self.changed.add(one.asset)
                self.events += list(self._over(condition))[:1] if condition.right_since else []

    # -- what comes of it

    def _settle(self, asset: str, of: OfAsset, at: datetime) -> None:
        """Say that what has been right for long enough at an instant is over."""
        for mark, condition in list(of.conditions.items()):
            if condition.is_over(at, self._steady):
                del of.conditions[mark]
                self.changed.add(asset)
                self.events += self._over(condition)

    def _over(self, condition: Condition) -> Iterator[Event]:
        signal, since = condition.signal, condition.right_since
        event = partial(Event, env=self.env, subject=signal.asset, product=signal.product, occurred_at=since)
        said = {"alert_id": condition.alert, "asset": signal.asset}
        yield event("alert.resolved", {**said, "evidence": condition.shown_by or None}, f"resolved-{condition.alert}")
        if condition.verdict:
            closing = {"alert_id": condition.alert, "rule": signal.monitor, "verdict": condition.verdict}
            yield event("alert.closed", closing, f"closed-{condition.alert}")

    def _decide(self, signal: Signal, alert: str) -> Decision:
        tier = self._answer(signal.product, signal.seen_at).tier
        demoted = self._demoted.why(signal)
        first = decide(signal, Known(tier, self.now, demoted))
        if first.page or demoted or not (path := tuple(self._path(signal, alert))):
            return first
        return decide(signal, Known(tier, self.now, demoted, path))

    def _path(self, signal: Signal, alert: str) -> Iterator[Other]:
        """Yield the other alerts on an asset, above it and below it, of what is wrong now."""
        for asset in self._neighbours.path(signal.asset, self.assets):
            for one in self.assets[asset].conditions.values():
                if one.right_since is None and one.alert != alert:
                    yield Other(one.alert, asset, one.signal.kind, one.page, one.signal.since)

    def _tell(self, condition: Condition, decision: Decision, event: str) -> None:
        """Record an alert, under the id of an event."""
        signal = condition.signal
        who = self._answer(signal.product, signal.seen_at)
        condition.labels = labels(signal, decision.severity, who)
        said = {
            "alert_id": condition.alert, "rule": signal.monitor, "asset": signal.asset, "severity": decision.severity,
            "page": decision.page, "why": decision.why, "responder": who.responder, "owner": who.owner,
            "escalation": who.escalation, "runbook": who.runbook, "out_of_hours": who.out_of_hours,
            "fingerprint": signal.fingerprint, "kind": str(signal.kind), "column": signal.column or None,
            "direction": signal.direction or None, "is_breach": signal.is_breach, "is_held": signal.is_held,
            "deviations": signal.deviations, "began_at": signal.since.isoformat(),
            "evidence": signal.evidence, "reason": signal.reason,
        }  # fmt: skip
        at = max(signal.seen_at, signal.since)
        self.events.append(Event("alert.raised", said, event, at, self.env, signal.asset, signal.product))


def _with(signal: Signal, other: Signal | None, since: datetime) -> Signal:
    """Return a signal as bad as it is together with what else of it is wrong, and as long as that."""
    if other is None:
        return replace(signal, since=since)
    is_breach, is_held = signal.is_breach or other.is_breach, signal.is_held and other.is_held
    return replace(signal, since=since, is_breach=is_breach, is_held=is_held)


def _is_looked_for(signal: Signal) -> bool:
    """Whether it is of what no event tells: an SLO, or a deadline that somebody has to look at."""
    return signal.kind is SignalKind.SLO or (signal.kind is SignalKind.LATE and signal.monitor in _OF_DEADLINES)
