"""A work item as its events tell it: folding them in order gives the item, and nothing else is kept of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from freehold.ledger.event import Recorded

DUPLICATE_OF = "duplicate_of"
UNDO = "undo"  # the move by which whoever moved an item took that back


@dataclass(frozen=True, slots=True)
class Passage:
    """The entering of a state: when, by which move, by whom in which role."""

    state: str
    since: datetime
    move: str = ""
    actor: str = ""
    role: str = ""
    reason: str = ""
    note: str = ""  # id in the side store
    text: str = ""  # id in the side store: fields of free text that were given with the move
    ended_with: str = ""  # the item it is a duplicate of, and came here with
    source: str = ""  # the change that told it, where a tracker rules the item


@dataclass(frozen=True, slots=True)
class Link:
    """What an item is to another item, or to a resource."""

    rel: str
    target: str
    since: datetime
    actor: str = ""


@dataclass(frozen=True, slots=True)
class Tracked:
    """The issue of a tracker that an item is: the tracker's id, the issue's there, what people call it, since when."""

    tracker: str
    issue: str
    key: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Comment:
    """Something that was said about an item; `text` is its id in the side store."""

    at: datetime
    actor: str
    text: str


@dataclass(frozen=True, slots=True)
class Item:
    """A work item.

    Attributes:
        type: the id of its workflow.
        fields: what it holds, but for free text, which lies in the side store under `text` and `Passage.text`.
        history: every state it was in, first to last; never empty.
        due: by when it was to be done, as it was said when it began: an instant, or a day.
        assignee: who took it on; empty: nobody.
        tracked: the issue that it is, where a tracker rules its state.
        seq: the number of the last event that was folded in.
    """

    id: str
    type: str
    history: tuple[Passage, ...]
    seq: int
    requester: str = ""
    product: str = ""
    service_class: str = ""
    priority: str = ""
    text: str = ""
    due: str = ""
    fields: Mapping[str, Any] = field(default_factory=dict)
    assignee: str = ""
    tracked: Tracked | None = None
    links: tuple[Link, ...] = ()
    comments: tuple[Comment, ...] = ()

    @property
    def state(self) -> str:
        """The state it is in."""
        return self.history[-1].state

    @property
    def created_at(self) -> datetime:
        """When it began."""
        return self.history[0].since

    @property
    def original(self) -> str:
        """The item that it is a duplicate of; empty: of none."""
        return next((link.target for link in self.links if link.rel == DUPLICATE_OF), "")

    @property
    def texts(self) -> tuple[str, ...]:
        """The ids of its free text in the side store, what was given later after what was given before."""
        return tuple(one for one in (self.text, *(passage.text for passage in self.history)) if one)

    @property
    def stood(self) -> tuple[Passage, ...]:
        """Its history as it counts: without moves that were taken back."""
        found: list[Passage] = []
        for passage in self.history:
            if passage.move == UNDO and len(found) > 1:
                found.pop()
            else:
                found.append(passage)
        return tuple(found)

    def passed(self, passage: Passage, fields: Mapping[str, Any]) -> Item:
        """Return it as it is in another state, with what was given on the way."""
        return replace(self, history=(*self.history, passage), fields={**self.fields, **fields})


def fold(events: Iterable[Recorded], start: str = "") -> Item | None:
    """Return the item that the events of one item tell, or None if it never began.

    The order in which events are given does not matter, nor does one that is given twice: their numbers order them.

    Args:
        events: of one item; those of other families are passed over.
        start: the state it began in, where the event that began it does not say.
    """
    return folded_on(None, sorted({e.seq: e for e in events}.values(), key=lambda e: e.seq), start)


def folded_on(item: Item | None, events: Iterable[Recorded], start: str = "") -> Item | None:
    """Return an item with more events folded in, which come after those it knows, in the order of their numbers."""
    for event in events:
        if event.type == "work.created" and item is None:
            item = _begun(event, start)
        elif item is not None and event.type in _TOLD:
            item = replace(_TOLD[event.type](item, event), seq=event.seq)
    return item


def _transitioned(item: Item, event: Recorded) -> Item:
    return item.passed(_passage(event), event.data.get("fields") or {})


def _linked(item: Item, event: Recorded) -> Item:
    rel, target = str(event.data["rel"]), str(event.data["target"])
    others = tuple(one for one in item.links if (one.rel, one.target) != (rel, target))
    if event.data.get("ended"):
        return replace(item, links=others)
    is_new = len(others) == len(item.links)
    return replace(item, links=(*others, Link(rel, target, event.occurred_at, event.actor))) if is_new else item


def _commented(item: Item, event: Recorded) -> Item:
    said = Comment(event.occurred_at, event.actor, str(event.data["text"]))
    return replace(item, comments=(*item.comments, said))


def _assigned(item: Item, event: Recorded) -> Item:
    return replace(item, assignee=event.data.get("assignee") or "")


def _tracked(item: Item, event: Recorded) -> Item:
    said = event.data
    if said.get("ended"):
        return replace(item, tracked=None)
    return replace(item, tracked=Tracked(said["tracker"], said["issue"], said["key"], event.occurred_at))


_TOLD = {
    "work.transitioned": _transitioned,
    "work.linked": _linked,
    "work.commented": _commented,
    "work.assigned": _assigned,
    "work.tracked": _tracked,
}
EVENTS = ("work.created", *_TOLD)  # what an item is folded from


def _begun(event: Recorded, start: str) -> Item:
    said = event.data
    return Item(
        id=said["item"],
        type=said["type"],
        history=(Passage(said.get("state") or start, event.occurred_at, actor=event.actor),),
        seq=event.seq,
        requester=said.get("requester") or "",
        product=said.get("product") or "",
        service_class=said.get("class") or "",
        priority=said.get("priority") or "",
        text=said.get("text") or "",
        due=said.get("due") or "",
        fields=said.get("fields") or {},
    )


def _passage(event: Recorded) -> Passage:
    said = event.data
    return Passage(
        state=said["to"],
        since=event.occurred_at,
        move=said.get("move") or "",
        actor=said.get("by") or event.actor,
        role=said.get("role") or "",
        reason=said.get("reason") or "",
        note=said.get("note") or "",
        text=said.get("text") or "",
        ended_with=said.get("with") or "",
        source=said.get("source") or "",
    )
