"""`/api/v1/work-items`: what people settle with each other, for programs.

A token reads; one that was made with the scope `items:write` acts in its owner's name, as far as their roles reach.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any

from fastapi import FastAPI, Path, Query, Request
from pydantic import Field

from freehold.server.api.model import After, Limit, Strict, after_in, asked_by
from freehold.server.items import Items
from freehold.work import Item
from freehold.work.described import item_object, waiting_object, whole_object, workflow_object

_Type = Annotated[str, Path(max_length=100)]
_Id = Annotated[str, Path(max_length=100)]
_LONGEST = 20_000  # characters of a field, a note or a comment
_Words = Annotated[str, Field(max_length=_LONGEST)]


class TrackedItem(Strict):
    """An issue of a tracker."""

    tracker: str
    key: str


class WorkItem(Strict):
    """An item, in short."""

    id: str = Field(description="its type, a stroke, and an id of its own")
    type: str
    title: str = Field(description="what it is about: its first field of free text")
    state: str
    is_open: bool
    outcome: str | None = Field(description="what it came to: delivered, answered, declined, withdrawn, lapsed")
    product: str | None
    requester: str
    assignee: str | None
    class_: str | None = Field(alias="class", description="of service: standard, urgent")
    priority: str | None
    created_at: datetime
    due_at: datetime | None = Field(description="when its next clock runs out; null where none runs")
    is_late: bool
    duplicate_of: str | None
    tracked: TrackedItem | None = Field(description="the issue that it is, where a tracker rules its state")


class WorkItemList(Strict):
    """Items, in the order in which they began."""

    items: list[WorkItem]
    next: str | None = Field(description="the `after` of the next page; null at the end")


class WaitingItem(WorkItem):
    """An item that waits for the asker, with what it asks of them and the moves they may make."""

    asks: str = Field(description="triage, answer, decide, do")
    moves: list[str]


class Inbox(Strict):
    """What waits for the asker, what is late first."""

    items: list[WaitingItem]


class PassageItem(Strict):
    """The entering of a state."""

    state: str
    since: datetime
    move: str | None
    actor: str
    role: str | None
    reason: str | None
    note: str | None
    ended_with: str | None = Field(description="the item it is a duplicate of, and ended with")
    source: str | None = Field(description="the change that told it, where a tracker rules the item")


class CommentItem(Strict):
    """Something that was said; empty where it was erased."""

    at: datetime
    actor: str
    text: str


class LinkItem(Strict):
    """What the item is to another, or the other to it."""

    word: str
    rel: str
    other: str
    own: bool = Field(description="whether this item says so, and not the other")


class MoveItem(Strict):
    """A move that the item's state has."""

    name: str
    to: str
    needs: list[str]
    open: bool = Field(description="whether the asker may make it now")
    why_not: str | None


class WholeWorkItem(WorkItem):
    """All of an item."""

    fields: dict[str, Any]
    history: list[PassageItem]
    comments: list[CommentItem]
    links: list[LinkItem]
    decided_by: list[str] = Field(description="the decisions that settle it, whatever its state is")
    moves: list[MoveItem]
    can_undo: bool = Field(description="whether the asker may take back the last move")


class WorkflowList(Strict):
    """The types of item there are: what one says who needs one, what they hold, their states and moves."""

    items: list[dict[str, Any]]


class NewItem(Strict):
    """An item to begin."""

    type: str = Field(max_length=100)
    fields: dict[str, Any] = Field(default_factory=dict)
    product: str = Field(default="", max_length=200)
    class_: str = Field(default="", alias="class", max_length=100)
    priority: str = Field(default="", max_length=100)


class Move(Strict):
    """A move to make, with what it gives the item."""

    move: str = Field(max_length=100, description="by its name; `undo` takes back the last one")
    fields: dict[str, Any] = Field(default_factory=dict)
    note: _Words = ""
    reason: str = Field(default="", max_length=200)


class NewLink(Strict):
    """A link to make, or to take away."""

    rel: str = Field(max_length=100)
    target: str = Field(min_length=1, max_length=200)
    ended: bool = Field(default=False, description="take it away")


class NewComment(Strict):
    """Something to say."""

    text: _Words


class Assignment(Strict):
    """Whom to give an item to."""

    assignee: str = Field(max_length=200, description="a reference such as user:idp/ana; empty: nobody")


class ConsumerOfItem(Strict):
    """Somebody, or something, that reads what a deprecation takes away."""

    name: str = Field(description="a principal, or `product:…`, `dashboard:…` and the like for what stands on it")
    kind: str
    reads: int = Field(description="in 30 days")
    last_on: date | None = Field(description="the last day it was read; null for what stands on it")
    via: list[str] = Field(description="what of it is read")
    told_at: datetime | None
    answer: str | None = Field(description="moved, accepted, objects; empty: it was read; null: none yet")


class ConsumersOfItem(Strict):
    """Who reads what a deprecation takes away, as of now; people by name for who answers for it, and the asker."""

    items: list[ConsumerOfItem]
    unseen: int = Field(description="how many more there are")
    silent: int = Field(description="how many were told and have not answered")


class Acknowledgement(Strict):
    """An answer to the notice of a deprecation."""

    consumer: str = Field(default="", max_length=200, description="for whom; empty: the asker")
    action: str = Field(default="", max_length=40, description="moved, accepted, objects; empty: it was read")


