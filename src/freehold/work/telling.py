"""The events that tell of work items, as they are about to be recorded. Nothing is recorded here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from freehold.foundation import Clock, IdSource
from freehold.ledger.event import Event
from freehold.work.clocks import TRIAGE, due_of, runs_out, working_time
from freehold.work.entering import DUE
from freehold.work.item import UNDO, Item, Passage
from freehold.work.recording import recorded_on_entering
from freehold.work.repeating import next_fields

if TYPE_CHECKING:
    from freehold.estate.model import Estate
    from freehold.estate.operating import Workflow


@dataclass(frozen=True)
class Telling:
    """Makes the events of one who acts."""

    estate: Estate
    actor: str
    clock: Clock
    ids: IdSource

    def event(self, type: str, said: Mapping[str, Any], item: Item, at: datetime | None = None) -> Event:
        """Return an event about an item, that happens now where nothing else is said."""
        when = at or self.clock.now()
        return Event(type, said, subject=item.id, product=item.product, correlation_id=item.id, occurred_at=when)

    def creation(self, item: Item, workflow: Workflow) -> Iterator[Event]:
        """Yield what begins an item, as it stands in the first state of its workflow."""
        hours, now, held = working_time(self.estate), item.created_at, item.fields
        said = {
            "item": item.id, "type": item.type, "requester": item.requester, "state": item.state,
            "text": item.text or None, "fields": dict(held) or None, "product": item.product or None,
            "class": item.service_class or None, "priority": item.priority or None,
            "triage_due": runs_out(workflow, TRIAGE, item.service_class, hours, now),
            "due": due_of(workflow, held.get(DUE), item.service_class, hours, now),
        }  # fmt: skip
        yield self.event("work.created", said, item, now)
        yield from self._recorded(item, workflow)

    def move(self, before: Item, after: Item, workflow: Workflow, given: Mapping[str, Any]) -> Iterator[Event]:
        """Yield what moves an item; where one repeats that comes to its state, what files the next, too."""
        yield from self._transition(before, after, workflow, given)
        yield from self._recorded(after, workflow)
        fields = next_fields(workflow.states[after.state], after)
        if fields is not None:
            began = Passage(workflow.start, self.clock.now(), actor=self.actor)
            id_ = f"{after.type}/{self.ids.new()}"
            another = Item(
                id_, after.type, (began,), 0, after.requester, after.product, after.service_class, after.priority,
                after.text, fields=fields,
            )  # fmt: skip
            yield from self.creation(another, workflow)

    def ending_with(self, duplicate: Item, original: Item, workflow: Workflow) -> Iterator[Event]:
        """Yield what ends a duplicate as its original ended."""
        passage = Passage(
            original.state, self.clock.now(), actor=self.actor, reason="duplicate", ended_with=original.id
        )
        after = duplicate.passed(passage, {})
        yield from self._transition(duplicate, after, workflow, {})
        yield from self._recorded(after, workflow)

    def back(self, item: Item, workflow: Workflow) -> Iterator[Event]:
        """Yield what takes an item back to where it was before its last move."""
        passage = Passage(item.stood[-2].state, self.clock.now(), UNDO, self.actor)
        yield from self._transition(item, item.passed(passage, {}), workflow, {})

    def _recorded(self, item: Item, workflow: Workflow) -> Iterator[Event]:
        return recorded_on_entering(workflow.states[item.state], item, workflow, self.estate)

    def _transition(self, before: Item, after: Item, workflow: Workflow, given: Mapping[str, Any]) -> Iterator[Event]:
        state, passage = workflow.states[after.state], after.history[-1]
        said = {
            "item": before.id, "type": before.type, "from": before.state, "to": after.state,
            "move": passage.move or None, "role": passage.role or None, "reason": passage.reason or None,
            "note": passage.note or None, "text": passage.text or None, "fields": dict(given) or None,
            "pauses_clock": state.pauses_clock, "final": state.is_final, "outcome": state.outcome or None,
            "with": passage.ended_with or None, "source": passage.source or None,
            "by": passage.actor if passage.source and passage.actor != self.actor else None,
        }  # fmt: skip
        yield self.event("work.transitioned", said, before, passage.since)
