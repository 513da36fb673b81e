"""The roadmap: what is now, next and later; the order of items; how the promises of a period were kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from starlette.routing import Route

from freehold.foundation.words import counted, percent
from freehold.insight import last_periods, period_named
from freehold.insight.roadmap import board_object, promise_object, ranked_object
from freehold.insight.telling import figure, rough, said
from freehold.server.ahead import Ahead
from freehold.server.web.model import Crumb, Empty, Heading, Mark, Tab
from freehold.server.web.serving import page
from freehold.server.web.showing import Asked, Shown

_PATH = "/roadmap"
_EXPORT = "/api/v1/roadmap/export"
_PERIODS = 8
_HORIZONS = {"now": "Now", "next": "Next", "later": "Later"}
_BOARD = (
    Heading("Item"), Heading("State", narrow=False), Heading("For", narrow=False), Heading("Due", "num"),
    Heading("Objectives", narrow=False),
)  # fmt: skip
_ORDER = (
    Heading("Place", "num"), Heading("Item"), Heading("Score", "num"), Heading("Keeps its place", "num"),
    Heading("In the first three", "num", narrow=False), Heading("Reach", "num", narrow=False),
)  # fmt: skip
_PROMISED = (
    Heading("Item"), Heading("What became of it"), Heading("Due", "num", narrow=False),
    Heading("Delivered", "num", narrow=False),
)  # fmt: skip
_NONE = Empty(
    "Nothing is on the roadmap", "What a team means to do, and for when, stands here.",
    "freehold items new roadmap_item -f what='Returns by month' -f problem='Nobody knows what comes back'",
)  # fmt: skip
_NO_ORDER = Empty(
    "Nothing is estimated", "Reach, impact, confidence and effort, each as a range, put items in an order.",
    "freehold roadmap estimate ITEM --impact 1-2 --confidence 0.5-0.8 --effort 2-5",
)  # fmt: skip
_NO_PROMISES = Empty(
    "Nothing stood as promised when it began", "What is promised before a period begins is its snapshot.",
    "freehold roadmap commit ITEM PERIOD --by DAY",
)  # fmt: skip
_KEPT = {
    "kept": Mark("ok", "kept"), "open": Mark("idle", "open"), "out by a decision": Mark("idle", "out by a decision"),
    "slipped": Mark("warn", "slipped, as was said"),
    "slipped without a warning": Mark("bad", "slipped without a warning"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class ItemRow:
    """An open item: how it stands, for when it is promised; `risk` is that it is late, or may be."""

    id: str
    title: str
    product: str
    state: str
    period: str
    due: date | None
    risk: Mark | None
    objectives: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class HorizonPart:
    """The items of now, next or later."""

    key: str
    title: str
    rows: tuple[ItemRow, ...]


@dataclass(frozen=True, slots=True)
class DeclinedRow:
    """An item that was decided against, since when and why."""

    id: str
    title: str
    since: datetime
    because: str


@dataclass(frozen=True, slots=True)
class BoardPage:
    """The roadmap by horizon, and what was decided against."""

    views: tuple[Tab, ...]
    forms: tuple[Crumb, ...]
    headings: tuple[Heading, ...]
    horizons: tuple[HorizonPart, ...]
    not_doing: tuple[DeclinedRow, ...]
    none_yet: Empty


@dataclass(frozen=True, slots=True)
class OrderRow:
    """An item in the order, with the range of its score and in how many draws it keeps its place."""

    place: int
    id: str
    title: str
    score: str
    between: str
    keeps: str
    top: str
    reach: str
    why: str


@dataclass(frozen=True, slots=True)
class OrderPage:
    """The open items in their order; `unknown` are those that nobody estimated, by id and title."""

    views: tuple[Tab, ...]
    headings: tuple[Heading, ...]
    rows: tuple[OrderRow, ...]
    unknown: tuple[Crumb, ...]
    none_yet: Empty


@dataclass(frozen=True, slots=True)
class PromiseRow:
    """An item that was promised, and what became of it; `decision` is what took it out."""

    id: str
    title: str
    kept: Mark
    due: date | None
    delivered_at: datetime | None
    decision: str


@dataclass(frozen=True, slots=True)
class PromisesPage:
    """The snapshot of a period."""

    views: tuple[Tab, ...]
    periods: tuple[Tab, ...]
    headings: tuple[Heading, ...]
    rows: tuple[PromiseRow, ...]
    none_yet: Empty


def routes() -> list[Route]:
    """Return the routes of the roadmap."""
    return [
        *page(_PATH, roadmap, "roadmap"),
        *page(f"{_PATH}/order", order, "roadmap-order"),
        *page(f"{_PATH}/promises", promises, "roadmap-promises"),
    ]


def roadmap(asked: Asked) -> Shown:
    """Show what is now, next and later, and what was decided against."""
    ahead = Ahead(asked)
    told = board_object(ahead.roadmap, ahead.roadmap.board(ahead.own), ahead.objectives)
    parts = tuple(HorizonPart(k, title, tuple(map(_item_row, told[k]))) for k, title in _HORIZONS.items())
    declined = tuple(DeclinedRow(o["id"], o["title"], o["since"], o["because"]) for o in told["not_doing"])
    forms = (Crumb("Markdown", f"{_EXPORT}?format=markdown"), Crumb("CSV", f"{_EXPORT}?format=csv"))
    model = BoardPage(_views(_PATH), forms, _BOARD, parts if any(p.rows for p in parts) else (), declined, _NONE)
    open_ = sum(len(part.rows) for part in parts)
    risks = sum(row.risk is not None for part in parts for row in part.rows)
    sentence = f"{counted(open_, 'open items')} in {told['period']} and after"
    sentence += f", {risks} late or at risk." if risks else "."
    return Shown("pages/roadmap.html", "Roadmap", model, sentence, nav="roadmap")


def order(asked: Asked) -> Shown:
    """Show the open items in their order, and how sure that is."""
    ahead = Ahead(asked)
    ranked, unknown = ahead.ranking()
    rows = tuple(_order_row(ranked_object(ahead.items.work, one, ahead.own)) for one in ranked)
    left = tuple(Crumb(ahead.items.work.title(one), f"/items/{one.id}") for one in unknown)
    model = OrderPage(_views(f"{_PATH}/order"), _ORDER, rows, left, _NO_ORDER)
    sentence = "Reach × impact × confidence ÷ effort, each a range; an order is as sure as it comes out again."
    return Shown("pages/roadmap_order.html", "Order of the roadmap", model, sentence, _CRUMBS, nav="roadmap")


def promises(asked: Asked) -> Shown:
    """Show what stood as promised when a period began, and what became of it.

    Raises:
        FreeholdError: FH-K004 the period is none.
    """
    ahead = Ahead(asked)
    current, zone = ahead.roadmap.current, ahead.roadmap.zone
    wanted = period_named(word, zone) if (word := asked.word("period")) else current
    own, value = ahead.items.all(), ahead.predictability(wanted)
    told = [promise_object(ahead.roadmap, one, own) for one in ahead.roadmap.promises(wanted, own)]
    path = f"{_PATH}/promises"
    tabs = tuple(Tab(p.name, f"{path}?period={p.name}", p.name == wanted.name)
                 for p in reversed(last_periods(current, _PERIODS, zone)))  # fmt: skip
    model = PromisesPage(_views(path), tabs, _PROMISED, tuple(map(_promise_row, told)), _NO_PROMISES)
    told_of = said(value.value, value.unit) if value.value is not None else str(value.state)
    sentence = f"{counted(len(told), 'items')} promised for {wanted}. Predictability: {told_of}."
    return Shown("pages/roadmap_promises.html", "Promises", model, sentence, _CRUMBS, nav="roadmap")


_CRUMBS = (Crumb("Roadmap", _PATH),)


def _views(current: str) -> tuple[Tab, ...]:
    named = {_PATH: "Now, next, later", f"{_PATH}/order": "Order", f"{_PATH}/promises": "Promises"}
    return tuple(Tab(text, href, href == current) for href, text in named.items())


def _item_row(one: Mapping[str, Any]) -> ItemRow:
    risk = Mark("bad", "late") if one["is_late"] else Mark("warn", "at risk") if one["flagged_at"] else None
    return ItemRow(
        one["id"], one["title"], one["product"] or "", one["state"], one["period"] or "", one["due"], risk,
        tuple(one["objectives"]),
    )  # fmt: skip


def _order_row(one: Mapping[str, Any]) -> OrderRow:
    low, high = one["range"]
    reach = "–".join(dict.fromkeys(figure(end) for end in one["reach"]))
    why = f"by {one['decision']}; {one['by_score']} by its score" if one["decision"] else ""
    return OrderRow(
        one["place"], one["id"], one["title"], rough(one["score"]), f"{rough(low)}–{rough(high)}",
        percent(one['keeps_place']), percent(one['in_top']),
        f"{reach} use it" if one["reach_from"] == "usage" else reach, why,
    )  # fmt: skip


def _promise_row(one: Mapping[str, Any]) -> PromiseRow:
    title = one["title"] or one["id"]
    return PromiseRow(one["id"], title, _KEPT[one["kept"]], one["due"], one["delivered_at"], one["decision"] or "")
