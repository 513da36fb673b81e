"""What was said of items beside their moves: promises, changes of scope, flags, estimates, places. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from freehold.ledger import Recorded

COMMITTED, CHANGED, FLAGGED = "work.committed", "work.scope_changed", "work.flagged"
ESTIMATED, PLACED = "work.estimated", "work.placed"
TOLD = (COMMITTED, CHANGED, FLAGGED, ESTIMATED, PLACED)
WARNED_BEFORE = timedelta(days=14)  # of a slip: who hears of it later is surprised
_OUT = ("removed", "moved")


@dataclass(frozen=True, slots=True)
class Commitment:
    """That an item was promised for a period, as it was said at one moment."""

    period: str
    at: datetime
    target: datetime | None = None  # by when; None: by the end of the period
    level: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """That the scope of a period changed: an item was added, removed, or moved to another."""

    period: str
    at: datetime
    change: str
    decision: str = ""


@dataclass(frozen=True, slots=True)
class Flag:
    """That an item is at risk, or no longer is; `note` is where the words lie that say why."""

    at: datetime
    at_risk: bool
    note: str = ""


@dataclass(frozen=True, slots=True)
class Planned:
    """All that was said of an item beside its moves, in the order in which it was recorded.

    Attributes:
        estimate: the last estimate, as its event has it; empty: there is none.
        place: the place in the order that a decision gave it; None: none did.
        decision: the decision that gave it.
    """

    commitments: tuple[Commitment, ...] = ()
    changes: tuple[Change, ...] = ()
    flags: tuple[Flag, ...] = ()
    estimate: Mapping[str, Any] | None = None
    place: int | None = None
    decision: str = ""

    @property
    def stands_for(self) -> Commitment | None:
        """The promise that holds now: the last one that was not taken out since."""
        standing: dict[str, Commitment] = {}
        said: list[Commitment | Change] = [*self.changes, *self.commitments]  # moved: out of one, then into another
        for one in sorted(said, key=lambda one: one.at):
            if isinstance(one, Commitment):
                standing.pop(one.period, None)
                standing[one.period] = one
            elif one.change in _OUT:
                standing.pop(one.period, None)
        return next(reversed(standing.values()), None)

    def snapshot(self, period: str, starts: datetime) -> Commitment | None:
        """Return what stood as promised for a period when that began; None where nothing did.

        What was promised later is no part of it, nor is what was taken out before; what is taken out later stays.
        """
        said = [one for one in self.commitments if one.period == period and one.at <= starts]
        if not said:
            return None
        out = (c for c in self.changes if c.period == period and c.change in _OUT)
        return None if any(said[-1].at <= c.at <= starts for c in out) else said[-1]

    def decided_out(self, period: str, starts: datetime) -> str:
        """Return the decision that took an item out of a period after that began; empty: none did."""
        out = (c for c in self.changes if c.period == period and c.change in _OUT and c.at > starts)
        return next((c.decision for c in out if c.decision), "")

    @property
    def flag(self) -> Flag | None:
        """The flag that is up, since when it was raised; None where none is."""
        return self.flag_at(None)

    def flag_at(self, moment: datetime | None) -> Flag | None:
        """Return the flag that was up at a moment; None: now."""
        up: Flag | None = None
        for flag in self.flags:
            if moment is None or flag.at <= moment:
                up = (up or flag) if flag.at_risk else None
        return up

    def was_warned(self, due: datetime) -> bool:
        """Whether it was said 14 days before something was due that it may be late, and not taken back."""
        flag = self.flag_at(due)
        return flag is not None and flag.at <= due - WARNED_BEFORE


def planned(events: Iterable[Recorded]) -> Mapping[str, Planned]:
    """Return what was said of each item that events tell of."""
    found: dict[str, Planned] = {}
    for event in sorted(events, key=lambda event: event.seq):
        item = str(event.data["item"])
        found[item] = _with(found.get(item, Planned()), event)
    return found


def _with(one: Planned, event: Recorded) -> Planned:
    said, at = event.data, event.occurred_at
    if event.type == COMMITTED:
        made = Commitment(said["period"], at, instant(said.get("target_date")), said.get("level") or "")
        return replace(one, commitments=(*one.commitments, made))
    if event.type == CHANGED:
        change = Change(said.get("period") or "", at, said.get("change") or "", said.get("decision") or "")
        return replace(one, changes=(*one.changes, change))
    if event.type == FLAGGED:
        return replace(one, flags=(*one.flags, Flag(at, bool(said["at_risk"]), said.get("note") or "")))
    if event.type == ESTIMATED:
        return replace(one, estimate=said)
    return replace(one, place=said.get("place"), decision=said.get("decision") or "")


def instant(said: Any) -> datetime | None:
    """Return a target as events have it: an instant, or a day, which is its first moment in UTC."""
    if said is None or isinstance(said, datetime):
        return said
    read = datetime.fromisoformat(str(said))
    return read if read.tzinfo else read.replace(tzinfo=UTC)
