"""The workflow engine: items begin, move, and are read back, all by events of the ledger.

A move is decided and recorded under a lease of the item, so that two people cannot go two ways at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from freehold.foundation import Clock as SystemTime
from freehold.foundation import Exit, FreeholdError, IdSource, RandomIds, SystemClock, near, near_end
from freehold.work.causes import CAUSED_BY, cause_of, is_of_incidents
from freehold.work.clocks import Clock, clocks, span, working_time
from freehold.work.decided import decided_items
from freehold.work.deciding import Deciding, Way, ruled_elsewhere, state_of
from freehold.work.entering import accepted, accepted_later, expect_principal
from freehold.work.guards import NAMED, Named, row_of
from freehold.work.item import DUPLICATE_OF, EVENTS, UNDO, Item, Passage, fold
from freehold.work.linking import CONTRIBUTES_TO, OF_METRICS, Related, duplicates_of, refusal, related
from freehold.work.naming import Names, by_ids
from freehold.work.recording import RECORD
from freehold.work.repeating import REPEAT
from freehold.work.roles import Raci
from freehold.work.shipped import workflows_of
from freehold.work.telling import Telling
from freehold.work.turns import turn

if TYPE_CHECKING:
    from freehold.estate.model import Estate
    from freehold.estate.operating import Move, Sla, Workflow
    from freehold.foundation import Caller
    from freehold.ledger import Ledger
    from freehold.ledger.event import Event

Handler = Callable[[Item, Any], None]


@dataclass(frozen=True, slots=True)
class Moved:
    """What came of a move: the item as it is now, and what its new state asks for that nobody here does.

    `duplicates` are the items that ended with it.
    """

    item: Item
    left_undone: tuple[str, ...] = ()
    duplicates: tuple[Item, ...] = ()


class Work:
    """The work items of an estate, for the caller of a ledger.

    Args:
        estate: its workflows beside those that ship, its teams and calendars.
        ledger: where moves are recorded; whoever opened it is the one who moves.
        clock: the time; the system's where none is given.
        handlers: what is done when an item enters a state, by the word under `on_enter`.
        named: conditions that guards may name, beside those that come along.
        names: what fields may name, by their type; what is not in it may be named as one likes.
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
        names: Names | None = None,
    ) -> None:
        self._estate, self._ledger = estate, ledger
        self._clock, self._ids = clock or SystemClock(), ids or RandomIds()
        self._handlers, self._names = dict(handlers or {}), names or {}
        self._deciding = Deciding(ledger, Raci.of(estate), {**NAMED, **(named or {})})
        self._telling = Telling(estate, ledger.caller.principal, self._clock, self._ids)
        self.workflows = workflows_of(estate)

    @property
    def ledger(self) -> Ledger:
        """Where moves are recorded, as whoever moves."""
        return self._ledger

    @property
    def caller(self) -> Caller:
        """Who reads and moves."""
        return self._ledger.caller

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
            fix = "`freehold items list` has those there are."
            raise FreeholdError("FH-W102", f"There is no work item `{id}`.", fix=fix, exit_code=Exit.USAGE)
        return found

    def has_begun(self, id: str) -> bool:
        """Whether there is an item of that id."""
        return any(self._ledger.read(types=EVENTS, subject=id, limit=1))

    def find(self, text: str) -> Item:
        """Return an item by its id, or by the end of it where that is one item's alone.

        Raises:
            FreeholdError: FH-W102 there is none, or several.
        """
        text = text.rpartition("…")[2]
        if "/" in text and self.has_begun(text):
            return self.item(text)
        every = self.items()
        fitting = [item for item in every if text and "/" not in text and item.id.endswith(text)]
        if len(fitting) == 1:
            return fitting[0]
        problem = f"{len(fitting)} work items end in `{text}`." if fitting else f"There is no work item `{text}`."
        named = ", ".join(item.id for item in fitting[:4])
        if fitting:
            fix = f"Give more of it: {named}."
        else:
            fix = near_end(text, (item.id for item in every)) or "`freehold items list` has those there are."
        raise FreeholdError("FH-W102", problem, fix=fix, exit_code=Exit.USAGE)

    def title(self, item: Item) -> str:
        """Return what an item is about in a line: its first field of free text, or what it holds at all."""
        texts = self.texts(item)
        names = [name for name, one in self.workflow(item.type).fields.items() if one.type == "text"]
        said = next((str(texts[name]) for name in names if texts.get(name)), "")
        return said or ", ".join(str(value) for value in item.fields.values()) or "What it says was erased."

    def items(
        self, type: str | None = None, *, is_open: bool | None = None, upto: int | None = None
    ) -> tuple[Item, ...]:
        """Return all items in the order in which they began; of one workflow, or only those (not) ended.

        With `upto`, as they stood by that number of the ledger.
        """
        by_item: dict[str, list[Any]] = {}
        for event in self._ledger.read(types=EVENTS, upto=upto):
            by_item.setdefault(str(event.data["item"]), []).append(event)
        folded = (fold(events, self._start(str(events[0].data.get("type") or ""))) for events in by_item.values())
        found = [item for item in folded if item is not None and type in (None, item.type)]
        return tuple(item for item in found if is_open is None or is_open is not self.has_ended(item))

    def texts(self, item: Item) -> dict[str, Any]:
        """Return the fields of free text of an item, as they were given last; empty where they were erased."""
        kept = (self._ledger.side.get(text) for text in item.texts)
        return {name: value for one in kept if one is not None for name, value in one.payload.items()}

    def words(self, text: str) -> str:
        """Return a note or a comment from the side store; empty where it was erased, or is none."""
        kept = self._ledger.side.get(text) if text else None
        return str(kept.payload) if kept else ""

    def decided(self) -> Mapping[str, tuple[str, ...]]:
        """Return the items that a decision settles which stands, each with the ids of those decisions."""
        found = decided_items(self._ledger)
        return {item: tuple(one for one in decisions if one != item) for item, decisions in found.items()}

    def related(self, id: str) -> tuple[Related, ...]:
        """Return what an item is to others, and they to it."""
        return related(id, self.items())

    def clocks(self, item: Item, calendar: str | None = None) -> tuple[Clock, ...]:
        """Return the clocks of an item as they stand now."""
        workflow, now = self.workflow(item.type), self._clock.now()
        facts = row_of(item, workflow, now, {})

        def applies(sla: Sla) -> bool:
            return any(self._deciding.holds(one, item, workflow, facts) for one in sla.when)

        return clocks(item, workflow, working_time(self._estate, calendar), now, applies)

    def ways(self, item: Item) -> tuple[Way, ...]:
        """Return the moves that the item's state has, each with what keeps the caller from it."""
        workflow = self.workflow(item.type)
        return tuple(self._way(item, workflow, name) for name in state_of(item, workflow).moves)

    def expect_way(self, type: str, move: str, fields: Mapping[str, Any], *, product: str = "") -> None:
        """Make sure that the caller may make a first move with an item of a type, before there is one.

        Raises:
            FreeholdError: FH-W101 there is no such workflow; FH-W106 fields are wrong; as `move` does.
        """
        workflow, who = self.workflow(type), self._ledger.caller.principal
        held, free = accepted(workflow, fields)
        began = Passage(workflow.start, self._clock.now(), actor=who)
        item = Item(f"{type}/", type, (began,), 0, who, product, fields={**held, **free})
        self._decided(item, workflow, move, {})

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
        key: str = "",
        assignee: str = "",
        caused_by: str = "",
        beside: Iterable[Event] = (),
    ) -> Moved:
        """Begin an item in the first state of its workflow. Begun again by the same key, it is the one there is.

        Args:
            type: the id of its workflow.
            fields: what it holds.
            product: that it is about.
            service_class: of it: standard, urgent.
            priority: of it.
            requester: who asks for it; the caller, where nobody is named.
            key: the rest of its id.
            assignee: to whom it is given from the first moment.
            caused_by: the item that it follows from.
            beside: events that are recorded with its beginning, in one transaction.

        Raises:
            FreeholdError: FH-W101 there is no such workflow; FH-W102 it follows from no item; FH-W106 fields are
                missing, unknown or of another type, the product is not there, or it is given to nobody; FH-W107 see
                `move`; FH-W430 a field names what is not there.
        """
        workflow = self.workflow(type)
        held, free = accepted(workflow, fields)
        held = by_ids(workflow, held, self._names)
        about = product or str(held.get("product") or "")
        self.expect_product(about)
        asking = requester or self._ledger.caller.principal
        id_ = f"{type}/{key or self._ids.new()}"
        with turn(self._ledger, id_) as lease:
            if key and self.has_begun(id_):
                return Moved(self.item(id_))
            text = self._ledger.side.put("work", free, subject=asking) if free else ""
            began = Passage(workflow.start, self._clock.now(), actor=self._ledger.caller.principal)
            item = Item(id_, type, (began,), 0, asking, about, service_class, priority, text, fields=held)
            told = [*self._telling.creation(item, workflow), *self._from_the_first(item, assignee, caused_by)]
            self._ledger.append(*told, *beside, fence=lease)
        return self._entered(self.item(id_), workflow)

    def move(
        self, id: str, move: str, *, reason: str = "", note: str = "", fields: Mapping[str, Any] | None = None
    ) -> Moved:
        """Move an item on; where it ends, its duplicates end with it.

        Args:
            id: the item.
            move: the name of one of the moves its state has.
            reason: a word of a list.
            note: free text; it goes to the side store.
            fields: what is given with the move, as its workflow has it.

        Raises:
            FreeholdError: FH-W102 no such item; FH-W103 the state has no such move; FH-W104 the caller holds none of
                its roles; FH-W105 something it requires does not hold; FH-W106 a field it needs is missing, or one is
                of another type; FH-W430 one names what is not there; FH-W314 it is a duplicate, and ends with its
                original; FH-X301 a tracker rules it; FH-W107 it moved, and what its new state asks
                for failed; FH-L201 somebody else is moving it.
        """
        with turn(self._ledger, id) as lease:
            item = self.item(id)
            workflow = self.workflow(item.type)
            way, given, free = self._decided(item, workflow, move, fields or {})
            side, who = self._ledger.side, self._ledger.caller.principal
            passage = Passage(
                way.move.to, self._clock.now(), move, who, way.role, reason,
                side.put("work.note", note, subject=who) if note else "",
                side.put("work", free, subject=who) if free else "",
            )  # fmt: skip
            after = item.passed(passage, given)
            events = [*self._telling.move(item, after, workflow, given)]
            ended = duplicates_of(id, self.items(item.type)) if workflow.states[passage.state].is_final else ()
            ended = tuple(one for one in ended if not self.has_ended(one))
            for one in ended:
                events += self._telling.ending_with(one, after, workflow)
            self._ledger.append(*events, fence=lease)
        moved = self._entered(self.item(id), workflow)
        return Moved(moved.item, moved.left_undone, tuple(self.item(one.id) for one in ended))

    def undo(self, id: str) -> Item:
        """Take back the last move of an item, and what ended with it; by whoever made it, while its workflow lets them.

        Raises:
            FreeholdError: FH-W102 no such item; FH-W313 there is nothing that this caller may take back any more.
        """
        with turn(self._ledger, id) as lease:
            item = self.item(id)
            workflow = self.workflow(item.type)
            why = self.kept_from_undo(item)
            if why is not None:
                raise why
            events = list(self._telling.back(item, workflow))
            for one in duplicates_of(id, self.items(item.type)):
                if one.history[-1].ended_with == id:
                    events += self._telling.back(one, workflow)
            self._ledger.append(*events, fence=lease)
        return self.item(id)

    def kept_from_undo(self, item: Item) -> FreeholdError | None:
        """Return what keeps the caller from taking back the last move of an item; None where nothing does."""
        workflow, last = self.workflow(item.type), item.history[-1]
        if item.tracked is not None:
            return ruled_elsewhere(item)
        if last.move in ("", UNDO) or len(item.stood) < 2:
            return _fast(item, "its last move is none that anybody made", "Move it on.")
        if not workflow.undo:
            return _fast(item, f"`{workflow.id}` has no `undo`", "Move it on, or give its workflow `undo: 15m`.")
        if last.actor != self._ledger.caller.principal:
            return _fast(item, f"`{last.move}` was {last.actor}'s", f"Ask {last.actor}, or move it on.")
        if workflow.states[item.state].on_enter:
            return _fast(item, f"more was done when it came to `{item.state}`", "Move it on.")
        if self._clock.now() > working_time(self._estate).after(last.since, span(workflow.undo)):
            return _fast(item, f"`{last.move}` was longer ago than {workflow.undo}", "Move it on.")
        return None

    def comment(self, id: str, text: str) -> Item:
        """Say something about an item; it goes to the side store.

        Raises:
            FreeholdError: FH-W102 no such item; FH-W106 nothing is said.
        """
        item = self.item(id)
        if not text.strip():
            raise FreeholdError("FH-W106", "A comment says something.", fix="Give some words.", exit_code=Exit.USAGE)
        kept = self._ledger.side.put("work.comment", text, subject=self._ledger.caller.principal)
        return self._told(item, "work.commented", {"item": id, "text": kept})

    def assign(self, id: str, assignee: str) -> Item:
        """Give an item to somebody, by their principal; to nobody, where that is empty.

        Raises:
            FreeholdError: FH-W102 no such item; FH-W104 the caller holds no role for any of its moves; FH-W106 that is
                no principal.
        """
        item = self.item(id)
        self.expect_mine(item)
        expect_principal(assignee)
        return self._told(item, "work.assigned", {"item": id, "assignee": assignee or None})

    def link(self, id: str, rel: str, target: str) -> Item:
        """Relate an item to another one or to a resource. A duplicate of what has ended ends at once.

        What an incident was `caused_by`, a deployment or a contract whose deliveries did it, is recorded as its cause.

        Raises:
            FreeholdError: FH-W102 no such item; FH-W104 it is to be a duplicate, and the caller may not move it;
                FH-W503 several deployments are called so;
                FH-W310 the links would go round in a circle; FH-W311 it is a duplicate of another already; FH-W312
                there is no such relation, or the two are of different types; FH-W316 there is no such objective.
        """
        item = self.item(id)
        items = {one.id: one for one in self.items()}
        target, cause = self._cause(item, rel, target)
        why = refusal(item, rel, target, items, self._served(target) if rel == CONTRIBUTES_TO else ())
        if why is not None:
            raise why
        said = [self._telling.event("work.linked", {"item": id, "rel": rel, "target": target}, item)]
        if cause is not None:
            said.append(self._telling.event("incident.cause_linked", cause, item))
        if rel == DUPLICATE_OF:
            self.expect_mine(item)
            original = items[target]
            if self.has_ended(original) and not self.has_ended(item):
                said += self._telling.ending_with(item, original, self.workflow(item.type))
        self._ledger.append(*said)
        return self.item(id)

    def _served(self, target: str) -> tuple[str, ...]:
        """Return what there is to contribute to beside items: objectives, and metrics where one is named."""
        objectives = tuple(id_ for kind, id_ in self._estate.resources if kind == "Objective")
        if not target.startswith(OF_METRICS):
            return objectives
        metrics = self._names["metric"]() if "metric" in self._names else None
        return (target,) if metrics is None else tuple(kind + name for kind in OF_METRICS for name in metrics)

    def unlink(self, id: str, rel: str, target: str) -> Item:
        """Part what was related.

        Raises:
            FreeholdError: FH-W102 no such item; FH-W104 it is a duplicate, and the caller may not move it; FH-W315
                they are not related so.
        """
        item = self.item(id)
        target, cause = self._cause(item, rel, target)
        if not any((link.rel, link.target) == (rel, target) for link in item.links):
            known = ", ".join(f"{link.rel} {link.target}" for link in item.links) or "none"
            problem = f"`{id}` has no link `{rel}` to `{target}`."
            raise FreeholdError("FH-W315", problem, fix=f"Its links: {known}.", exit_code=Exit.USAGE)
        if rel == DUPLICATE_OF:
            self.expect_mine(item)
        said = [self._telling.event("work.linked", {"item": id, "rel": rel, "target": target, "ended": True}, item)]
        if cause is not None:
            said.append(self._telling.event("incident.cause_linked", {**cause, "ended": True}, item))
        self._ledger.append(*said)
        return self.item(id)

    def _cause(self, item: Item, rel: str, target: str) -> tuple[str, dict[str, Any] | None]:
        """Return what an incident is said to be caused by, by its whole id, and how that is told; else None."""
        if rel != CAUSED_BY or not is_of_incidents(self.workflow(item.type)):
            return target, None
        whole, cause = cause_of(target, self._ledger, self._estate)
        return whole, {"incident": item.id, "basis": "explicit", **cause} if cause is not None else None

    # -- recording ----------------------------------------------------------------------------------------------------

    def _from_the_first(self, item: Item, assignee: str, caused_by: str) -> Iterator[Event]:
        """Yield to whom an item is given, and what it follows from, as it begins."""
        expect_principal(assignee)
        if assignee:
            yield self._telling.event("work.assigned", {"item": item.id, "assignee": assignee}, item, item.created_at)
        if caused_by:
            said = {"item": item.id, "rel": CAUSED_BY, "target": self.item(caused_by).id}
            yield self._telling.event("work.linked", said, item, item.created_at)

    def _told(self, item: Item, type: str, said: Mapping[str, Any]) -> Item:
        self._ledger.append(self._telling.event(type, said, item))
        return self.item(item.id)

    def _entered(self, item: Item, workflow: Workflow) -> Moved:
        undone: list[str] = []
        for what, given, where in state_of(item, workflow).on_enter:
            if what in (RECORD, REPEAT):  # with the move, in one transaction
                continue
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

    # -- what there is ------------------------------------------------------------------------------------------------

    def workflow(self, type: str) -> Workflow:
        """Return the workflow of a type of item.

        Raises:
            FreeholdError: FH-W101 there is none.
        """
        known = self.workflows
        if type not in known:
            fix = near(type, known) or f"There are: {', '.join(known)}."
            raise FreeholdError("FH-W101", f"There is no workflow `{type}`.", fix=fix, exit_code=Exit.USAGE)
        return known[type]

    def _start(self, type: str) -> str:
        return self.workflows[type].start if type in self.workflows else ""

    def has_ended(self, item: Item) -> bool:
        """Whether an item is in a state where its workflow ends."""
        workflow = self.workflows.get(item.type)
        state = workflow.states.get(item.state) if workflow else None
        return state is not None and state.is_final

    def expect_product(self, product: str) -> None:
        """Make sure that the estate has a product; none at all will do.

        Raises:
            FreeholdError: FH-W106 it has none of that name.
        """
        products = self._estate.products
        if product and product not in products:
            known = f"There are: {', '.join(products)}." if products else "The estate has none yet."
            fix = near(product, products) or known
            raise FreeholdError("FH-W106", f"There is no product `{product}`.", fix=fix, exit_code=Exit.USAGE)

    def _way(self, item: Item, workflow: Workflow, name: str) -> Way:
        move = self._deciding.move(item, workflow, name)
        way = self._deciding.way(item, move)
        if way.hindrance is not None or not move.requires:
            return way
        return replace(way, hindrance=self._unmet(item, workflow, move, {}, {}))

    def _decided(
        self, item: Item, workflow: Workflow, name: str, fields: Mapping[str, Any]
    ) -> tuple[Way, dict[str, Any], dict[str, Any]]:
        """Return a move that the caller may make, with what it gives to the ledger and to the side store.

        Raises:
            FreeholdError: as `move` does.
        """
        move = self._deciding.move(item, workflow, name)
        way = self._deciding.way(item, move)
        if way.hindrance is not None:
            raise way.hindrance
        given, free = accepted_later(workflow, move, fields, {**item.fields, **self.texts(item)})
        given = by_ids(workflow, given, self._names)
        hindrance = self._unmet(item, workflow, move, given, free)
        if hindrance is not None:
            raise hindrance
        return way, given, free

    def _unmet(
        self, item: Item, workflow: Workflow, move: Move, given: Mapping[str, Any], free: Mapping[str, Any]
    ) -> FreeholdError | None:
        as_given = replace(item, fields={**item.fields, **given})
        texts = {**self.texts(item), **free} if move.requires else {}
        return self._deciding.unmet(as_given, workflow, move, self._clock.now(), texts)

    def expect_mine(self, item: Item) -> None:
        """Refuse a caller who holds no role for any move of an item's workflow.

        Raises:
            FreeholdError: FH-W104.
        """
        moves = [move for state in self.workflow(item.type).states.values() for move in state.moves.values()]
        ways = [self._deciding.way(item, move) for move in moves]
        hindrance = ways[0].hindrance if ways and not any(way.is_mine for way in ways) else None
        if hindrance is not None:
            raise hindrance


def _fast(item: Item, why: str, fix: str) -> FreeholdError:
    return FreeholdError("FH-W313", f"Nothing of `{item.id}` can be taken back: {why}.", fix=fix)
