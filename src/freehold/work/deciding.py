"""What keeps whom from moving an item: moves a state has, roles, conditions, and being a duplicate of another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from freehold.foundation import FreeholdError, near
from freehold.work.guards import Named, compiled_guard, in_days, is_named, row_of
from freehold.work.roles import REQUESTER, SYSTEM, Raci

if TYPE_CHECKING:
    from datetime import datetime

    from freehold.estate.operating import Move, State, Workflow, Written
    from freehold.ledger import Ledger
    from freehold.work.item import Item


@dataclass(frozen=True, slots=True)
class Way:
    """A move that an item's state has, and what keeps the caller from it; None where nothing does."""

    move: Move
    role: str  # by which the caller may go; empty where anybody may, or nobody of these
    hindrance: FreeholdError | None

    @property
    def is_open(self) -> bool:
        """Whether the caller may go it now."""
        return self.hindrance is None

    @property
    def is_mine(self) -> bool:
        """Whether the caller holds a role for it, whatever else may keep them."""
        return self.hindrance is None or self.hindrance.code != "FH-W104"


@dataclass(frozen=True)
class Deciding:
    """Decides for the caller of a ledger."""

    ledger: Ledger
    raci: Raci
    named: Mapping[str, Named]

    def move(self, item: Item, workflow: Workflow, name: str) -> Move:
        """Return a move of the item's state.

        Raises:
            FreeholdError: FH-W103 it has no such move; FH-W108 the workflow has no such state any more.
        """
        state = state_of(item, workflow)
        moves = state.moves
        if name not in moves:
            there = f"From `{item.state}` there are: {', '.join(moves)}." if moves else f"`{item.state}` is an end."
            fix = near(name, moves) or there
            problem = f"`{item.id}` is in `{item.state}`, which has no move `{name}`."
            raise FreeholdError("FH-W103", problem, where=state.where, fix=fix)
        return moves[name]

    def way(self, item: Item, move: Move) -> Way:
        """Return a move with what keeps the caller from it, whatever the item holds: FH-W104, FH-W314 or FH-X301."""
        role = next((role for role in move.by if self._holds(role, item)), "")
        if move.by and not role:
            return Way(move, "", self._not_yours(item, move))
        if item.tracked is not None:
            return Way(move, role, ruled_elsewhere(item))
        if item.original:
            return Way(move, role, _goes_with(item))
        return Way(move, role, None)

    def unmet(
        self, item: Item, workflow: Workflow, move: Move, now: datetime, texts: Mapping[str, Any]
    ) -> FreeholdError | None:
        """Return the first that a move requires and that does not hold of the item: FH-W105."""
        if not move.requires:
            return None
        return next(self._unmet(item, workflow, move, row_of(item, workflow, now, texts)), None)

    def holds(self, condition: Written, item: Item, workflow: Workflow, facts: Mapping[str, Any]) -> bool:
        """Whether a condition, an expression or one with a name, holds of an item whose facts are these."""
        return self._guard(condition, item, workflow, facts)[0] is True

    def _holds(self, role: str, item: Item) -> bool:
        caller = self.ledger.caller
        if role == REQUESTER:
            return item.requester == caller.principal
        if role == SYSTEM:
            return caller.assurance == SYSTEM
        return self.raci.holds(caller.principal, caller.groups, role, item.product)

    def _not_yours(self, item: Item, move: Move) -> FreeholdError:
        holders = {
            person
            for role in move.by
            for person in ((item.requester,) if role == REQUESTER else self.raci.holders(role, item.product))
        }
        roles = " or ".join(f"`{role}`" for role in move.by)
        of = f" of `{item.product}`" if item.product else ""
        if move.by == (SYSTEM,):
            problem = f"`{move.name}` is done by Freehold itself, once evidence shows it."
            return FreeholdError("FH-W104", problem, where=move.where, fix="Make another move; `show` lists them.")
        known = f"Ask {', '.join(sorted(holders))}." if holders else f"No team names anybody as {roles}{of}: name one."
        problem = f"`{move.name}` is for {roles}{of}, and `{self.ledger.caller.principal}` is none."
        return FreeholdError("FH-W104", problem, where=move.where, fix=known)

    def _unmet(self, item: Item, workflow: Workflow, move: Move, row: Mapping[str, Any]) -> Iterator[FreeholdError]:
        for guard in move.requires:
            holds, why = self._guard(guard, item, workflow, row)
            if holds is not True:
                problem = f"`{move.name}` requires `{guard.text}`, which does not hold for `{item.id}`{why}"
                yield FreeholdError("FH-W105", problem, where=guard.where, fix="See to it, and move it again.")

    def _guard(self, guard: Written, item: Item, workflow: Workflow, row: Mapping[str, Any]) -> tuple[bool | None, str]:
        """Return whether a guard holds, and how a sentence ends that says it does not."""
        if is_named(guard):
            name, days = in_days(guard.text)
            named = self.named.get(name)
            why = f"{guard.text} is not known" if named is None else named(item, self.ledger, days)
            return (None, f" ({why}).") if named is None else (not why, f": {why}")
        condition = compiled_guard(guard, workflow)
        holds, missing = condition.evaluate(row), condition.missing(row)
        if holds is None and (said := condition.by_zero(row)):
            return None, f" (`{said[0]}` divides by zero)."
        return holds, f" ({', '.join(missing)} is not known)." if holds is None and missing else "."


def state_of(item: Item, workflow: Workflow) -> State:
    """Return the state an item is in.

    Raises:
        FreeholdError: FH-W108 its workflow no longer has it.
    """
    if item.state not in workflow.states:
        raise FreeholdError(
            "FH-W108",
            f"`{item.id}` is in `{item.state}`, a state that `{workflow.id}` no longer has.",
            where=workflow.where,
            fix=near(item.state, workflow.states) or "Bring the state back, with a way out of it.",
        )
    return workflow.states[item.state]


def ruled_elsewhere(item: Item) -> FreeholdError:
    """Return why an item that is an issue of a tracker is not moved here."""
    assert item.tracked is not None, "only an item that is tracked is ruled elsewhere"
    key, tracker = item.tracked.key, item.tracked.tracker
    return FreeholdError(
        "FH-X301", f"`{item.id}` is `{key}` in `{tracker}`, which rules its state.",
        fix=f"Move `{key}` there; or part them: `freehold items untrack {item.id}`.",
    )  # fmt: skip


def _goes_with(item: Item) -> FreeholdError:
    return FreeholdError(
        "FH-W314", f"`{item.id}` is a duplicate of `{item.original}`, and ends with it.",
        fix=f"Move `{item.original}`; or part them: `freehold items unlink {item.id} duplicate_of {item.original}`.",
    )  # fmt: skip
