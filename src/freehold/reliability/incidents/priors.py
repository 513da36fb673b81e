"""Priors: how often a kind of change did a kind of wrong. Seeded; incidents whose cause was told are counted on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from freehold.reliability.incidents.suspects import ChangeKind
from freehold.reliability.signals import SignalKind

# As many incidents as somebody would remember of each kind of wrong: by kind of change. What is not named counts 1.
_SEED: Mapping[SignalKind, Mapping[str, float]] = {
    SignalKind.CHECK: {"code": 6, "batch": 5, "schema": 4, "contract": 3, "backfill": 3},
    SignalKind.ANOMALY: {"batch": 6, "code": 5, "schema": 3, "late": 3, "backfill": 3, "run": 2, "access": 2},
    SignalKind.RUN: {"schema": 6, "code": 5, "run": 4, "access": 4, "config": 3},
    SignalKind.LATE: {"late": 7, "run": 7, "schema": 3, "access": 3, "backfill": 3, "code": 2, "config": 2},
    SignalKind.SCHEMA: {"schema": 8, "code": 4, "contract": 4},
    SignalKind.SLO: {"late": 5, "run": 5, "code": 4, "schema": 4, "batch": 3, "backfill": 2},
}
_LAPLACE = 1.0


@dataclass(frozen=True, slots=True)
class Priors:
    """Counts of causes that were told, by kind of change and kind of wrong."""

    counted: Mapping[tuple[ChangeKind, SignalKind], int] = field(default_factory=dict)

    @classmethod
    def of(cls, told: Iterable[tuple[ChangeKind, SignalKind]]) -> Priors:
        """Return the priors of incidents whose cause was told."""
        return cls(Counter(told))

    def __call__(self, change: ChangeKind, symptom: SignalKind) -> float:
        """Return the share of this kind of change among what did this kind of wrong, from above 0 to 1."""
        weights = {kind: self._weight(kind, symptom) for kind in ChangeKind}
        return weights[change] / sum(weights.values())

    def _weight(self, change: ChangeKind, symptom: SignalKind) -> float:
        return _SEED[symptom].get(change, _LAPLACE) + self.counted.get((change, symptom), 0)
