"""What alerts were: a verdict on each, how often each monitor was right, and what comes of one that rarely is."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from freehold.foundation import Exit, FreeholdError
from freehold.foundation.words import percent
from freehold.ledger.event import Event
from freehold.reliability.alerts.alert import VERDICTS, Alert, alert, alerts
from freehold.reliability.anomalies import anomalies, closing
from freehold.reliability.signals import Signal, SignalKind

if TYPE_CHECKING:
    from freehold.ledger import Ledger

JUDGED = 10  # alerts: the last that were judged
LEAST_PRECISION = 0.3
_WORTH = ("fixed", "expected")
_DEMOTED, _RESTORED = "monitor.demoted", "monitor.restored"


class Name(NamedTuple):
    """What names a monitor: what it watches, and how."""

    asset: str
    column: str
    kind: str
    monitor: str

    def __str__(self) -> str:
        of = f" of {self.column}" if self.column and not self.monitor.startswith(self.column) else ""
        return f"{self.kind} {self.monitor}{of}"

    @classmethod
    def of(cls, alert: Alert) -> Name:
        """Return the name of what raised an alert."""
        return cls(alert.asset, alert.column, str(alert.kind), alert.monitor)

    @classmethod
    def told_by(cls, said: Mapping[str, Any]) -> Name:
        """Return the name of what an event says to be demoted or restored."""
        return cls(said["asset"], said.get("column") or "", said["kind"], said["monitor"])


@dataclass(frozen=True, slots=True)
class Monitor:
    """A monitor that raised alerts.

    Attributes:
        raised: how many alerts; pages: how many of them paged somebody.
        verdicts: of those that were judged and are no duplicates, the newest last.
        is_demoted: whether what it finds is told in the digest alone.
    """

    name: Name
    raised: int
    pages: int
    verdicts: tuple[str, ...]
    is_demoted: bool
    last_at: datetime

    @property
    def judged(self) -> tuple[str, ...]:
        """The verdicts that its precision is of."""
        return self.verdicts[-JUDGED:]

    @property
    def precision(self) -> float | None:
        """The share of its last alerts that were worth it; None before any was judged."""
        return precision(self.judged)

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return {
            **self.name._asdict(), "column": self.name.column or None, "raised": self.raised, "pages": self.pages,
            "judged": len(self.verdicts), "precision": self.precision, "is_demoted": self.is_demoted,
            "last_at": self.last_at.isoformat(),
        }  # fmt: skip


class Demoted:
    """The monitors that page nobody."""

    def __init__(self, ledger: Ledger, env: str) -> None:
        self._ledger, self._env = ledger, env
        self._known: dict[Name, Mapping[str, Any]] | None = None

    def why(self, signal: Signal) -> str:
        """Say why a signal may page nobody; empty where it may."""
        said = self.by_name.get(Name(signal.asset, signal.column, str(signal.kind), signal.monitor))
        if said is None:
            return ""
        return (
            f"Its monitor is demoted: {percent(said['precision'])} of its last {said['judged']} alerts were worth it."
        )

    @property
    def by_name(self) -> Mapping[Name, Mapping[str, Any]]:
        """What was told when they were demoted, by name."""
        if self._known is None:
            self._known = {}
            for event in self._ledger.read(types=(_DEMOTED, _RESTORED), env=self._env):
                name = Name.told_by(event.data)
                if event.type == _DEMOTED:
                    self._known[name] = event.data
                else:
                    self._known.pop(name, None)
        return self._known


def judged_since(ledger: Ledger, env: str, since: datetime) -> dict[Name, tuple[bool, datetime]]:
    """Return the monitors that were demoted or restored since an instant: whether demoted, the last time, and when."""
    told = ledger.read(types=(_DEMOTED, _RESTORED), env=env, since=since)
    return {Name.told_by(event.data): (event.type == _DEMOTED, event.occurred_at) for event in told}


def precision(verdicts: Sequence[str]) -> float | None:
    """Return the share of verdicts by which an alert was worth it; None of none."""
    return sum(one in _WORTH for one in verdicts) / len(verdicts) if verdicts else None


def monitors(ledger: Ledger, env: str, *, asset: str | None = None) -> tuple[Monitor, ...]:
    """Return the monitors that raised alerts, those that are right least often first."""
    return monitors_of(alerts(ledger, env, asset=asset, closed=True), Demoted(ledger, env).by_name)


def monitors_of(told: Iterable[Alert], demoted: Container[Name]) -> tuple[Monitor, ...]:
    """Return the monitors that raised some alerts, those that are right least often first."""
    found: dict[Name, list[Alert]] = defaultdict(list)
    for one in told:
        found[Name.of(one)].append(one)
    every = (_monitor(name, ones, name in demoted) for name, ones in found.items())
    return tuple(sorted(every, key=lambda one: (1.0 if one.precision is None else one.precision, one.name)))


def close(ledger: Ledger, env: str, id_: str, verdict: str) -> Alert:
    """Say what an alert was: `fixed`, it was wrong; `expected`, odd and right; `false`; `duplicate` of another.

    An anomaly of which it is takes the same verdict; its monitor is demoted where it was wrong too often, and restored
    where it no longer is.

    Raises:
        FreeholdError: FH-E332 there is no such alert; FH-E333 it was closed before; FH-E334 another verdict.
    """
    if verdict not in VERDICTS:
        fix = f"Say one of: {', '.join(VERDICTS)}."
        raise FreeholdError("FH-E334", f"`{verdict}` is no verdict on an alert.", fix=fix, exit_code=Exit.USAGE)
    found = alert(ledger, env, id_)
    if found.is_judged:
        problem = f"The alert `{id_}` was closed before, as {found.verdict}."
        raise FreeholdError("FH-E333", problem, fix="Nothing has to be done.", exit_code=Exit.USAGE)
    said = {"alert_id": id_, "rule": found.monitor, "verdict": verdict, "incident": found.incident or None}
    closed = Event("alert.closed", said, f"closed-{id_}", env=env, subject=found.asset, product=found.product)
    try:
        ledger.append(closed, *_anomalies_closed(ledger, env, found, verdict), *_judged(ledger, env, found, verdict))
    except FreeholdError as error:
        if error.code != "FH-L003":
            raise
        problem = f"The alert `{id_}` was closed by another meanwhile."
        raise FreeholdError("FH-E333", problem, fix="See: freehold alerts show " + id_, exit_code=Exit.USAGE) from error
    return found


def restored(ledger: Ledger, env: str, told: Iterable[Event]) -> Iterator[Event]:
    """Yield that demoted monitors are restored whose alerts, closed just now, were worth it often enough.

    `told` are events that are recorded with what this yields, of which `alert.closed` count.
    """
    demoted = {name.asset for name in Demoted(ledger, env).by_name}
    for event in told:
        if event.type == "alert.closed" and event.subject in demoted:
            known = {one.id: one for one in alerts(ledger, env, asset=event.subject, closed=True)}
            if of := known.get(str(event.data["alert_id"])):
                yield from _judged(ledger, env, of, str(event.data["verdict"]))


def _judged(ledger: Ledger, env: str, of: Alert, verdict: str) -> Iterator[Event]:
    """Yield what comes of one more verdict on a monitor: that it is demoted, or restored, or nothing."""
    name = Name.of(of)
    one = next(m for m in monitors(ledger, env, asset=of.asset) if m.name == name)
    verdicts = (*one.verdicts, *([verdict] if verdict != "duplicate" else []))[-JUDGED:]
    share = precision(verdicts)
    is_wrong = share is not None and len(verdicts) == JUDGED and share < LEAST_PRECISION
    if is_wrong is one.is_demoted or share is None:
        return
    said = {**name._asdict(), "column": name.column or None, "precision": share, "judged": len(verdicts)}
    type_ = _DEMOTED if is_wrong else _RESTORED
    yield Event(type_, said, env=env, subject=of.asset, product=of.product)


def _anomalies_closed(ledger: Ledger, env: str, of: Alert, verdict: str) -> Iterator[Event]:
    """Yield the same verdict on the anomalies that an alert is of."""
    if of.kind != SignalKind.ANOMALY or verdict == "duplicate":
        return
    for one in anomalies(ledger, env, asset=of.asset):
        if (one.measure.name, one.measure.column, of.since <= one.found_at) == (of.monitor, of.column, True):
            yield closing(one, env, verdict)


def _monitor(name: Name, of: Sequence[Alert], is_demoted: bool) -> Monitor:
    judged = sorted((one for one in of if one.closed_at), key=lambda one: one.closed_at or one.raised_at)
    verdicts = tuple(one.verdict for one in judged if one.verdict != "duplicate")
    return Monitor(name, len(of), sum(one.page for one in of), verdicts, is_demoted, of[-1].raised_at)
