"""The workflow engine: items begin, move, and are read back, all by events of the ledger.

A move is decided and recorded under a lease of the item, so that two people cannot go two ways at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from freehold.foundation import Clock as SystemTime
from freehold.foundation import Exit, FreeholdError, IdSource, RandomIds, SystemClock, near
from freehold.ledger.event import Event
from freehold.work.clocks import TRIAGE, Clock, clocks, span, working_time
from freehold.work.entering import accepted
from freehold.work.guards import NAMED, Named, compiled_guard, is_named, row_of
from freehold.work.item import Item, fold
from freehold.work.roles import REQUESTER, Raci
from freehold.work.shipped import workflows_of

if TYPE_CHECKING:
    from datetime import datetime

    from freehold.estate.model import Estate
    from freehold.estate.operating import Move, State, Workflow, Written
    from freehold.ledger import Ledger

EVENTS = ("work.created", "work.transitioned", "work.linked")
Handler = Callable[[Item, Any], None]
_LEASE_S = 30.0


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


@dataclass(frozen=True, slots=True)
class Moved:
    """What came of a move: the item as it is now, and what its new state asks for that nobody here does."""

    item: Item
    left_undone: tuple[str, ...] = ()


class Work:
    """The work items of an estate, for the caller of a ledger.

    Args:
        estate: its workflows beside those that ship, its teams and calendars.
        ledger: where moves are recorded; whoever opened it is the one who moves.
        clock: the time; the system's where none is given.
        handlers: what is done when an item enters a state, by the word under `on_enter`.
        named: conditions that guards may name, beside those that come along.
    """

    def __init__(
        self,
        estate: Estate,
        ledger: Ledger,
        *,
        clock: SystemTime | None = None,
        ids: IdSource | None = None,
        handlers: Mapping[str, Handler] | None = None,
        named: Mapping[str, Named] | None = None,
    ) -> None:
        self._estate, self._ledger = estate, ledger
        self._clock, self._ids = clock or SystemClock(), ids or RandomIds()
        self._handlers = dict(handlers or {})
        self._named = {**NAMED, **(named or {})}
        self._raci = Raci.of(estate)
        self._workflows = workflows_of(estate)

    # -- reading ------------------------------------------------------------------------------------------------------

    def item(self, id: str) -> Item:
        """Return an item as its events tell it.

        Raises:
            FreeholdError: FH-W102 there is none of that id.
        """
        events = list(self._ledger.read(types=EVENTS, subject=id))
        type_ = next((str(e.data["type"]) for e in events if e.type == "work.created"), "")
        found = fold(events, self._start(type_))
        if found is None:
            fix = "See `freehold ledger tail` for those there are."
            raise FreeholdError("FH-W102", f"There is no work item `{id}`.", fix=fix, exit_code=Exit.USAGE)
        return found

    def items(self, type: str | None = None, *, is_open: bool | None = None) -> tuple[Item, ...]:
        """Return all items in the order in which they began; of one workflow, or only those (not) ended."""
        by_item: dict[str, list[Any]] = {}
        for event in self._ledger.read(types=EVENTS):
            by_item.setdefault(str(event.data["item"]), []).append(event)
        folded = (fold(events, self._start(str(events[0].data.get("type") or ""))) for events in by_item.values())
        found = [item for item in folded if item is not None and type in (None, item.type)]
        return tuple(item for item in found if is_open is None or is_open is not self._has_ended(item))

    def texts(self, item: Item) -> dict[str, Any]:
        """Return the fields of free text of an item; empty where they were erased."""
        kept = self._ledger.side.get(item.text) if item.text else None
        return dict(kept.payload) if kept else {}

    def clocks(self, item: Item, calendar: str | None = None) -> tuple[Clock, ...]:
        """Return the clocks of an item as they stand now."""
        return clocks(item, self._workflow(item.type), working_time(self._estate, calendar), self._clock.now())

    def ways(self, item: Item) -> tuple[Way, ...]:
        """Return the moves that the item's state has, each with what keeps the caller from it."""
        workflow = self._workflow(item.type)
        return tuple(self._way(item, workflow, move) for move in _state(item, workflow).moves.values())

    # -- writing ------------------------------------------------------------------------------------------------------

    def create(
        self,
        type: str,
        fields: Mapping[str, Any],
        *,
        product: str = "",
        service_class: str = "",
        priority: str = "",
        requester: str = "",
    ) -> Moved:
        """Begin an item in the first state of its workflow.

        Raises:
            FreeholdError: FH-W101 there is no such workflow; FH-W106 fields are missing, unknown or of another type, or
                the product is not there; FH-W107 see `move`.
        """
        workflow = self._workflow(type)
        held, free = accepted(workflow, fields)
        about = product or str(held.get("product") or "")
        self._known_product(about)
        id_, asking = f"{type}/{self._ids.new()}", requester or self._ledger.caller.principal
        text = self._ledger.side.put("work", free, subject=asking) if free else None
        said = {
            "item": id_, "type": type, "requester": asking, "state": workflow.start, "text": text,
            "fields": held or None, "product": about or None, "class": service_class or None,
            "priority": priority or None, "triage_due": self._triage_due(workflow),
        }  # fmt: skip
        self._append(id_, "work.created", said, about)
        return self._entered(self.item(id_), workflow)

    def move(self, id: str, move: str, *, reason: str = "", note: str = "") -> Moved:
        """Move an item on. `reason` is a word of a list, `note` is free text and goes to the side store.

        Raises:
            FreeholdError: FH-W102 no such item; FH-W103 the state has no such move; FH-W104 the caller holds none of
                its roles; FH-W105 something it requires does not hold; FH-W107 it moved, and what its new state asks
                for failed; FH-L201 somebody else is moving it.
        """
        with self._ledger.lease(f"work/{id}", f"work:{self._ids.new()}", _LEASE_S) as lease:
            item = self.item(id)
            workflow = self._workflow(item.type)
            way = self._way(item, workflow, self._move(item, workflow, move))
            if way.hindrance is not None:
                raise way.hindrance
            kept = self._ledger.side.put("work.note", note, subject=self._ledger.caller.principal) if note else None
            said = {
                "item": id, "type": item.type, "from": item.state, "to": way.move.to, "move": move,
                "role": way.role or None, "reason": reason or None, "note": kept,
                "pauses_clock": workflow.states[way.move.to].pauses_clock,
                "final": workflow.states[way.move.to].is_final,
            }  # fmt: skip
            self._append(id, "work.transitioned", said, item.product, fence=lease)
        return self._entered(self.item(id), workflow)

    def link(self, id: str, rel: str, target: str) -> Item:
        """Relate an item to another one or to a resource.

        Raises:
            FreeholdError: FH-W102 no such item; FH-L002 there is no such relation.
        """
        item = self.item(id)
        self._append(id, "work.linked", {"item": id, "rel": rel, "target": target}, item.product)
        return self.item(id)

    def _triage_due(self, workflow: Workflow) -> datetime | None:
        """Return by when somebody is to look at an item that begins now; None where its workflow does not say."""
        triage = workflow.sla.get(TRIAGE)
        if triage is None:
            return None
        return working_time(self._estate).after(self._clock.now(), span(triage.within))

    def _append(self, id: str, type: str, said: Mapping[str, Any], product: str, **more: Any) -> None:
        event = Event(type, said, subject=id, product=product, correlation_id=id, occurred_at=self._clock.now())
        self._ledger.append(event, **more)

    def _entered(self, item: Item, workflow: Workflow) -> Moved:
        undone: list[str] = []
        for what, given, where in _state(item, workflow).on_enter:
            handler = self._handlers.get(what)
            if handler is None:
                undone.append(what)
                continue
            try:
                handler(item, given)
            except Exception as error:
                raise FreeholdError(
                    "FH-W107",
                    f"`{item.id}` is in `{item.state}` now, but `{what}` failed: {error}.",
                    where=where,
                    fix=f"The move stands; mend the cause and do `{what}` by hand.",
                ) from error
        return Moved(item, tuple(undone))

    # -- deciding -----------------------------------------------------------------------------------------------------

    def _move(self, item: Item, workflow: Workflow, name: str) -> Move:
        state = _state(item, workflow)
        moves = state.moves
        if name not in moves:
            there = f"From `{item.state}` there are: {', '.join(moves)}." if moves else f"`{item.state}` is an end."
            fix = near(name, moves) or there
            problem = f"`{item.id}` is in `{item.state}`, which has no move `{name}`."
            raise FreeholdError("FH-W103", problem, where=state.where, fix=fix)
        return moves[name]

    def _way(self, item: Item, workflow: Workflow, move: Move) -> Way:
        role = next((role for role in move.by if self._holds(role, item)), "")
        if move.by and not role:
            return Way(move, "", self._not_yours(item, move))
        return Way(move, role, next(self._unmet(item, workflow, move), None))

    def _holds(self, role: str, item: Item) -> bool:
        caller = self._ledger.caller
        if role == REQUESTER:
            return item.requester == caller.principal
        return self._raci.holds(caller.principal, caller.groups, role, item.product)

    def _not_yours(self, item: Item, move: Move) -> FreeholdError:
        holders = {
            person
            for role in move.by
            for person in ((item.requester,) if role == REQUESTER else self._raci.holders(role, item.product))
        }
        roles = " or ".join(f"`{role}`" for role in move.by)
        of = f" of `{item.product}`" if item.product else ""
        known = f"Ask {', '.join(sorted(holders))}." if holders else f"No team names anybody as {roles}{of}: name one."
        problem = f"`{move.name}` is for {roles}{of}, and `{self._ledger.caller.principal}` is none."
        return FreeholdError("FH-W104", problem, where=move.where, fix=known)

    def _unmet(self, item: Item, workflow: Workflow, move: Move) -> Iterator[FreeholdError]:
        if not move.requires:
            return
        row = row_of(item, workflow, self._clock.now(), self.texts(item))
        for guard in move.requires:
            holds, missing = self._guard(guard, item, workflow, row)
            if holds is not True:
                known = f" ({', '.join(missing)} is not known)" if holds is None and missing else ""
                problem = f"`{move.name}` requires `{guard.text}`, which does not hold for `{item.id}`{known}."
                yield FreeholdError("FH-W105", problem, where=guard.where, fix="See to it, and move it again.")

    def _guard(
        self, guard: Written, item: Item, workflow: Workflow, row: Mapping[str, Any]
    ) -> tuple[bool | None, Sequence[str]]:
        if is_named(guard):
            named = self._named.get(guard.text)
            return (None, (guard.text,)) if named is None else (named(item, self._ledger), ())
        condition = compiled_guard(guard, workflow)
        return condition.evaluate(row), condition.missing(row)

    # -- what there is ------------------------------------------------------------------------------------------------

    def _workflow(self, type: str) -> Workflow:
        known = self._workflows
        if type not in known:
            fix = near(type, known) or f"There are: {', '.join(known)}."
            raise FreeholdError("FH-W101", f"There is no workflow `{type}`.", fix=fix, exit_code=Exit.USAGE)
        return known[type]

    def _start(self, type: str) -> str:
        return self._workflows[type].start if type in self._workflows else ""

    def _has_ended(self, item: Item) -> bool:
        workflow = self._workflows.get(item.type)
        state = workflow.states.get(item.state) if workflow else None
        return state is not None and state.is_final

    def _known_product(self, product: str) -> None:
        products = self._estate.products
        if product and product not in products:
            fix = near(product, products) or f"There are: {', '.join(products)}."
            raise FreeholdError("FH-W106", f"There is no product `{product}`.", fix=fix, exit_code=Exit.USAGE)


def _state(item: Item, workflow: Workflow) -> State:
    if item.state not in workflow.states:
        raise FreeholdError(
            "FH-W108",
            f"`{item.id}` is in `{item.state}`, a state that `{workflow.id}` no longer has.",
            where=workflow.where,
            fix=near(item.state, workflow.states) or "Bring the state back, with a way out of it.",
        )
    return workflow.states[item.state]
