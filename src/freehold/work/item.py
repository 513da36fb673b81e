"""A work item as its events tell it: folding them in order gives the item, and nothing else is kept of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from freehold.ledger.event import Recorded


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


@dataclass(frozen=True, slots=True)
class Item:
    """A work item.

    Attributes:
        type: the id of its workflow.
        fields: what it holds, but for free text, which lies in the side store under `text`.
        history: every state it was in, first to last; never empty.
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
    links: tuple[tuple[str, str], ...] = ()  # relation, target

    @property
    def state(self) -> str:
        """The state it is in."""
        return self.history[-1].state

    @property
    def created_at(self) -> datetime:
        """When it began."""
        return self.history[0].since


def fold(events: Iterable[Recorded], start: str = "") -> Item | None:
    """Return the item that the events of one item tell, or None if it never began.

    The order in which events are given does not matter, nor does one that is given twice: their numbers order them.

    Args:
        events: of one item; those of other families are passed over.
        start: the state it began in, where the event that began it does not say.
    """
    item: Item | None = None
    for event in sorted({e.seq: e for e in events}.values(), key=lambda e: e.seq):
        if event.type == "work.created" and item is None:
            item = _begun(event, start)
        elif item is not None and event.type == "work.transitioned":
            item = replace(item, history=(*item.history, _passage(event)), seq=event.seq)
        elif item is not None and event.type == "work.linked":
            link = (str(event.data["rel"]), str(event.data["target"]))
            item = replace(item, links=tuple(dict.fromkeys((*item.links, link))), seq=event.seq)
    return item


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
        actor=event.actor,
        role=said.get("role") or "",
        reason=said.get("reason") or "",
        note=said.get("note") or "",
    )
