"""Work items: the inbox of whoever looks, taken up with four keys, and the page of one item.

Every action is a form; the keys only press its buttons.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from urllib.parse import urlencode

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from freehold.foundation import FreeholdError
from freehold.foundation.words import counted
from freehold.insight.disputing import DISPUTE, TOLD, notice_of, readers_of
from freehold.leaving import DEPRECATION, Told
from freehold.server.items import Items
from freehold.server.web.model import Crumb, Empty, Fact, Heading, Mark, Moment, Tone
from freehold.server.web.pages.acting import begun
from freehold.server.web.pages.entry import inside
from freehold.server.web.pages.item_fields import FieldRow, field_rows, spoken
from freehold.server.web.serving import page
from freehold.server.web.showing import Asked, Shown, asked_of
from freehold.server.written import readable
from freehold.work import Item, Waiting, from_words

_LONGEST = 5_000  # characters of a field, a note or a comment
_FIELD = "field."  # what names of form fields begin with that are fields of the item
_KEYS = {"accept": "a", "decline": "d", "more": "m"}
_NONE = Empty("Nothing waits for you", "What you are to look at, decide or answer stands here, what is late first.")
_CONSUMERS = (
    Heading("Consumer"),
    Heading("Reads, 30 days", "num", narrow=False),
    Heading("Last", "num"),
    Heading("Of it", narrow=False),
    Heading("Notice"),
)
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
class ConsumerRow:
    """Somebody, or something, that reads what is to go, and what became of telling them."""

    name: str
    kind: str
    reads: int
    last_on: date | None  # None for what stands on it
    via: str
    notice: Mark


@dataclass(frozen=True, slots=True)
class ConsumersPart:
    """Who reads what is to go: rows for who may see them, how many more there are, and who has not answered yet."""

    headings: tuple[Heading, ...]
    rows: tuple[ConsumerRow, ...]
    unseen: int
    answered: int
    told: int
    may_answer: bool  # whether whoever looks was told, and has not answered


@dataclass(frozen=True, slots=True)
class ItemPage:
    """One item: what it holds, where it went, what was said, what it is to others, what may be done with it.

    `consumers` are there for a deprecation that has not ended.
    """

    id: str
    state: Mark
    facts: tuple[Fact, ...]
    fields: tuple[FieldRow, ...]
    links: tuple[LinkRow, ...]
    history: tuple[Moment, ...]
    ways: tuple[WayRow, ...]
    may_undo: bool
    papers: tuple[Crumb, ...]  # documents that are written of it
    is_measured: bool  # whether both of its sides can be
    to_tell: tuple[str, ...] | None  # who is to be told what was decided; None: nobody is
    consumers: ConsumersPart | None = None


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
        fields=field_rows(items, one),
        links=tuple(_link(items, link.word, link.other) for link in items.related(one)),
        history=_moments(items, one),
        ways=() if work.has_ended(one) else ways_of(items, one),
        may_undo=work.kept_from_undo(one) is None,
        papers=tuple(_papers(asked, one)),
        is_measured=one.type == DISPUTE and not work.has_ended(one),
        to_tell=_to_tell(items, one),
        consumers=_consumers(items, one) if one.type == DEPRECATION and not work.has_ended(one) else None,
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
    do = next((word for word in (*_DOES, "measure") if word in form), "")
    if not do:
        raise FreeholdError(
            "FH-A112", "Nothing is to be done with it.", fix=f"Choose one of: {', '.join((*_DOES, 'measure'))}."
        )
    if do == "measure":
        return _measured(items, one)
    _DOES[do](items, one, str(form[do]).strip()[:_LONGEST], form)
    back = inside(str(form.get("next", ""))) if form.get("next") else f"/items/{one.id}"
    return RedirectResponse(f"{back}?done={one.id}" if back == "/inbox" else back, 303)


def _move(items: Items, one: Item, name: str, form: FormData) -> None:
    said = {k.removeprefix(_FIELD): [str(v)[:_LONGEST]] for k, v in form.items() if k.startswith(_FIELD)}
    fields = from_words(items.work.workflow(one.type), {k: v for k, v in said.items() if v != [""]})
    items.work.move(one.id, name, fields=fields, note=str(form.get("note", ""))[:_LONGEST])


def _measured(items: Items, one: Item) -> Response:
    """Have both sides of a dispute measured, which asks the warehouse."""
    asked = items.asked
    for product in sorted(asked.snapshot.estate.products):
        asked.served.rights.expect(asked.who, "run", product)
    return begun(asked, "items measure", {"item": one.id, "env": asked.snapshot.env})


def _linked(items: Items, one: Item, target: str, _: FormData) -> None:
    items.link(one, "duplicate_of", target)


def _acknowledged(items: Items, one: Item, action: str, form: FormData) -> None:
    items.announcing.acknowledge(items.work, one, str(form.get("consumer", "")), "" if action == "read" else action)


def _parted(items: Items, one: Item, _target: str, _: FormData) -> None:
    items.work.unlink(one.id, "duplicate_of", one.original)


def _told(items: Items, one: Item, _: str, _form: FormData) -> None:
    """Tell those who read the metric of a dispute what was decided."""
    items.work.expect_mine(one)
    ledger = items.work.ledger
    with ledger.evidence(ledger.clock.now()) as evidence:
        event = notice_of(one, evidence, items.asked.snapshot.env)
    ledger.append(event)


def _to_tell(items: Items, one: Item) -> tuple[str, ...] | None:
    """Return who is to be told of a dispute that was decided; None where nothing is to be told, or they were."""
    ledger = items.work.ledger
    if one.type != DISPUTE or one.state != "decided" or any(ledger.read(types=(TOLD,), subject=one.id, limit=1)):
        return None
    try:
        items.work.expect_mine(one)
    except FreeholdError:  # who reads what is for those who may tell them
        return None
    with ledger.evidence(ledger.clock.now()) as evidence:
        return tuple(_person(reader) for reader in readers_of(one, evidence))


def _papers(asked: Asked, one: Item) -> Iterator[Crumb]:
    for file in readable(asked).values():
        if one.type in file.items:
            yield Crumb(file.name, f"/documents/{file.id}?{urlencode({'item': one.id})}")


_DOES: Mapping[str, Callable[[Items, Item, str, FormData], object]] = {
    "move": _move,
    "undo": lambda items, one, _, __: items.work.undo(one.id),
    "duplicate_of": _linked,
    "part": _parted,
    "acknowledge": _acknowledged,
    "assignee": lambda items, one, who, _: items.work.assign(one.id, who),
    "tell": _told,
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
        ways=ways_of(items, item_),
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


def ways_of(items: Items, one: Item) -> tuple[WayRow, ...]:
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


def _consumers(items: Items, one: Item) -> ConsumersPart:
    """Return who reads what is to go, as whoever looks may see it."""
    (found, unseen), told = items.consumers(one), items.announcing.told(one)
    rows = tuple(
        ConsumerRow(c.name, c.kind, c.reads, c.last_on, ", ".join(c.via), _answer(c.name, told)) for c in found
    )
    me = items.asked.who.principal
    may_answer = me in told.first_at and me not in told.answers
    return ConsumersPart(_CONSUMERS, rows, unseen, len(told.answers), len(told.first_at), may_answer)


def _answer(name: str, told: Told) -> Mark:
    """Return what became of the notice to somebody."""
    if name in told.answers:
        said = told.answers[name]
        return Mark("warn" if said == "objects" else "ok", said or "read")
    return Mark("warn", "no answer yet") if name in told.first_at else Mark("idle", "not told yet")


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
            facts.append(Fact(spoken(clock.name), mark=Mark("bad", "late")))
        elif clock.due_at is not None:
            facts.append(Fact(spoken(clock.name), "", at=clock.due_at))
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


def _person(principal: str) -> str:
    return principal.rpartition("/")[2]
