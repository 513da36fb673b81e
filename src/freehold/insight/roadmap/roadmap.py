"""The roadmap of an estate: reading it, and saying what is promised, at risk, estimated or placed. All of it is events.

Whatever is said of an item is said under its lease, by somebody who holds a role for one of its moves.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from freehold.foundation import Exit, FreeholdError, IdSource, RandomIds
from freehold.insight.periods import Period, holding, period_named
from freehold.insight.roadmap.board import TYPE, Board, Promise, board, end_of, promises
from freehold.insight.roadmap.estimating import estimate_of, expect_ranges
from freehold.insight.roadmap.promises import CHANGED, COMMITTED, ESTIMATED, FLAGGED, PLACED, TOLD, Planned, planned
from freehold.insight.roadmap.ranking import Ranked, ranked
from freehold.ledger import Event

if TYPE_CHECKING:
    from freehold.ledger import Ledger
    from freehold.ledger.kept import Lease
    from freehold.work import Item, Work

_LEASE_S = 30.0
_HOLDS = ("accepted", None)  # statuses of a decision by which something may be done; what no file holds has none


@dataclass(frozen=True)
class Roadmap:
    """The roadmap, for the caller of its work and ledger.

    Attributes:
        zone: the time zone in which periods and days begin.
        grain: how long now, next and later are.
    """

    work: Work
    ledger: Ledger
    zone: str = "UTC"
    grain: str = "quarter"
    ids: IdSource = field(default_factory=RandomIds)

    # -- reading ------------------------------------------------------------------------------------------------------

    def items(self) -> tuple[Item, ...]:
        """Return all items of the roadmap, in the order in which they began."""
        return self.work.items(TYPE)

    def plans(self) -> Mapping[str, Planned]:
        """Return what was said of items beside their moves."""
        return planned(self.ledger.read(types=TOLD))

    def board(self, items: Sequence[Item] | None = None) -> Board:
        """Return how it stands, of all items or of some."""
        states = self.work.workflow(TYPE).states.values()
        outcomes = {state.name: state.outcome for state in states if state.is_final}
        found = self.items() if items is None else items
        return board(found, self.plans(), outcomes, self.now, self.zone, self.grain)

    def promises(self, period: Period, items: Sequence[Item] | None = None) -> tuple[Promise, ...]:
        """Return what stood as promised when a period began, of all items or of some, and what became of it."""
        plans, found = self.plans(), None if items is None else {one.id: one for one in items}
        if found is None:
            return promises(period, {one.id: one for one in self.work.items()}, plans, self.now)
        return promises(period, found, {id_: plan for id_, plan in plans.items() if id_ in found}, self.now)

    def ranking(
        self, reach: Mapping[str, int], items: Sequence[Item] | None = None
    ) -> tuple[tuple[Ranked, ...], tuple[Item, ...]]:
        """Return the open items in their order, and those that nobody estimated.

        Args:
            reach: how many consumers each product has, by which a reach that nobody gave is filled in.
            items: of which items; default: all.
        """
        plans = self.plans()
        open_ = [one for one in (self.items() if items is None else items) if not self.work.has_ended(one)]
        found = {one.id: estimate_of(plans.get(one.id), reach.get(one.product)) for one in open_}
        estimates = {id_: estimate for id_, estimate in found.items() if estimate is not None}
        placed = {id_: (plan.place, plan.decision) for id_, plan in plans.items() if plan.place is not None}
        return ranked(estimates, placed), tuple(one for one in open_ if one.id not in estimates)

    @property
    def now(self) -> datetime:
        """The moment at which it is looked at."""
        return self.ledger.clock.now()

    @property
    def current(self) -> Period:
        """The period that runs."""
        from zoneinfo import ZoneInfo

        return holding(self.now.astimezone(ZoneInfo(self.zone)).date(), self.grain, self.zone)

    # -- saying -------------------------------------------------------------------------------------------------------

    def commit(self, id: str, period: str, *, by: date | None = None, level: str = "", decision: str = "") -> Planned:
        """Promise an item for a period; said again before it begins, the later word counts.

        Args:
            id: the item.
            period: 2011-Q2, 2011-04.
            by: the day by which it is to be delivered; default: the last of the period.
            level: how firmly, in a word that can be counted.
            decision: which lets it in, where the period has begun.

        Raises:
            FreeholdError: FH-K004 no such period; FH-W102 no such item; FH-W104 the caller holds none of its roles;
                FH-W420 it is no roadmap item, or has ended; FH-W421 no such decision holds; FH-W422 the period has
                begun, or is over; FH-W423 it is promised for another already; FH-W424 the day lies outside.
        """
        wanted = period_named(period, self.zone)
        with self._saying(id) as (item, lease):
            stands = self.plans().get(id, Planned()).stands_for
            if stands is not None and stands.period != wanted.name and not self._is_over(stands.period):
                fix = f"Move it: `freehold roadmap move {id} {wanted.name}`."
                raise FreeholdError("FH-W423", f"`{id}` is promised for {stands.period}.", fix=fix)
            events = self._entering(item, wanted, by, level, decision)
            self.ledger.append(*events, fence=lease)
        return self.plans()[id]

    def move(self, id: str, period: str, *, by: date | None = None, level: str = "", decision: str = "") -> Planned:
        """Move the promise of an item to another period; once its own has begun, by a decision.

        Raises:
            FreeholdError: as `commit` does; FH-W425 it is not promised for another.
        """
        wanted = period_named(period, self.zone)
        with self._saying(id) as (item, lease):
            out = self._leaving(item, "moved", decision, to=wanted.name)
            events = self._entering(item, wanted, by, level, decision)
            self.ledger.append(out, *events, fence=lease)
        return self.plans()[id]

    def drop(self, id: str, *, decision: str = "") -> Planned:
        """Take the promise of an item back; once its period has begun, by a decision.

        Raises:
            FreeholdError: as `commit` does; FH-W425 it is promised for none.
        """
        with self._saying(id) as (item, lease):
            self.ledger.append(self._leaving(item, "removed", decision), fence=lease)
        return self.plans()[id]

    def flag(self, id: str, *, at_risk: bool = True, note: str = "") -> Planned:
        """Say that an item may be late, or no longer; said again, it is the first word that counts.

        Raises:
            FreeholdError: FH-W102, FH-W104, FH-W420 as for `commit`.
        """
        with self._saying(id) as (item, lease):
            if (self.plans().get(id, Planned()).flag is not None) is not at_risk:
                kept = self.ledger.side.put("work.note", note, subject=self._me) if note.strip() else None
                self.ledger.append(self._event(FLAGGED, item, {"at_risk": at_risk, "note": kept}), fence=lease)
        return self.plans().get(id, Planned())

    def estimate(self, id: str, ranges: Mapping[str, Sequence[float]]) -> Planned:
        """Say what an item may bring and cost, each part as a low and a high; without `reach`, usage tells it.

        Raises:
            FreeholdError: FH-W102, FH-W104, FH-W420 as for `commit`; FH-W426 a part is missing, unknown, or no range.
        """
        said = expect_ranges(ranges)
        with self._saying(id) as (item, lease):
            self.ledger.append(self._event(ESTIMATED, item, said), fence=lease)
        return self.plans()[id]

    def place(self, id: str, place: int | None, *, decision: str = "") -> Planned:
        """Give an item another place in the order than its estimate, by a decision; None takes that back.

        Raises:
            FreeholdError: FH-W102, FH-W104, FH-W420, FH-W421 as for `commit`; FH-W427 it has no estimate, or no place.
        """
        with self._saying(id) as (item, lease):
            plan = self.plans().get(id, Planned())
            if place is not None:
                if plan.estimate is None or place < 1:
                    problem = f"`{id}` has no estimate." if place >= 1 else f"`{place}` is no place in an order."
                    raise FreeholdError("FH-W427", problem, fix="Places count from 1, among items with an estimate.")
                self._expect_decision(decision, f"`{id}` would stand elsewhere than its estimate puts it")
            said = {"place": place, "decision": decision or None}
            self.ledger.append(self._event(PLACED, item, said), fence=lease)
        return self.plans()[id]

    # -- how it is said -----------------------------------------------------------------------------------------------

    @property
    def _me(self) -> str:
        return self.ledger.caller.principal

    @contextmanager
    def _saying(self, id: str) -> Iterator[tuple[Item, Lease]]:
        """Hold an open item of the roadmap of which the caller may say something.

        Raises:
            FreeholdError: FH-W102, FH-W104, FH-W420.
        """
        with self.ledger.lease(f"work/{id}", f"work:{self.ids.new()}", _LEASE_S) as lease:
            item = self.work.item(id)
            if item.type != TYPE or self.work.has_ended(item):
                problem = f"`{id}` is a {item.type}." if item.type != TYPE else f"`{id}` is {item.state} already."
                fix = "`freehold roadmap` has what is open."
                raise FreeholdError("FH-W420", problem, fix=fix, exit_code=Exit.USAGE)
            self.work.expect_mine(item)
            yield item, lease

    def _event(self, type: str, item: Item, said: Mapping[str, Any]) -> Event:
        return Event(
            type, {"item": item.id, **said}, subject=item.id, product=item.product, correlation_id=item.id,
            occurred_at=self.now,
        )  # fmt: skip

    def _entering(self, item: Item, period: Period, by: date | None, level: str, decision: str) -> tuple[Event, ...]:
        """Return what promises an item for a period.

        Raises:
            FreeholdError: FH-W421, FH-W422, FH-W424.
        """
        if period.end <= self.now:
            fix = f"Promise it for {self.current} or later."
            raise FreeholdError("FH-W422", f"{period} is over.", fix=fix, exit_code=Exit.USAGE)
        target = end_of(by, self.zone) if by else None
        if target is not None and not max(period.start, self.now) < target <= period.end:
            fix = "Choose a day of the period that is still to come."
            raise FreeholdError("FH-W424", f"{by} is no day of {period} to come.", fix=fix, exit_code=Exit.USAGE)
        promise = self._event(
            COMMITTED,
            item,
            {"period": period.name, "target_date": target and target.isoformat(), "level": level or None},
        )
        if self.now <= period.start:
            return (promise,)
        self._expect_decision(decision, f"{period} has begun")
        said = {"period": period.name, "change": "added", "decision": decision}
        return (self._event(CHANGED, item, said), promise)

    def _leaving(self, item: Item, change: str, decision: str, to: str = "") -> Event:
        """Return what takes an item out of the period for which it is promised.

        Raises:
            FreeholdError: FH-W421, FH-W425.
        """
        stands = self.plans().get(item.id, Planned()).stands_for
        if stands is None or stands.period == to:
            problem = f"`{item.id}` is promised for {to}." if stands else f"`{item.id}` is promised for no period."
            fix = "Promise it first: `freehold roadmap commit`." if stands is None else "Name another period."
            raise FreeholdError("FH-W425", problem, fix=fix, exit_code=Exit.USAGE)
        if period_named(stands.period, self.zone).start < self.now:
            self._expect_decision(decision, f"{stands.period} has begun")
        return self._event(CHANGED, item, {"period": stands.period, "change": change, "decision": decision or None})

    def _is_over(self, period: str) -> bool:
        return period_named(period, self.zone).end <= self.now

    def _expect_decision(self, decision: str, why: str) -> None:
        """Refuse what takes a decision and has none that holds.

        Raises:
            FreeholdError: FH-W421.
        """
        fix = "Name one that is accepted and in force: `--decision ADR-0007`; `freehold decisions list` has them."
        if not decision:
            raise FreeholdError("FH-W421", f"{why}: that takes a decision.", fix=fix)
        last = [e for e in self.ledger.read(types=("decision.recorded",)) if e.data["decision"] == decision]
        if not last or last[-1].data.get("status") not in _HOLDS:
            stands = f"is {last[-1].data['status']}" if last else "was never recorded"
            raise FreeholdError("FH-W421", f"{why}, and the decision `{decision:.80}` {stands}.", fix=fix)