def add(app: FastAPI) -> None:
    """Add the routes of work items."""
    one = "/work-items/{type}/{id}"
    app.get("/work-item-types", summary="Types of work item", operation_id="list_work_item_types")(_types)
    app.get("/inbox", summary="What waits for you", operation_id="read_inbox")(_inbox)
    app.get("/work-items", summary="Work items", operation_id="list_work_items")(_items)
    app.post("/work-items", summary="Begin a work item", operation_id="begin_work_item", status_code=201)(_begin)
    app.get(one, summary="A work item", operation_id="get_work_item")(_item)
    app.post(f"{one}/moves", summary="Move it on", operation_id="move_work_item")(_move)
    app.post(f"{one}/links", summary="Link it", operation_id="link_work_item")(_link)
    app.post(f"{one}/comments", summary="Say something about it", operation_id="comment_work_item")(_comment)
    app.get(f"{one}/consumers", summary="Who reads what goes", operation_id="list_consumers_of_work_item")(_consumers)
    answer = app.post(f"{one}/acknowledgements", summary="Answer its notice", operation_id="acknowledge_work_item")
    answer(_acknowledge)
    app.post(f"{one}/assignee", summary="Give it to somebody", operation_id="assign_work_item")(_assign)


def _types(request: Request) -> WorkflowList:
    """List the types of item there are."""
    work = Items(asked_by(request)).work
    return WorkflowList(items=[workflow_object(one) for one in work.workflows.values()])


def _inbox(request: Request) -> Inbox:
    """List what waits for whoever asks."""
    items = Items(asked_by(request))
    return Inbox(items=[WaitingItem(**waiting_object(items.work, one)) for one in items.inbox()])


def _items(
    request: Request,
    type: Annotated[str, Query(max_length=100)] = "",
    product: Annotated[str, Query(max_length=200)] = "",
    open: Annotated[bool | None, Query(description="only those that have not ended, or only those that have")] = None,
    limit: Limit = 100,
    after: After = "",
) -> WorkItemList:
    """List items, in the order in which they began."""
    asked = asked_by(request)
    items = Items(asked)
    if type:
        items.work.workflow(type)
    every = items.all()
    if product and not any(product == one.product for one in every):
        asked.snapshot.product(product)
    left = [
        one
        for one in after_in(every, lambda one: one.id, after)
        if type in ("", one.type) and product in ("", one.product) and open in (None, not items.work.has_ended(one))
    ]
    told = [WorkItem(**item_object(items.work, one)) for one in left[:limit]]
    return WorkItemList(items=told, next=left[limit - 1].id if len(left) > limit else None)


def _begin(request: Request, wanted: NewItem) -> WholeWorkItem:
    """Begin an item in the asker's name."""
    items = Items(asked_by(request))
    made = items.work.create(
        wanted.type, wanted.fields, product=wanted.product, service_class=wanted.class_, priority=wanted.priority
    )
    return _whole(items, made.item)


def _item(request: Request, type: _Type, id: _Id) -> WholeWorkItem:
    """Return all of an item."""
    items = Items(asked_by(request))
    return _whole(items, items.get(f"{type}/{id}"))


def _move(request: Request, type: _Type, id: _Id, wanted: Move) -> WholeWorkItem:
    """Make a move of the item's state, as far as the asker's roles reach; its duplicates end with it."""
    items = Items(asked_by(request))
    item = items.get(f"{type}/{id}")
    if wanted.move == "undo" and "undo" not in items.work.workflow(type).states[item.state].moves:
        return _whole(items, items.work.undo(item.id))
    moved = items.work.move(item.id, wanted.move, fields=wanted.fields, note=wanted.note, reason=wanted.reason)
    return _whole(items, moved.item)


def _link(request: Request, type: _Type, id: _Id, wanted: NewLink) -> WholeWorkItem:
    """Relate the item to another, or part them."""
    items = Items(asked_by(request))
    item = items.get(f"{type}/{id}")
    if wanted.ended:
        return _whole(items, items.work.unlink(item.id, wanted.rel, wanted.target))
    return _whole(items, items.link(item, wanted.rel, wanted.target))


def _comment(request: Request, type: _Type, id: _Id, wanted: NewComment) -> WholeWorkItem:
    """Say something about the item."""
    items = Items(asked_by(request))
    return _whole(items, items.work.comment(items.get(f"{type}/{id}").id, wanted.text))


def _assign(request: Request, type: _Type, id: _Id, wanted: Assignment) -> WholeWorkItem:
    """Give the item to somebody."""
    items = Items(asked_by(request))
    return _whole(items, items.work.assign(items.get(f"{type}/{id}").id, wanted.assignee))


def _consumers(request: Request, type: _Type, id: _Id) -> ConsumersOfItem:
    """Return who reads what a deprecation takes away, who of them was told, and who answered."""
    items = Items(asked_by(request))
    return _read_by(items, items.get(f"{type}/{id}"))


def _acknowledge(request: Request, type: _Type, id: _Id, wanted: Acknowledgement) -> ConsumersOfItem:
    """Answer the notice of a deprecation: that it was read, or that somebody moved to what takes its place."""
    items = Items(asked_by(request))
    item = items.get(f"{type}/{id}")
    items.announcing.acknowledge(items.work, item, wanted.consumer, wanted.action)
    return _read_by(items, item)


def _read_by(items: Items, item: Item) -> ConsumersOfItem:
    (found, unseen), told = items.consumers(item), items.announcing.told(item)
    rows = [
        ConsumerOfItem(**one.to_json(), told_at=told.first_at.get(one.name), answer=told.answers.get(one.name))
        for one in found
    ]
    return ConsumersOfItem(items=rows, unseen=unseen, silent=len(told.silent))


def _whole(items: Items, item: Item) -> WholeWorkItem:
    return WholeWorkItem(**whole_object(items.work, item, items.related(item)))
