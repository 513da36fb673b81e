"""Which incidents are like one: by where, by what did it, by what was wrong, and in which columns.

Told from the ledger alone and counted the same each time, so that a document may say it. No model is asked: every
factor is a share of what two incidents have in common, and is shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from freehold.work.severity import FALSE_ALARM

if TYPE_CHECKING:
    from datetime import datetime

    from freehold.ledger import Ledger, Recorded

MOST = 5
LEAST = 0.3  # below this two incidents have nothing to say to each other
WEIGHTS: Mapping[str, float] = {"place": 0.4, "cause": 0.2, "symptom": 0.2, "columns": 0.2}
_EVENTS = ("incident.*", "alert.raised", "alert.joined", "postmortem.published")
_SHARES = ("wrong", "silent", "protected")


@dataclass
class Trace:
    """What an incident left in the ledger, as far as another may be like it.

    Attributes:
        touched: its assets, and those it reached.
        causes: the kinds of what somebody said did it; where nobody did, `suspect` is the kind of its first suspect.
        symptoms: what was wrong: the kind of each alert, and its monitor without the asset.
        mended: what was done about it, and what showed that it was over.
    """

    incident: str
    opened_at: datetime
    root: str = ""
    touched: set[str] = field(default_factory=set)
    causes: dict[str, str] = field(default_factory=dict)
    suspect: str = ""
    symptoms: set[str] = field(default_factory=set)
    columns: set[str] = field(default_factory=set)
    mended: list[str] = field(default_factory=list)
    is_false_alarm: bool = False

    @property
    def kinds(self) -> set[str]:
        """The kinds of what did it, as far as it is known."""
        return set(self.causes.values()) or ({self.suspect} if self.suspect else set())


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
    before = (o for o in others if o.incident != mine.incident and o.opened_at <= mine.opened_at)
    found = [_compared(mine, other) for other in before if not other.is_false_alarm]
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
    return Similar(other.incident, other.opened_at, other.root, rounded, round(score, 3), tuple(other.mended))


def _common(one: set[str], other: set[str]) -> float:
    """Return the share of two sets that is in both."""
    return len(one & other) / len(one | other) if one | other else 0.0


def traced(events: Iterable[Recorded]) -> dict[str, Trace]:
    """Return what each incident left in some events, by its id."""
    found: dict[str, Trace] = {}
    alerts: dict[str, Recorded] = {}
    for event in events:
        said = event.data
        if event.type == "alert.raised":
            alerts.setdefault(str(said["alert_id"]), event)
        elif event.type == "incident.opened":
            found.setdefault(str(said["incident"]), Trace(str(said["incident"]), event.occurred_at))
        elif (trace := found.get(str(said.get("incident")))) is not None:
            if event.type == "alert.joined":
                _joined(trace, alerts.get(str(said["alert_id"])))
            elif event.type in _TOLD:
                _TOLD[event.type](trace, said)
    return found


def _joined(trace: Trace, alert: Recorded | None) -> None:
    if alert is not None:
        said = alert.data
        trace.symptoms |= {str(said.get("kind") or "check"), str(said["rule"]).rpartition(":")[2]}
        trace.columns |= {str(said["column"]).lower()} if said.get("column") else set()


def _judged(trace: Trace, said: Mapping[str, Any]) -> None:
    reach, suspects = said.get("reach") or {}, said.get("suspects") or ()
    trace.root = str(said["root"])
    trace.touched = {*map(str, said["assets"]), *(str(one) for share in _SHARES for one in reach.get(share) or ())}
    trace.suspect = str(suspects[0]["kind"]) if suspects else ""


def _caused(trace: Trace, said: Mapping[str, Any]) -> None:
    cause = str(said.get("event") or said.get("deploy_id") or said.get("source") or "")
    if said.get("ended"):
        trace.causes.pop(cause, None)
    else:
        trace.causes[cause] = str(said.get("change") or ("code" if said.get("deploy_id") else "batch"))


def _updated(trace: Trace, said: Mapping[str, Any]) -> None:
    if said.get("sev") is not None:
        trace.is_false_alarm = said["sev"] >= FALSE_ALARM


def _mitigated(trace: Trace, said: Mapping[str, Any]) -> None:
    trace.mended.append(f"{said['kind']} of {said['target']}")


def _resolved(trace: Trace, said: Mapping[str, Any]) -> None:
    by = str(said.get("verified_by") or "")
    if by:  # a person is told by what they are
        trace.mended.append(f"verified by {'a person' if by.startswith(('user:', 'person:')) else by}")


def _published(trace: Trace, said: Mapping[str, Any]) -> None:
    trace.mended += [str(action) for action in said.get("actions") or ()]


_TOLD = {
    "incident.judged": _judged,
    "incident.cause_linked": _caused,
    "incident.updated": _updated,
    "incident.mitigated": _mitigated,
    "incident.resolved": _resolved,
    "postmortem.published": _published,
}
