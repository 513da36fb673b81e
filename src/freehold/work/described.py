"""A work item as an object of JSON: the same for programs, for the command line and for pages."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from freehold.work.deciding import state_of
from freehold.work.inbox import first_clock

if TYPE_CHECKING:
    from freehold.estate.operating import Workflow
    from freehold.work.inbox import Waiting
    from freehold.work.item import Item
    from freehold.work.linking import Related
    from freehold.work.service import Work


def item_object(work: Work, item: Item) -> dict[str, Any]:
    """Return how an item stands, in short: as it is in a list."""
    workflow = work.workflow(item.type)
    state = workflow.states.get(item.state)
    clock = None if work.has_ended(item) or state is None else first_clock(work, item)
    return {
        "id": item.id,
        "type": item.type,
        "title": work.title(item),
        "state": item.state,
        "is_open": not work.has_ended(item),
        "outcome": (state.outcome or None) if state else None,
        "product": item.product or None,
        "requester": item.requester,
        "assignee": item.assignee or None,
        "class": item.service_class or None,
        "priority": item.priority or None,
        "created_at": item.created_at,
        "due_at": clock.due_at if clock else None,
        "is_late": clock.is_late if clock else False,
        "duplicate_of": item.original or None,
        "tracked": {"tracker": item.tracked.tracker, "key": item.tracked.key} if item.tracked else None,
    }


def whole_object(work: Work, item: Item, links: Iterable[Related] | None = None) -> dict[str, Any]:
    """Return all of an item: what it holds, where it went, what was said, what it is to others, which moves it has.

    `links` are those that are told; default: all.
    """
    workflow = work.workflow(item.type)
    moves = state_of(item, workflow).moves
    told = work.related(item.id) if links is None else links
    return {
        **item_object(work, item),
        "fields": {**item.fields, **work.texts(item)},
        "history": [
            {
                "state": one.state, "since": one.since, "move": one.move or None, "actor": one.actor,
                "role": one.role or None, "reason": one.reason or None, "note": work.words(one.note) or None,
                "ended_with": one.ended_with or None, "source": one.source or None,
            }
            for one in item.history
        ],
        "comments": [{"at": one.at, "actor": one.actor, "text": work.words(one.text)} for one in item.comments],
        "links": [
            {"word": one.word, "rel": one.rel, "other": one.other, "own": one.is_own} for one in told
        ],
        "decided_by": list(work.decided().get(item.id, ())),
        "moves": [
            {
                "name": way.move.name, "to": way.move.to, "needs": [name for name, _ in moves[way.move.name].needs],
                "open": way.is_open, "why_not": str(way.hindrance.problem) if way.hindrance else None,
            }
            for way in work.ways(item)
        ],
        "can_undo": work.kept_from_undo(item) is None,
    }  # fmt: skip


def waiting_object(work: Work, one: Waiting) -> dict[str, Any]:
    """Return an item that waits for somebody, with what it asks of them."""
    return {**item_object(work, one.item), "asks": str(one.asks), "moves": [way.move.name for way in one.ways]}


def workflow_object(workflow: Workflow) -> dict[str, Any]:
    """Return a workflow: what one says who needs it, what its items hold, its states and moves."""
    return {
        "id": workflow.id,
        "name": workflow.title,
        "wants": workflow.wants or None,
        "fields": [
            {
                "name": one.name, "type": one.type, "required": one.is_required, "several": one.is_many,
                "choices": list(one.choices),
            }
            for one in workflow.fields.values()
        ],
        "states": [
            {
                "name": state.name, "final": state.is_final, "outcome": state.outcome or None,
                "moves": [{"name": move.name, "to": move.to, "by": list(move.by)} for move in state.moves.values()],
            }
            for state in workflow.states.values()
        ],
        "clocks": {one.name: one.within for one in workflow.sla.values()},
    }  # fmt: skip
