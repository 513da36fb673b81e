"""The roadmap: what is now, next and later, what was decided against, and how the promises of a period were kept."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from freehold.insight.periods import Period, holding, period_named
from freehold.insight.roadmap.promises import Planned
from freehold.work import Item, Passage

TYPE = "roadmap_item"
DELIVERED = ("delivered", "done")  # the states that keep a promise, as the KPI of predictability has them
_UNDER_WAY = "doing"
_DECLINED = "declined"
_TICK = timedelta(microseconds=1)


class Horizon(StrEnum):
    """When something is to be done."""

    NOW = "now"
    NEXT = "next"
    LATER = "later"


class Kept(StrEnum):
    """What became of a promise."""

    KEPT = "kept"
    OPEN = "open"
    DECIDED = "out by a decision"
    SLIPPED = "slipped"
    SURPRISE = "slipped without a warning"


@dataclass(frozen=True, slots=True)
class Planning:
    """An open item on the roadmap.

    Attributes:
        period: the name of the one it is promised for; empty: none.
        due: by when; None where nobody said.
        flagged_at: since when it is said to be at risk; None: it is not.
        is_late: whether it was due, and is not delivered.
    """

    item: Item
    horizon: Horizon
    period: str
    due: datetime | None
    flagged_at: datetime | None
    is_late: bool


@dataclass(frozen=True, slots=True)
class Promise:
    """An item that stood as promised when a period began, and what became of it; `decision` is what took it out."""

    item: str
    due: datetime
    kept: Kept
    delivered_at: datetime | None = None
    decision: str = ""


@dataclass(frozen=True, slots=True)
class Board:
    """The roadmap at a moment: open items in order of when they are due, and those that were decided against."""

    current: Period
    open: tuple[Planning, ...]
    not_doing: tuple[Item, ...]

    def of(self, horizon: Horizon) -> tuple[Planning, ...]:
        """Return what is open of a horizon."""
        return tuple(one for one in self.open if one.horizon is horizon)


def board(
    items: Iterable[Item], plans: Mapping[str, Planned], outcomes: Mapping[str, str], now: datetime, zone: str,
    grain: str = "quarter",
) -> Board:  # fmt: skip
    """Return the roadmap as it stands.

    Args:
        items: those of the roadmap.
        plans: what was promised of them, by item.
        outcomes: what each state in which the workflow ends comes to: `{"not_doing": "declined"}`.
        now: the moment.
        zone: the time zone in which periods begin.
        grain: how long now, next and later are: week, month, quarter, year.
    """
    current = holding(now.astimezone(ZoneInfo(zone)).date(), grain, zone)
    after = holding(current.end.astimezone(ZoneInfo(zone)).date(), grain, zone)
    found, declined = [], []
    for item in items:
        if item.state not in outcomes:
            found.append(_planning(item, plans.get(item.id, Planned()), now, zone, current, after))
        elif outcomes[item.state] == _DECLINED:
            declined.append(item)
    last = datetime.max.replace(tzinfo=UTC)
    found.sort(key=lambda one: (list(Horizon).index(one.horizon), one.due or last, one.item.created_at))
    return Board(current, tuple(found), tuple(sorted(declined, key=lambda one: one.history[-1].since, reverse=True)))


def _planning(item: Item, plan: Planned, now: datetime, zone: str, current: Period, after: Period) -> Planning:
    promise = plan.stands_for
    period = period_named(promise.period, zone) if promise else None
    due = (promise.target if promise else None) or (period.end if period else None) or due_of(item, zone)
    starts = period.start if period else due - _TICK if due else None
    if item.state == _UNDER_WAY or (starts is not None and starts < current.end):
        horizon = Horizon.NOW
    else:
        horizon = Horizon.NEXT if starts is not None and starts < after.end else Horizon.LATER
    flag = plan.flag
    is_late = due is not None and due <= now
    return Planning(item, horizon, promise.period if promise else "", due, flag.at if flag else None, is_late)


def due_of(item: Item, zone: str) -> datetime | None:
    """Return the end of the day by which an item says it is to be done."""
    return end_of(date.fromisoformat(str(item.fields["due"])), zone) if item.fields.get("due") else None


def end_of(day: date, zone: str) -> datetime:
    """Return the moment at which a day is over."""
    return datetime.combine(day + timedelta(days=1), datetime.min.time(), ZoneInfo(zone)).astimezone(UTC)


def promises(
    period: Period, items: Mapping[str, Item], plans: Mapping[str, Planned], now: datetime
) -> tuple[Promise, ...]:
    """Return what stood as promised when a period began, and what became of it by now; nothing before it begins."""
    if now < period.start:
        return ()
    return tuple(sorted(_promised(period, items, plans, now), key=lambda one: (one.due, one.item)))


def _promised(
    period: Period, items: Mapping[str, Item], plans: Mapping[str, Planned], now: datetime
) -> Iterator[Promise]:
    for id_, plan in plans.items():
        made = plan.snapshot(period.name, period.start)
        if made is None:
            continue
        due = made.target or period.end
        delivered = _delivered(items[id_]) if id_ in items else None
        decision = plan.decided_out(period.name, period.start)
        yield Promise(id_, due, _kept(plan, due, delivered, decision, now), delivered, decision)


def _kept(plan: Planned, due: datetime, delivered: datetime | None, decision: str, now: datetime) -> Kept:
    if delivered is not None and delivered <= due:
        return Kept.KEPT
    if decision:
        return Kept.DECIDED
    if delivered is None and due > now:
        return Kept.OPEN
    return Kept.SLIPPED if plan.was_warned(due) else Kept.SURPRISE


def _delivered(item: Item) -> datetime | None:
    """Return when an item was first delivered; as the KPI has it, though it was taken back later."""
    first: Passage | None = next((one for one in item.history if one.state in DELIVERED), None)
    return first.since if first else None
