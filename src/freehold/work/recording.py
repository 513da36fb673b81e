"""`on_enter: [{record: …}]`: entering a state records an event of its own, so that KPIs read what people settled.

A value that begins with `$` is a fact of the item, any other stands for itself. The event is recorded with the move, in
one transaction: both, or neither.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from freehold.estate.teams import teams_of_members
from freehold.foundation import FreeholdError, near
from freehold.ledger.event import Event
from freehold.work.entering import FREE

if TYPE_CHECKING:
    from datetime import datetime

    from freehold.estate.model import Estate
    from freehold.estate.operating import State, Workflow
    from freehold.foundation import Where
    from freehold.ledger import Vocabulary
    from freehold.work.item import Item

RECORD = "record"
EVENT = "event"  # the key under which `record` names the type of the event
OF_EVERY_ITEM = (
    "item", "type", "requester", "product", "tier", "assignee", "created_at", "since", "actor", "note", "text", "teams",
)  # fmt: skip


def recorded_on_entering(state: State, item: Item, workflow: Workflow, estate: Estate) -> Iterator[Event]:
    """Yield the events that entering a state records, of an item that has just entered it."""
    for what, given, _ in state.on_enter:
        if what != RECORD:
            continue
        facts = _facts(item, workflow, estate)
        said = {name: _value(value, facts) for name, value in given.items() if name != EVENT}
        said = {name: value for name, value in said.items() if value is not None}
        yield Event(
            given[EVENT], said, subject=item.id, product=item.product, correlation_id=item.id,
            occurred_at=item.history[-1].since,
        )  # fmt: skip


def record_findings(workflow: Workflow, vocabulary: Vocabulary) -> Iterator[FreeholdError]:
    """Yield what is wrong with the events that a workflow records: FH-W302."""
    for state in workflow.states.values():
        for what, given, where in state.on_enter:
            if what == RECORD:
                yield from _findings(given, where, workflow, vocabulary)


def _findings(given: Any, where: Where, workflow: Workflow, vocabulary: Vocabulary) -> Iterator[FreeholdError]:
    name = given.get(EVENT) if isinstance(given, dict) else None
    if not isinstance(name, str) or name not in vocabulary:
        problem = f"`record` names no event that there is: `{name}`." if name else "`record` names no event."
        fix = near(str(name), vocabulary.names) or "Say `event: incident.opened`; docs/reference/events.md lists all."
        yield FreeholdError("FH-W302", problem, where=where, fix=fix)
        return
    type_, known = vocabulary[name], _known(workflow)
    for field, value in given.items():
        if field != EVENT and field not in type_.fields:
            fix = near(field, type_.fields) or f"Its fields: {', '.join(type_.fields)}."
            yield FreeholdError("FH-W302", f"`{name}` has no field `{field}`.", where=where, fix=fix)
        for fact in _named(value):
            if fact not in known:
                free = fact in workflow.fields
                problem = f"`${fact}` is free text, which no event holds." if free else f"No item has a fact `${fact}`."
                fix = "Give `$text`: its place in the side store." if free else near(fact, known) or "Name one it has."
                yield FreeholdError("FH-W302", problem, where=where, fix=fix)
    for field in type_.schema["required"]:
        if field not in given:
            problem, fix = f"`{name}` needs `{field}`.", f"Say what it is: `{field}: $item`, or a word."
            yield FreeholdError("FH-W302", problem, where=where, fix=fix)


def _known(workflow: Workflow) -> tuple[str, ...]:
    own = (name for name, one in workflow.fields.items() if one.type not in FREE)
    return (*OF_EVERY_ITEM, *own, *(f"since.{name}" for name in workflow.states))


def _named(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for one in value:
            yield from _named(one)
    elif isinstance(value, str) and value.startswith("$"):
        yield value[1:]


def _value(value: Any, facts: Mapping[str, Any]) -> Any:
    if isinstance(value, list):
        return [one for one in (_value(each, facts) for each in value) if one is not None]
    return facts.get(value[1:]) if isinstance(value, str) and value.startswith("$") else value


def _facts(item: Item, workflow: Workflow, estate: Estate) -> dict[str, Any]:
    """Return the facts of an item by name; `since.STATE` is when it last entered that state."""
    product = estate.products.get(item.product)
    last, texts = item.history[-1], item.texts
    entered: dict[str, datetime] = {f"since.{passage.state}": passage.since for passage in item.history}
    own = {name: value for name, value in item.fields.items() if name in workflow.fields}
    return {
        **own, **entered,
        "item": item.id, "type": item.type, "requester": item.requester or None, "product": item.product or None,
        "tier": product.tier if product else None, "assignee": item.assignee or None, "created_at": item.created_at,
        "since": last.since, "actor": last.actor, "note": last.note or None, "text": texts[-1] if texts else None,
        "teams": _teams(own, estate),
    }  # fmt: skip


def _teams(fields: Mapping[str, Any], estate: Estate) -> dict[str, str] | None:
    """Return the team of each principal that an item's fields name, where one names them; None for nobody."""
    members = teams_of_members(estate)
    values = [one for value in fields.values() for one in (value if isinstance(value, list) else [value])]
    return {one: members[one] for one in values if isinstance(one, str) and one in members} or None
