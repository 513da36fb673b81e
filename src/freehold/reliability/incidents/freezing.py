"""Frozen metrics: a number that is wrong from a day on says so wherever it is read, until somebody takes that back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING

from freehold.ledger.event import Event

if TYPE_CHECKING:
    from freehold.ledger import Ledger

FROZEN = "metric.frozen"
_NOTE = "metric.note"


@dataclass(frozen=True, slots=True)
class Frozen:
    """A metric that is not to be relied on from a day on."""

    metric: str
    since: date
    incident: str
    frozen_at: datetime
    note: str = ""

    @property
    def told(self) -> str:
        """What whoever reads the metric is told."""
        why = f" {self.note.rstrip('.')}." if self.note else ""
        of = f" It is part of `{self.incident}`." if self.incident else ""
        return f"`{self.metric}` is frozen: do not rely on it from {self.since.isoformat()} on.{why}{of}"


def frozen(ledger: Ledger) -> dict[str, Frozen]:
    """Return the metrics that are frozen now, by id."""
    found: dict[str, Frozen] = {}
    for event in ledger.read(types=(FROZEN,)):
        said = event.data
        if said.get("ended"):
            found.pop(said["metric"], None)
            continue
        kept = ledger.side.get(said["note"]) if said.get("note") else None
        since = date.fromisoformat(said["since"]) if said.get("since") else event.occurred_at.date()
        found[said["metric"]] = Frozen(
            said["metric"], since, said.get("incident") or "", event.occurred_at, str(kept.payload) if kept else ""
        )
    return found


def freezing(ledger: Ledger, metric: str, since: date, incident: str, note: str = "") -> Event:
    """Return the event that freezes a metric; what readers are told goes to the side store, and can be erased."""
    kept = ledger.side.put(_NOTE, note, subject=ledger.caller.principal) if note else None
    said = {"metric": metric, "incident": incident or None, "since": since.isoformat(), "note": kept, "ended": None}
    return Event(FROZEN, said, subject=metric, correlation_id=incident)


def thawing(metric: str, incident: str = "") -> Event:
    """Return the event that takes back that a metric is frozen."""
    return Event(FROZEN, {"metric": metric, "incident": incident or None, "ended": True}, subject=metric)


def notes_of(found: Mapping[str, Frozen]) -> dict[str, str]:
    """Return what readers of each frozen metric are told."""
    return {metric: one.told for metric, one in found.items()}
