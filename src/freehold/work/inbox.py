"""What waits for somebody: to be looked at, decided, answered or done; what is late first."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from freehold.work.deciding import state_of
from freehold.work.roles import REQUESTER

if TYPE_CHECKING:
    from freehold.estate.operating import Workflow
    from freehold.work.clocks import Clock
    from freehold.work.deciding import Way
    from freehold.work.item import Item
    from freehold.work.service import Work


class Asks(StrEnum):
    """What an item asks of somebody."""

    TRIAGE = "triage"
    ANSWER = "answer"
    DECIDE = "decide"
    DO = "do"


@dataclass(frozen=True, slots=True)
class Waiting:
    """An item that waits for somebody, with the moves that they may make, and the clock that runs out first."""

    item: Item
    asks: Asks
    ways: tuple[Way, ...]
    clock: Clock | None

    @property
    def is_late(self) -> bool:
        """Whether a clock of it has run out."""
        return self.clock is not None and self.clock.is_late

    @property
    def order(self) -> tuple[bool, datetime, datetime]:
        """What is late first, then what is due first, then what began first."""
        due = self.clock.due_at if self.clock else None
        return (not self.is_late, due or datetime.max.replace(tzinfo=UTC), self.item.created_at)


def inbox(work: Work, items: tuple[Item, ...] | None = None) -> tuple[Waiting, ...]:
    """Return what waits for the caller, in the order in which to take it up.

    An item that somebody has taken on waits for them alone, a duplicate for nobody: it ends with its original; nor
    does one that a tracker rules: what is to be done with it is done there.

    Args:
        work: the work of an estate, as the caller may move it.
        items: those to look among; default: all that have not ended.
    """
    found = (waiting(work, item) for item in (work.items(is_open=True) if items is None else items))
    return tuple(sorted((one for one in found if one is not None), key=lambda one: one.order))


def waiting(work: Work, item: Item) -> Waiting | None:
    """Return what an item asks of the caller; None where it does not wait for them."""
    if (
        item.original
        or item.tracked is not None
        or item.type not in work.workflows
        or item.state not in work.workflows[item.type].states
    ):
        return None
    if item.assignee not in ("", work.caller.principal):
        return None
    ways = tuple(way for way in work.ways(item) if way.is_mine and way.role)
    asks = _asks(item, work.workflows[item.type], ways)
    if asks is None:
        return None
    return Waiting(item, Asks.DO if item.assignee and asks is Asks.DECIDE else asks, ways, first_clock(work, item))


def first_clock(work: Work, item: Item) -> Clock | None:
    """Return the clock of an item that runs out first, or has; None where none runs."""
    running = [clock for clock in work.clocks(item) if clock.due_at is not None]
    return min(running, key=lambda clock: clock.due_at or datetime.max.replace(tzinfo=UTC), default=None)


def _asks(item: Item, workflow: Workflow, ways: tuple[Way, ...]) -> Asks | None:
    if any(way.role != REQUESTER for way in ways):
        is_new = item.state == workflow.start
        return Asks.TRIAGE if is_new else None if state_of(item, workflow).pauses_clock else Asks.DECIDE
    # To be able to withdraw is not to be waited for: whoever asked is, where clocks stand until they speak.
    return Asks.ANSWER if ways and state_of(item, workflow).pauses_clock else None
