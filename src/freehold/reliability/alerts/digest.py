"""The digest: what was found and paged nobody, to be read when there is time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import TYPE_CHECKING, Any

from freehold.reliability.alerts.alert import Alert, State, alerts

if TYPE_CHECKING:
    from freehold.ledger import Ledger

WEEK = timedelta(days=7)
_SEVERITIES = ("critical", "warning", "info")


@dataclass(frozen=True, slots=True)
class Part:
    """What a digest says of one product: its alerts, the most severe first."""

    product: str
    alerts: tuple[Alert, ...]

    @property
    def firing(self) -> int:
        """How many of them stand."""
        return sum(one.state is State.FIRING for one in self.alerts)

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return {"product": self.product or None, "alerts": [one.to_json() for one in self.alerts]}


def digest(ledger: Ledger, env: str, since: datetime) -> tuple[Part, ...]:
    """Return what paged nobody and was raised since then, or still stands, by product: those with most first."""
    found = [
        one for one in alerts(ledger, env) if not one.page and (one.raised_at >= since or one.state is State.FIRING)
    ]
    found.sort(key=lambda one: (one.product, _SEVERITIES.index(one.severity), one.asset, one.raised_at))
    parts = [Part(product, tuple(ones)) for product, ones in groupby(found, lambda one: one.product)]
    return tuple(sorted(parts, key=lambda part: (-len(part.alerts), part.product)))


def in_a_line(parts: Sequence[Part]) -> str:
    """Return a digest in half a sentence; empty where there is nothing to tell."""
    count = sum(len(part.alerts) for part in parts)
    if not count:
        return ""
    firing = sum(part.firing for part in parts)
    return f"{count:,} alert{'s' if count != 1 else ''} that paged nobody, {firing:,} of which stand"
