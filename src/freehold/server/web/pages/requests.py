"""Requests: what somebody looked for and did not find, from asking to the answer. Each step is an event."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from freehold.foundation import FreeholdError, Problems
from freehold.foundation.words import counted
from freehold.server.web.model import Empty, Fault, Mark
from freehold.server.web.showing import Asked, Shown, asked_of, rendered
from freehold.work import Item, Work, workflows_of

TYPE = "data_request"
LONGEST = 500  # characters of what is asked for
_ALIKE = 0.5  # from which share of common words on two requests may be one
_SMALL = frozenset(  # words that tell nothing of what is asked for
    {"a", "an", "and", "are", "as", "by", "data", "for", "from", "how", "i", "in", "is", "it", "need", "of", "on", "or"}
    | {"please", "the", "to", "want", "we", "what", "with"}
)
_STATES = {
    "asked": Mark("warn", "asked"),
    "taken": Mark("ok", "taken"),
    "done": Mark("ok", "done"),
    "declined": Mark("idle", "declined"),
    "withdrawn": Mark("idle", "withdrawn"),
}
_NONE = Empty("Nobody asks for anything", "What somebody looks for and does not find can be asked for here.")


@dataclass(frozen=True, slots=True)
class RequestRow:
    """A request: what is asked for, how it stands, by when, and what whoever looks may do with it."""

    id: str
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
    alike: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RequestsPage:
    """Requests that are open, one's own and others', and a form for another."""

    requests: tuple[RequestRow, ...]
    closed: tuple[RequestRow, ...]
    products: tuple[str, ...]
    what: str
    none_yet: Empty = _NONE


def requests(asked: Asked) -> Shown:
    """Show requests, and a form that a search may have filled in."""
    return _shown(asked, asked.word("what")[:LONGEST])


async def ask(request: Request) -> Response:
    """Take a request from a form."""
    form = await request.form()
    return await run_in_threadpool(_ask, request, form)


async def move(request: Request) -> Response:
    """Move a request on, by a move of its workflow that whoever asks may make.

    Raises:
        FreeholdError: as `Work.move` does.
    """
    form = await request.form()
    return await run_in_threadpool(_move, request, str(form.get("move", "")))


def open_requests(asked: Asked) -> tuple[RequestRow, ...]:
    """Return the requests that have not ended, the oldest first, each with those that may ask for the same."""
    rows = tuple(row for row in _rows(asked) if row.state.word in ("asked", "taken"))
    return tuple(_with_alike(row, rows) for row in rows)


def my_requests(asked: Asked) -> tuple[RequestRow, ...]:
    """Return the last requests of whoever asks, the newest first."""
    return tuple(reversed([row for row in _rows(asked) if row.is_mine]))[:8]


def alike(one: str, other: str) -> bool:
    """Whether two requests may ask for the same: of their telling words, half are common to both."""
    mine, theirs = _telling(one), _telling(other)
    return bool(mine and theirs) and len(mine & theirs) / len(mine | theirs) >= _ALIKE


def _telling(text: str) -> frozenset[str]:
    words = "".join(c if c.isalnum() else " " for c in text.casefold()).split()
    return frozenset(word.removesuffix("s") for word in words) - _SMALL


def _with_alike(row: RequestRow, rows: tuple[RequestRow, ...]) -> RequestRow:
    return replace(row, alike=tuple(o.what for o in rows if o.id != row.id and alike(row.what, o.what)))


def _shown(asked: Asked, what: str, fault: Fault | None = None, status: int = 200) -> Shown:
    rows = open_requests(asked)
    closed = tuple(reversed([row for row in _rows(asked) if row.state.word not in ("asked", "taken")]))[:20]
    model = RequestsPage(rows, closed, tuple(asked.snapshot.estate.products), what)
    late = sum(row.is_late for row in rows)
    told = f"{counted(len(rows), 'requests')} open" + (f", {late} past their time." if late else ".") if rows else ""
    return Shown("pages/requests.html", "Requests", model, told, nav="requests", status=status, extra={"fault": fault})


def work_of(asked: Asked) -> Work:
    """Return the work items of the estate, as whoever asks may move them."""
    ledger = asked.served.snapshots.ledger.acting(asked.who.caller("request"))
    return Work(asked.snapshot.estate, ledger, clock=asked.served.snapshots.clock)


def _rows(asked: Asked) -> tuple[RequestRow, ...]:
    work = work_of(asked)
    products = asked.snapshot.estate.products

    def may_see(item: Item) -> bool:
        return not item.product or item.product in products or item.requester == asked.who.principal

    states = workflows_of(asked.snapshot.estate)[TYPE].states
    return tuple(_row(asked, work, item) for item in work.items(TYPE) if item.state in states and may_see(item))


def _row(asked: Asked, work: Work, item: Item) -> RequestRow:
    texts = work.texts(item)
    running = [clock for clock in work.clocks(item) if clock.due_at is not None]
    due = min((c.due_at for c in running if c.due_at is not None), default=None)
    return RequestRow(
        id=item.id,
        what=str(texts.get("what") or "What was asked for was erased."),
        why=str(texts.get("why") or ""),
        product=item.product,
        requester=item.requester.rpartition("/")[2],
        state=_STATES.get(item.state, Mark("idle", item.state)),
        asked_at=item.created_at,
        due_at=due,
        is_late=any(c.is_late for c in running),
        is_mine=item.requester == asked.who.principal,
        moves=tuple(way.move.name for way in work.ways(item) if way.is_open),
    )


def _ask(request: Request, form: FormData) -> Response:
    asked = asked_of(request)
    said = {name: str(form.get(name, "")).strip()[:LONGEST] or None for name in ("what", "why", "product")}
    try:
        made = work_of(asked).create(TYPE, said)
    except FreeholdError as error:
        first = error.errors[0] if isinstance(error, Problems) else error
        fault = Fault(first.code, first.problem, first.fix)
        return rendered(asked, _shown(asked, said["what"] or "", fault, 400))
    return RedirectResponse(f"/requests#{quote(made.item.id)}", 303)


def _move(request: Request, name: str) -> Response:
    asked = asked_of(request)
    id_ = request.path_params["id"]
    work_of(asked).move(id_, name)
    return RedirectResponse(f"/requests#{quote(id_)}", 303)
