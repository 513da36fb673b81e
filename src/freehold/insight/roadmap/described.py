"""The roadmap as objects of JSON: the same for programs, for the command line, for exports and for pages."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from freehold.insight.roadmap.board import Board, Horizon, Planning, Promise
from freehold.insight.roadmap.estimating import PARTS
from freehold.work.linking import CONTRIBUTES_TO, OF_OBJECTIVES

if TYPE_CHECKING:
    from datetime import date, datetime

    from freehold.insight.roadmap.ranking import Range, Ranked
    from freehold.insight.roadmap.roadmap import Roadmap
    from freehold.work import Item, Work

_TICK = timedelta(microseconds=1)


def board_object(of: Roadmap, one: Board, objectives: Collection[str]) -> dict[str, Any]:
    """Return the roadmap: items by horizon, and those decided against, with why. `due` is the last day in time."""
    return {
        "period": one.current.name,
        **{str(horizon): [_planning(of, p, objectives) for p in one.of(horizon)] for horizon in Horizon},
        "not_doing": [not_doing_object(of.work, item) for item in one.not_doing],
    }


def _planning(of: Roadmap, one: Planning, objectives: Collection[str]) -> dict[str, Any]:
    item, work = one.item, of.work
    return {
        "id": item.id, "title": work.title(item), "state": item.state, "product": item.product or None,
        "period": one.period or None,
        "due": last_day(one.due, of.zone), "due_at": one.due, "is_late": one.is_late, "flagged_at": one.flagged_at,
        "outcome": item.fields.get("outcome"), "objectives": list(objectives_of(item, objectives)),
    }  # fmt: skip


def not_doing_object(work: Work, item: Item) -> dict[str, Any]:
    """Return an item that was decided against, since when, and why; empty where that was erased."""
    last = item.history[-1]
    because = str(work.texts(item).get("because") or work.words(last.note))
    return {
        "id": item.id, "title": work.title(item), "product": item.product or None, "since": last.since,
        "because": because,
    }  # fmt: skip


def objectives_of(item: Item, objectives: Collection[str]) -> tuple[str, ...]:
    """Return the objectives, of some, that an item contributes to."""
    named = (link.target.removeprefix(OF_OBJECTIVES) for link in item.links if link.rel == CONTRIBUTES_TO)
    return tuple(dict.fromkeys(id_ for id_ in named if id_ in objectives))


def promise_object(of: Roadmap, one: Promise, items: Iterable[Item]) -> dict[str, Any]:
    """Return a promise of a period, and what became of it."""
    item = next((item for item in items if item.id == one.item), None)
    return {
        "id": one.item, "title": of.work.title(item) if item else None,
        "due": last_day(one.due, of.zone), "due_at": one.due, "kept": str(one.kept),
        "delivered_at": one.delivered_at, "decision": one.decision or None,
    }  # fmt: skip


def last_day(due: datetime | None, zone: str) -> date | None:
    """Return the last day on which something is delivered in time that is due by a moment."""
    return (due - _TICK).astimezone(ZoneInfo(zone)).date() if due else None


def ranked_object(work: Work, one: Ranked, items: Iterable[Item]) -> dict[str, Any]:
    """Return an item in the order, with its estimate, the range of its score, and how surely it keeps its place."""
    item = next(item for item in items if item.id == one.item)
    of = one.estimate
    return {
        "id": one.item, "title": work.title(item), "product": item.product or None, "place": one.place,
        "by_score": one.by_score, "decision": one.decision or None, "score": of.middle, "range": _pair(of.score),
        **{part: _pair(getattr(of, part)) for part in PARTS}, "reach_from": "usage" if of.is_reach_used else "estimate",
        "keeps_place": one.keeps, "in_top": one.top,
    }  # fmt: skip


def _pair(one: Range) -> list[float]:
    return [one.low, one.high]
