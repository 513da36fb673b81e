"""Work items: the inbox of whoever looks, taken up with four keys, and the page of one item.

Every action is a form; the keys only press its buttons.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from freehold.foundation import FreeholdError
from freehold.foundation.words import counted
from freehold.server.items import Items
from freehold.server.web.model import Crumb, Empty, Fact, Mark, Moment, Tone
from freehold.server.web.pages.entry import inside
from freehold.server.web.serving import page
from freehold.server.web.showing import Asked, Shown, asked_of
from freehold.work import Item, Waiting, from_words

_LONGEST = 5_000  # characters of a field, a note or a comment
_FIELD = "field."  # what names of form fields begin with that are fields of the item
_KEYS = {"accept": "a", "decline": "d", "more": "m"}
_NONE = Empty("Nothing waits for you", "What you are to look at, decide or answer stands here, what is late first.")
_ASKS = {"triage": "look at it", "answer": "answer", "decide": "decide", "do": "do it"}


@dataclass(frozen=True, slots=True)
class WayRow:
    """A move that whoever looks may make: what it is called, the key it takes, the fields it needs first."""

    name: str
    title: str
    key: str
    needs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LinkRow:
    """What an item is to another."""

    word: str
    title: str
    href: str


@dataclass(frozen=True, slots=True)
class WaitingRow:
    """An item that waits: what it asks, what it is about, by when, and what may be done with it."""

    id: str
    type: str
    title: str
    asks: Mark
    product: str
    requester: str
    assignee: str
    created_at: datetime
    due_at: datetime | None
    ways: tuple[WayRow, ...]
    alike: tuple[LinkRow, ...]  # of the same type, that it may be a duplicate of
    may_undo: bool = False


@dataclass(frozen=True, slots=True)
class InboxPage:
    """What waits for whoever looks; `done` is what they moved last, if it can be taken back."""

    waiting: tuple[WaitingRow, ...]
    done: WaitingRow | None
    none_yet: Empty = _NONE


@dataclass(frozen=True, slots=True)
class ItemPage:
    """One item: what it holds, where it went, what was said, what it is to others, what may be done with it."""

    id: str
    state: Mark
    facts: tuple[Fact, ...]
    fields: tuple[tuple[str, str], ...]
    links: tuple[LinkRow, ...]
    history: tuple[Moment, ...]
    ways: tuple[WayRow, ...]
    may_undo: bool


def routes() -> list[Route]:
    """Return the routes of the inbox and of items."""
    return [
        *page("/inbox", inbox, "inbox"),
        *page("/items/{type}/{id}", item, "item"),
        Route("/items/{type}/{id}", act, methods=["POST"]),
    ]


def inbox(asked: Asked) -> Shown:
    """Show what waits for whoever looks, what is late first."""
    items = Items(asked)
    found = items.inbox()
    model = InboxPage(tuple(_row(items, one) for one in found), _done(items, asked.word("done")))
    late = sum(one.is_late for one in found)
    told = f"{counted(len(found), 'items')} for you" + (f", {late} late." if late else ".") if found else ""
    return Shown("pages/inbox.html", "Inbox", model, told, nav="inbox")


def item(asked: Asked) -> Shown:
    """Show one item.

    Raises:
        FreeholdError: FH-W102 there is none, or the asker may not see it.
    """
    items, path = Items(asked), asked.request.path_params
    one = items.get(f"{path['type']}/{path['id']}")
    work, workflow = items.work, items.work.workflow(one.type)
    told = f"{workflow.title} of {_person(one.requester)}."
    model = ItemPage(
        id=one.id,
        state=Mark(tone_of(items, one), one.state.replace("_", " ")),
        facts=tuple(_facts(items, one)),
        fields=tuple((_spoken(k), str(v)) for k, v in {**work.texts(one), **one.fields}.items() if k != "product"),
        links=tuple(_link(items, link.word, link.other) for link in items.related(one)),
        history=_moments(items, one),
        ways=() if work.has_ended(one) else _ways(items, one),
        may_undo=work.kept_from_undo(one) is None,
    )
    return Shown("pages/item.html", work.title(one), model, told, (Crumb("Inbox", "/inbox"),), nav="inbox")


async def act(request: Request) -> Response:
    """Do something with an item: move it, take that back, link it, give it to somebody, say something.

    Raises:
        FreeholdError: as `Work` does; FH-A112 there is nothing to be done of that name.
    """
    form = await request.form()
    return await run_in_threadpool(_act, request, form)


def _act(request: Request, form: FormData) -> Response:
    items, path = Items(asked_of(request)), request.path_params
    one = items.get(f"{path['type']}/{path['id']}")
    do = next((word for word in _DOES if word in form), "")
    if not do:
        raise FreeholdError("FH-A112", "Nothing is to be done with it.", fix=f"Choose one of: {', '.join(_DOES)}.")
    _DOES[do](items, one, str(form[do]).strip()[:_LONGEST], form)
    back = inside(str(form.get("next", ""))) if form.get("next") else f"/items/{one.id}"
    return RedirectResponse(f"{back}?done={one.id}" if back == "/inbox" else back, 303)


def _move(items: Items, one: Item, name: str, form: FormData) -> None:
    said = {k.removeprefix(_FIELD): [str(v)[:_LONGEST]] for k, v in form.items() if k.startswith(_FIELD)}
    fields = from_words(items.work.workflow(one.type), {k: v for k, v in said.items() if v != [""]})
    items.work.move(one.id, name, fields=fields, note=str(form.get("note", ""))[:_LONGEST])


def _linked(items: Items, one: Item, target: str, _: FormData) -> None:
    items.link(one, "duplicate_of", target)


def _parted(items: Items, one: Item, _target: str, _: FormData) -> None:
    items.work.unlink(one.id, "duplicate_of", one.original)


_DOES: Mapping[str, Callable[[Items, Item, str, FormData], object]] = {
    "move": _move,
    "undo": lambda items, one, _, __: items.work.undo(one.id),
    "duplicate_of": _linked,
    "part": _parted,
    "assignee": lambda items, one, who, _: items.work.assign(one.id, who),
    "comment": lambda items, one, text, _: items.work.comment(one.id, text),
}


def _row(items: Items, one: Waiting) -> WaitingRow:
    item_, work = one.item, items.work
    asks = Mark("bad", f"{_ASKS[one.asks]}, late") if one.is_late else Mark("warn", _ASKS[one.asks])
    alike = items.alike(work.title(item_), item_.type, but=item_.id)
    return WaitingRow(
        id=item_.id,
        type=work.workflow(item_.type).title,
        title=work.title(item_),
        asks=asks,
        product=item_.product,
        requester=_person(item_.requester),
        assignee=_person(item_.assignee),
        created_at=item_.created_at,
        due_at=one.clock.due_at if one.clock else None,
        ways=_ways(items, item_),
        alike=tuple(
            LinkRow(other.id, work.title(other), f"/items/{other.id}") for other in alike if not other.original
        ),
    )


def _done(items: Items, id_: str) -> WaitingRow | None:
    """Return what was moved last, where that can be taken back."""
    try:
        one = items.get(id_)
    except FreeholdError:
        return None
    if items.work.kept_from_undo(one) is not None and not one.original:
        return None
    state = Mark(tone_of(items, one), "duplicate" if one.original else one.state.replace("_", " "))
    return WaitingRow(
        one.id, items.work.workflow(one.type).title, items.work.title(one), state, one.product, _person(one.requester),
        _person(one.assignee), one.created_at, None, (), (), may_undo=not one.original,
    )  # fmt: skip


def _ways(items: Items, one: Item) -> tuple[WayRow, ...]:
    """Return the moves that whoever looks may make, with the keys of those that triage is made of."""
    open_ = [way.move for way in items.work.ways(one) if way.is_open]
    workflow, taken = items.work.workflow(one.type), set[str]()
    found = []
    for move in open_:
        to = workflow.states[move.to]
        sort = "more" if to.pauses_clock else "decline" if to.outcome in ("declined", "withdrawn") else "accept"
        key = "" if sort in taken else _KEYS[sort]
        taken.add(sort)
        needs = tuple(name for name, _ in move.needs if name not in one.fields)
        found.append(WayRow(move.name, move.name.replace("_", " ").capitalize(), key, needs))
    return tuple(found)


def _link(items: Items, word: str, other: str) -> LinkRow:
    try:
        return LinkRow(word, items.work.title(items.get(other)), f"/items/{other}")
    except FreeholdError:  # a resource, and no item
        return LinkRow(word, other, "")


def _facts(items: Items, one: Item) -> list[Fact]:
    facts = [Fact("Asked by", _person(one.requester)), Fact("Began", at=one.created_at)]
    if one.product:
        facts.append(Fact("About", one.product, f"/products/{one.product}"))
    facts += [Fact("Decided by", decision) for decision in items.decided.get(one.id, ())]
    if one.assignee:
        facts.append(Fact("With", _person(one.assignee)))
    if one.tracked is not None:
        facts.append(Fact("Ruled by", f"{one.tracked.key} in {one.tracked.tracker}"))
    for clock in () if items.work.has_ended(one) else items.work.clocks(one):
        if clock.is_late:
            facts.append(Fact(_spoken(clock.name), mark=Mark("bad", "late")))
        elif clock.due_at is not None:
            facts.append(Fact(_spoken(clock.name), "", at=clock.due_at))
    return facts


def _moments(items: Items, one: Item) -> tuple[Moment, ...]:
    """Return where an item went and what was said of it, the newest first."""
    moves = [
        Moment(
            passage.since, passage.state.replace("_", " ").capitalize(),
            " · ".join(w for w in (passage.move, _person(passage.actor), items.work.words(passage.note)) if w),
        )
        for passage in one.history
    ]  # fmt: skip
    said = [
        Moment(comment.at, items.work.words(comment.text) or "What was said was erased.", _person(comment.actor))
        for comment in one.comments
    ]
    return tuple(sorted((*moves, *said), key=lambda moment: moment.at, reverse=True))


def tone_of(items: Items, one: Item) -> Tone:
    """Return how an item stands, as a tone: new, under way, ended well, ended otherwise."""
    state = items.work.workflow(one.type).states[one.state]
    if not state.is_final:
        return "warn" if one.state == items.work.workflow(one.type).start else "ok"
    return "ok" if state.outcome in ("delivered", "answered") else "idle"


def _spoken(name: str) -> str:
    return name.replace("_", " ").capitalize()


def _person(principal: str) -> str:
    return principal.rpartition("/")[2]
