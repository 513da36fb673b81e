"""Signals: one thing each that is wrong with an asset, as one monitor sees it.

Whatever finds something (checks, runs, deliveries that do not come, anomalies, objectives) says it in this one form, so
that alerts and incidents ask nothing about where it came from.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class SignalKind(StrEnum):
    """What kind of thing is wrong."""

    CHECK = "check"  # what a contract promises of the data does not hold
    RUN = "run"  # what builds an asset failed
    LATE = "late"  # what was due has not come
    SCHEMA = "schema"  # a source has another shape than was promised
    ANOMALY = "anomaly"  # a batch is not what its past leads one to expect
    SLO = "slo"  # an error budget burns too fast, or is gone


@dataclass(frozen=True, slots=True)
class Signal:
    """Something that is wrong with an asset.

    Attributes:
        monitor: what saw it: a check, a measure, a delivery, the id of an objective.
        column: of which column; empty where rows or the whole asset are meant.
        direction: `high` or `low` where a value is off; else empty.
        since: when it began: the time it was due, or the first bad evidence.
        seen_at: when it was found.
        is_breach: whether a promise to consumers is broken: a contract or an objective.
        is_held: whether consumers were kept from it: the version before is still what they read.
        deviations: how far a value is off; None where that is not measured.
        evidence: the id of the event that tells of it.
        reason: what is wrong, as half a sentence.
    """

    kind: SignalKind
    asset: str
    product: str
    monitor: str
    since: datetime
    seen_at: datetime
    evidence: str
    reason: str
    column: str = ""
    direction: str = ""
    is_breach: bool = False
    is_held: bool = False
    deviations: float | None = None

    @property
    def fingerprint(self) -> str:
        """What is the same as long as the same is wrong: 16 hexadecimal digits."""
        parts = (self.product, self.asset, self.column, self.kind, self.monitor, self.direction)
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]
