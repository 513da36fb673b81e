"""How objectives stand by what was measured last: how far each key result has come, and whether that is still known."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from freehold.insight.objectives.declared import KeyResult, Objective
from freehold.insight.objectives.measuring import last_measures
from freehold.work.linking import CONTRIBUTES_TO, OF_OBJECTIVES

if TYPE_CHECKING:
    from freehold.ledger import Ledger, Recorded
    from freehold.work import Item

STALE_AFTER = timedelta(days=7)  # a week in which nobody looked, or no data came


class State(StrEnum):
    """Whether the progress of a key result can be believed."""

    MEASURED = "measured"
    REACHED = "reached"
    STALE = "stale"
    MISSING = "not measured"


@dataclass(frozen=True, slots=True)
class Standing:
    """A key result as it was measured last.

    Attributes:
        state: whether it can be believed; `reached` is measured, too.
        progress: how much of the way has been come; None where nothing was measured on the way its file has now.
        elapsed: how much of the time until its day has passed, no less than nothing and no more than all.
        seq: the number of the event that tells of it; 0 where there is none.
    """

    key_result: KeyResult
    state: State
    now: float | None
    progress: float | None
    elapsed: float
    measured_at: datetime | None = None
    data_until: datetime | None = None
    seq: int = 0


def standings(objectives: Iterable[Objective], ledger: Ledger, now: datetime) -> Mapping[str, tuple[Standing, ...]]:
    """Return how the key results of objectives stand, by the objective's id."""
    last = last_measures(ledger)
    return {one.id: tuple(_standing(one, kr, last.get((one.id, kr.id)), now) for kr in one.key_results)
            for one in objectives}  # fmt: skip


def _standing(objective: Objective, one: KeyResult, event: Recorded | None, now: datetime) -> Standing:
    elapsed = _elapsed(objective, one, now)
    if event is None or event.data.get("metric") != one.metric:  # what was measured was another metric's
        return Standing(one, State.MISSING, None, None, elapsed)
    value = float(event.data["now"])
    until = event.data.get("data_until")
    data_until = datetime.fromisoformat(until) if isinstance(until, str) else until
    progress = one.progress(value)
    known = min(event.occurred_at, data_until) if data_until else event.occurred_at
    is_stale = known < min(now, objective.period.end) - STALE_AFTER
    state = State.STALE if is_stale else State.REACHED if progress >= 1 else State.MEASURED
    return Standing(one, state, value, progress, elapsed, event.occurred_at, data_until, event.seq)


def _elapsed(objective: Objective, one: KeyResult, now: datetime) -> float:
    start = objective.period.start
    end = datetime.combine(one.by + timedelta(days=1), datetime.min.time(), start.tzinfo)
    whole = (end - start) / timedelta(seconds=1)
    return min(max((now - start) / timedelta(seconds=1) / whole, 0.0), 1.0) if whole > 0 else 1.0


def linked_items(objective: str, items: Iterable[Item]) -> tuple[Item, ...]:
    """Return the items that contribute to an objective, in the order in which they began."""
    names = (objective, OF_OBJECTIVES + objective)
    return tuple(
        item for item in items if any(link.rel == CONTRIBUTES_TO and link.target in names for link in item.links)
    )
