"""Which incidents are like one: by where, by what did it, by what was wrong, and in which columns.

Told from the ledger alone and counted the same each time, so that a document may say it. No model is asked: every
factor is a share of what two incidents have in common, and is shown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from freehold.work.incidents import Incident, Incidents, told_at_first

if TYPE_CHECKING:
    from datetime import datetime

    from freehold.ledger import Ledger, Recorded

MOST = 5
LEAST = 0.3  # below this two incidents have nothing to say to each other
WEIGHTS: Mapping[str, float] = {"place": 0.4, "cause": 0.2, "symptom": 0.2, "columns": 0.2}
_EVENTS = ("incident.*", "alert.raised", "alert.joined", "postmortem.published")
_SHARES = ("wrong", "silent", "protected")


@dataclass(frozen=True, slots=True)
class Trace(Incident):
    """What an incident left in the ledger, as far as another may be like it.

    Attributes:
        touched: its assets as they were judged last, and those it reached.
        causes: the kinds of what somebody said did it, by what that is; where nobody did, `suspect` is the kind of its
            first suspect.
        symptoms: what was wrong: the kind of each alert, and its monitor without the asset.
        mended: what was done about it, and what showed that it was over.
    """

    touched: frozenset[str] = frozenset()
    causes: Mapping[str, str] = field(default_factory=dict)
    suspect: str = ""
    symptoms: frozenset[str] = frozenset()
    columns: frozenset[str] = frozenset()
    mended: tuple[str, ...] = ()

    @property
    def kinds(self) -> frozenset[str]:
        """The kinds of what did it, as far as it is known."""
        return frozenset(self.causes.values()) or frozenset({self.suspect} if self.suspect else ())


@dataclass(frozen=True, slots=True)
class Similar:
    """An incident that is like another: how much, by which factors, each from 0 to 1, and what mended it."""

    incident: str
    opened_at: datetime
    root: str
    factors: Mapping[str, float]
    score: float
    mended: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return {
            "incident": self.incident, "opened_at": self.opened_at.isoformat(), "root": self.root or None,
            "score": self.score, "factors": dict(self.factors), "mended": list(self.mended),
        }  # fmt: skip


def similar(ledger: Ledger, incident: str, upto: int | None = None) -> tuple[Similar, ...]:
    """Return the incidents that began before one and are most like it, the closest first, five at most.

    With `upto`, as was known by that number of the ledger.
    """
    traces = traced(ledger.read(types=_EVENTS, upto=upto))
    mine = traces.get(incident)
    return closest(mine, traces.values()) if mine is not None else ()


def closest(mine: Trace, others: Iterable[Trace]) -> tuple[Similar, ...]:
    """Return those of some incidents that one is most like, the closest first; of two alike, the later first."""
    before = (o for o in others if o.id != mine.id and o.detected_at <= mine.detected_at)
    found = [_compared(mine, other) for other in before if not other.is_dismissed]
    near = (one for one in found if one.score >= LEAST)
    return tuple(sorted(near, key=lambda one: (-one.score, -one.opened_at.timestamp(), one.incident))[:MOST])


def _compared(mine: Trace, other: Trace) -> Similar:
    is_same_root = bool(mine.root) and mine.root == other.root
    factors = {
        "place": 1.0 if is_same_root else _common(mine.touched, other.touched),
        "cause": _common(mine.kinds, other.kinds),
        "symptom": _common(mine.symptoms, other.symptoms),
    }
    if mine.columns or other.columns:  # where neither names a column, columns say nothing
        factors["columns"] = _common(mine.columns, other.columns)
    weight = sum(WEIGHTS[name] for name in factors)
    score = sum(WEIGHTS[name] * share for name, share in factors.items()) / weight
    rounded = {name: round(share, 3) for name, share in factors.items()}
    return Similar(other.id, other.detected_at, other.root, rounded, round(score, 3), other.mended)


def _common(one: frozenset[str], other: frozenset[str]) -> float:
    """Return the share of two sets that is in both."""
    return len(one & other) / len(one | other) if one | other else 0.0


def traced(events: Iterable[Recorded]) -> dict[str, Trace]:
    """Return what each incident left in some events, by its id."""
    alerts: dict[str, Recorded] = {}
    told = Incidents(_opened, {**_MORE, "alert.joined": partial(_joined, alerts)})
    for event in events:
        if event.type == "alert.raised":
            alerts.setdefault(str(event.data["alert_id"]), event)
        else:
            told.take((event,))
    return told.by_id


def _opened(event: Recorded) -> Trace:
    return Trace(**told_at_first(event))


def _joined(alerts: Mapping[str, Recorded], trace: Trace, event: Recorded) -> Trace:
    alert = alerts.get(str(event.data["alert_id"]))
    if alert is None:
        return trace
    said = alert.data
    symptoms = {str(said.get("kind") or "check"), str(said["rule"]).rpartition(":")[2]}
    columns = {str(said["column"]).lower()} if said.get("column") else set[str]()
    return replace(trace, symptoms=trace.symptoms | symptoms, columns=trace.columns | columns)


def _judged(trace: Trace, event: Recorded) -> Trace:
    said = event.data
    reach, suspects = said.get("reach") or {}, said.get("suspects") or ()
    reached = (str(one) for share in _SHARES for one in reach.get(share) or ())
    suspect = str(suspects[0]["kind"]) if suspects else ""
    return replace(trace, touched=frozenset((*map(str, said["assets"]), *reached)), suspect=suspect)


def _caused(trace: Trace, event: Recorded) -> Trace:
    said = event.data
    cause = str(said.get("event") or said.get("deploy_id") or said.get("source") or "")
    kind = str(said.get("change") or ("code" if said.get("deploy_id") else "batch"))
    others = {one: what for one, what in trace.causes.items() if one != cause}
    return replace(trace, causes=others if said.get("ended") else {**others, cause: kind})


def _mitigated(trace: Trace, event: Recorded) -> Trace:
    return _mended(trace, f"{event.data['kind']} of {event.data['target']}")


def _resolved(trace: Trace, event: Recorded) -> Trace:
    by = str(event.data.get("verified_by") or "")  # a person is told by what they are
    return _mended(trace, f"verified by {'a person' if by.startswith(('user:', 'person:')) else by}") if by else trace


def _published(trace: Trace, event: Recorded) -> Trace:
    return _mended(trace, *map(str, event.data.get("actions") or ()))


def _mended(trace: Trace, *how: str) -> Trace:
    return replace(trace, mended=(*trace.mended, *how))


_MORE: Mapping[str, Callable[[Trace, Recorded], Trace]] = {
    "incident.judged": _judged,
    "incident.cause_linked": _caused,
    "incident.mitigated": _mitigated,
    "incident.resolved": _resolved,
    "postmortem.published": _published,
}
