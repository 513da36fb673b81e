"""How bad an incident is: by what it touches, what is wrong, who reads it, what is due next and what budget is left.

Each factor gives points and says why; nothing else counts. 1 is the worst, and keeps readers from what it touches, so
that only what they would read wrong is ever of 1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from freehold.foundation.words import counted, percent
from freehold.reliability.alerts.alert import Alert
from freehold.reliability.signals import SignalKind

_POINTS_OF = {1: 7, 2: 5, 3: 3}  # the least points of each severity; fewer are of 4
_OF_TIER = {1: 3, 2: 2, 3: 1}
_SOON = timedelta(hours=4)
_MANY = 10  # readers in 30 days
_LITTLE_LEFT = 0.25  # of an error budget
BUDGET = "error budget"  # the name of its factor


@dataclass(frozen=True, slots=True)
class Factor:
    """One reason for a severity: what it is, what it comes to here, and how many points that gives."""

    name: str
    said: str
    points: int

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return {"factor": self.name, "said": self.said, "points": self.points}

    @classmethod
    def of(cls, said: Mapping[str, Any]) -> Factor:
        """Return it as JSON holds it."""
        return cls(said["factor"], said["said"], said["points"])


@dataclass(frozen=True, slots=True)
class Severity:
    """A severity, 1 (worst) to 4, with what led to it."""

    sev: int
    factors: tuple[Factor, ...]


def severity(
    alerts: Sequence[Alert],
    *,
    tier: int | None,
    readers: int,
    due: datetime | None,
    budget: Factor,
    now: datetime,
) -> Severity:
    """Return how bad a trouble is.

    Args:
        alerts: those that are open.
        tier: of the most important asset it touches; None where nobody said.
        readers: how many read any of it in the last 30 days, or look at what shows it.
        due: the next deadline of what it touches; None where none is known.
        budget: what the error budgets of what it touches come to.
        now: the time.
    """
    factors = (_tier(tier), _kind(alerts), _readers(readers), _deadline(due, now), budget)
    points = sum(one.points for one in factors)
    sev = next((sev for sev, least in _POINTS_OF.items() if points >= least), 4)
    is_read_wrong = any(not one.is_held and one.kind in _WRONG for one in alerts)
    return Severity(sev if is_read_wrong else max(sev, 2), factors)


_WRONG = (SignalKind.CHECK, SignalKind.SCHEMA, SignalKind.ANOMALY, SignalKind.SLO)


def _tier(tier: int | None) -> Factor:
    return Factor("tier", f"tier {tier}" if tier else "of no tier", _OF_TIER.get(tier or 0, 0))


def _kind(alerts: Sequence[Alert]) -> Factor:
    read = [one for one in alerts if not one.is_held]
    if any(one.is_breach and one.kind in _WRONG for one in read):
        return Factor("kind", "what consumers read breaks a promise", 2)
    if any(one.kind is SignalKind.LATE for one in alerts):
        return Factor("kind", "data is late", 1)
    if any(one.kind in _WRONG for one in read):
        return Factor("kind", "what consumers read is unusual", 1)
    return Factor("kind", "consumers were kept from it", 0)


def _readers(readers: int) -> Factor:
    return Factor("consumers", f"{counted(readers, 'readers')} in 30 days", (readers > 0) + (readers >= _MANY))


def _deadline(due: datetime | None, now: datetime) -> Factor:
    if due is None:
        return Factor("deadline", "none is known", 0)
    return Factor("deadline", f"the next is {due:%Y-%m-%d %H:%M}", int(due - now <= _SOON))


def of_budget(left: float | None) -> Factor:
    """Return what the least share of an error budget that is left comes to, 1 to below 0; None where there is none."""
    if left is None:
        return Factor(BUDGET, "there is none", 0)
    return Factor(BUDGET, f"{percent(max(left, 0))} is left", int(left < _LITTLE_LEFT))
