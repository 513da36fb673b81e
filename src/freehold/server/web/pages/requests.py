"""The front door: somebody says what they want, sees what is there already, and files an item where nothing is.

Types of item are offered by what one says who needs one. What is there already is named while somebody writes: entries
of the catalog, and open items like theirs. To take one of these instead is recorded.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from freehold.catalog import Hit, Key
from freehold.foundation import FreeholdError, Problems
from freehold.foundation.words import counted
from freehold.server.items import Items
from freehold.server.web.model import Empty, Fault, Mark, Tab
from freehold.server.web.pages.items import tone_of
from freehold.server.web.pages.search import href_of, spoken
from freehold.server.web.serving import page
from freehold.server.web.showing import Asked, Shown, asked_of, rendered
from freehold.work import Item, first_clock, from_words
from freehold.work.alike import alike

if TYPE_CHECKING:
    from freehold.estate.operating import FieldOfItem, Workflow

TYPE = "data_request"  # what somebody wants who does not say
_OF_A_PRODUCT = ("access_request", "question", "incident")  # what its consumers want of a product
LONGEST = 500  # characters of a field
_NONE = Empty("Nobody asks for anything", "What somebody looks for and does not find can be asked for here.")
_LABELS = {
    "what": "What do you look for?",
    "why": "What will you decide by it?",
    "claim": "What is wrong with it?",
    "purpose": "What for?",
    "product": "About",
    "until": "Until when?",
    "due": "By when?",
}


@dataclass(frozen=True, slots=True)
class RequestRow:
    """A request: what is asked for, how it stands, by when, and what whoever looks may do with it."""

    id: str
    type: str
    what: str
    why: str
    product: str
    requester: str
    state: Mark
    asked_at: datetime
    due_at: datetime | None
    is_late: bool
    is_mine: bool
    moves: tuple[str, ...]
    decided_by: tuple[str, ...] = ()
    alike: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FormField:
    """A field of the form; `kind` is text, choice, metric, product, date, number, boolean or url."""

    name: str
    label: str
    kind: str
    is_required: bool
    value: str
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Suggestion:
    """What is there already: an entry of the catalog, or an open item that may ask for the same."""

    key: str  # kind:id
    kind: str
    title: str
    told: str
    href: str


@dataclass(frozen=True, slots=True)
class Asking:
    """The form: what one may want, what it takes, and what is there already. `suggests` names the field that tells."""

    type: str
    offers: tuple[Tab, ...]
    fields: tuple[FormField, ...]
    suggests: str
    answers: tuple[Suggestion, ...] = ()
    same: tuple[Suggestion, ...] = ()


@dataclass(frozen=True, slots=True)
class RequestsPage:
    """Requests that are open, one's own and others', and a form for another."""

    requests: tuple[RequestRow, ...]
    closed: tuple[RequestRow, ...]
    form: Asking
    none_yet: Empty = _NONE


def routes() -> list[Route]:
    """Return the routes of the front door."""
    return [
        *page("/requests", requests, "requests"),
        *page("/requests/suggested", suggested, "suggested"),
        Route("/requests", ask, methods=["POST"]),
        Route("/requests/deflected", deflect, methods=["POST"]),
    ]


def requests(asked: Asked) -> Shown:
    """Show requests, and a form that a search may have filled in.

    Raises:
        FreeholdError: FH-A112 the type is none that anybody can ask for.
    """
    items = Items(asked)
    type_ = asked.one_of("type", [one.id for one in _offered(items)], TYPE)
    return _shown(items, type_, {name: said[:LONGEST] for name, said in asked.request.query_params.items()})


def suggested(asked: Asked) -> Shown:
    """Show what is there already of what somebody is writing."""
    items = Items(asked)
    type_ = asked.one_of("type", [one.id for one in _offered(items)], TYPE)
    form = _asking(items, type_, {name: said[:LONGEST] for name, said in asked.request.query_params.items()})
    return Shown("pages/suggested.html", "What is there already", form, nav="requests", part="suggested")


async def ask(request: Request) -> Response:
    """Take a request from the form; with an original, as its duplicate."""
    form = await request.form()
    return await run_in_threadpool(_ask, request, form)


async def deflect(request: Request) -> Response:
    """Record that what was there already will do, and lead there.

    Raises:
        FreeholdError: FH-A112 it names nothing.
    """
    form = await request.form()
    return await run_in_threadpool(_deflect, request, form)


def open_requests(asked: Asked) -> tuple[RequestRow, ...]:
    """Return the requests that have not ended, the oldest first, each with those that may ask for the same."""
    items = Items(asked)
    rows = tuple(_row(items, item) for item in _of_the_door(items) if not items.work.has_ended(item))
    return tuple(_with_alike(row, rows) for row in rows)


def my_requests(asked: Asked) -> tuple[RequestRow, ...]:
    """Return the last requests of whoever asks, the newest first."""
    items = Items(asked)
    mine = [item for item in _of_the_door(items) if item.requester == asked.who.principal]
    return tuple(_row(items, item) for item in reversed(mine[-8:]))


def wants_of(asked: Asked, product: str = "") -> tuple[Tab, ...]:
    """Return what one can ask for, each with the way to its form; of a product, which is filled in there."""
    offered = {one.id: one for one in _offered(Items(asked))}
    types = [name for name in _OF_A_PRODUCT if name in offered] if product else [*offered]
    return tuple(Tab(offered[name].wants, _form_of(type=name, product=product)) for name in types)


def _form_of(**said: str) -> str:
    return f"/requests?{urlencode({name: word for name, word in said.items() if word})}#ask"


def _of_the_door(items: Items) -> Iterator[Item]:
    return (item for item in items.all() if items.work.workflow(item.type).wants)


def _offered(items: Items) -> list[Workflow]:
    """Return the workflows that one can ask by, what is wanted most often first."""
    return sorted((one for one in items.work.workflows.values() if one.wants), key=lambda one: one.id != TYPE)


def _with_alike(row: RequestRow, rows: tuple[RequestRow, ...]) -> RequestRow:
    return replace(row, alike=tuple(o.what for o in rows if o.id != row.id and alike(row.what, o.what)))


def _shown(items: Items, type: str, said: dict[str, str], fault: Fault | None = None, status: int = 200) -> Shown:
    rows = open_requests(items.asked)
    ended = [item for item in _of_the_door(items) if items.work.has_ended(item)]
    closed = tuple(_row(items, item) for item in reversed(ended[-20:]))
    model = RequestsPage(rows, closed, _asking(items, type, said))
    late = sum(row.is_late for row in rows)
    told = f"{counted(len(rows), 'requests')} open" + (f", {late} past their time." if late else ".") if rows else ""
    return Shown("pages/requests.html", "Requests", model, told, nav="requests", status=status, extra={"fault": fault})


def _asking(items: Items, type: str, said: dict[str, str]) -> Asking:
    workflow = items.work.workflow(type)
    later = {name for state in workflow.states.values() for move in state.moves.values() for name, _ in move.needs}
    fields = tuple(
        _field(items, one, said.get(name, ""))
        for name, one in workflow.fields.items()
        if name not in later and one.type != "item"
    )
    suggests = next((one.name for one in fields if one.kind == "text"), "")
    text = said.get(suggests, "").strip()
    offers = tuple(
        Tab(
            one.wants,
            _form_of(type=one.id, what=said.get("what", ""), product=said.get("product", "")),
            one.id == type,
        )
        for one in _offered(items)
    )
    answers = tuple(_of_catalog(hit) for hit in items.answers(text)) if text else ()
    same = tuple(_of_item(items, one) for one in items.alike(text, type)) if text else ()
    return Asking(type, offers, fields, suggests, answers, same)


def _field(items: Items, one: FieldOfItem, value: str) -> FormField:
    label = _LABELS.get(one.name, one.name.replace("_", " ").capitalize())
    estate = items.asked.snapshot.estate
    choices = one.choices or (tuple(estate.products) if one.type == "product" else ())
    kind = (
        "choice"
        if one.choices
        else one.type
        if one.type in ("product", "date", "number", "boolean", "url", "choice")
        else "id"
    )
    return FormField(one.name, label, "text" if one.type == "text" else kind, one.is_required, value, choices)


def _of_catalog(hit: Hit) -> Suggestion:
    certified = "certified" if hit.is_certified else ""
    told = " · ".join(word for word in (certified, hit.description.partition("\n")[0][:120]) if word)
    return Suggestion(f"{hit.key.kind}:{hit.key.id}", spoken(hit.key.kind), hit.title, told, href_of(hit.key))


def _of_item(items: Items, item: Item) -> Suggestion:
    told = f"{item.state}, asked by {item.requester.rpartition('/')[2]}"
    return Suggestion(f"item:{item.id}", "request", items.work.title(item), told, f"/items/{item.id}")


def _row(items: Items, item: Item) -> RequestRow:
    work, texts = items.work, items.work.texts(item)
    workflow = work.workflow(item.type)
    clock = None if work.has_ended(item) else first_clock(work, item)
    state = workflow.states[item.state]
    ways = () if state.is_final else work.ways(item)
    return RequestRow(
        id=item.id,
        type=workflow.title,
        what=work.title(item),
        why=str(texts.get("why") or ""),
        product=item.product,
        requester=item.requester.rpartition("/")[2],
        state=Mark(
            tone_of(items, item), "duplicate" if item.original and not state.is_final else item.state.replace("_", " ")
        ),
        asked_at=item.created_at,
        due_at=clock.due_at if clock else None,
        is_late=clock.is_late if clock else False,
        is_mine=item.requester == items.asked.who.principal,
        moves=tuple(way.move.name for way in ways if way.is_open and not way.move.needs),
        decided_by=items.decided.get(item.id, ()),
    )


def _said(form: FormData) -> dict[str, str]:
    return {name: str(value).strip()[:LONGEST] for name, value in form.items() if isinstance(value, str)}


def _ask(request: Request, form: FormData) -> Response:
    items, said = Items(asked_of(request)), _said(form)
    type_, original = said.pop("type", "") or TYPE, said.pop("duplicate_of", "")
    try:
        fields = from_words(items.work.workflow(type_), {name: [value] for name, value in said.items()})
        found = items.get(original) if original else None
        made = items.work.create(type_, fields)
        if found is not None:
            items.link(made.item, "duplicate_of", found.id)
    except FreeholdError as error:
        first = error.errors[0] if isinstance(error, Problems) else error
        fault = Fault(first.code, first.problem, first.fix)
        known = type_ if type_ in items.work.workflows else TYPE
        return rendered(items.asked, _shown(items, known, said, fault, 400))
    return RedirectResponse(f"/requests#{quote(made.item.id)}", 303)


def _deflect(request: Request, form: FormData) -> Response:
    items, said = Items(asked_of(request)), _said(form)
    kind, _, id_ = said.get("answer", "").partition(":")
    if not id_:
        raise FreeholdError("FH-A112", "Nothing is named that would answer it.", fix="Choose one at `/requests`.")
    type_ = said.get("type") or TYPE
    text = said.get(_asking(items, type_, {}).suggests, "")
    href = href_of(Key(kind, id_))
    items.deflected(type_, text, id_, kind)
    return RedirectResponse(href, 303)
