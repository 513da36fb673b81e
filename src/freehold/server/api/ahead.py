"""`/api/v1/objectives`, `/decisions` and `/roadmap`: what is to be reached, what was decided, what is promised."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal

from fastapi import FastAPI, Path, Query, Request, Response

from freehold.insight import period_named
from freehold.insight.objectives import linked_items, objective_object
from freehold.insight.roadmap import as_csv, as_markdown, board_object, promise_object, ranked_object
from freehold.server.ahead import Ahead
from freehold.server.api.model import After, Id, Limit, Strict, asked_by, page_of
from freehold.work.decisions import decision_named, decision_object

_Grain = Annotated[
    Literal["week", "month", "quarter", "year"], Query(alias="by", description="how long now and next are")
]
_Period = Annotated[str, Path(max_length=40, description="2011-Q2, 2011-04")]


class KeyResultItem(Strict):
    """A key result as it was measured last; figures are in the unit of its metric, `progress` is a share of the way."""

    id: str
    metric: str
    where: str | None
    owner: str | None
    start: float
    target: float
    by: date
    now: float | None
    progress: float | None
    elapsed: float
    state: str
    measured_at: datetime | None
    data_until: datetime | None


class ObjectiveItem(Strict):
    """An objective with its key results."""

    id: str
    name: str
    description: str | None
    owner: str | None
    period: str
    starts: datetime
    ends: datetime
    key_results: list[KeyResultItem]


class ObjectiveDetail(ObjectiveItem):
    """An objective with the work items that contribute to it."""

    items: list[str]
    withheld: str | None


class ObjectiveList(Strict):
    """Objectives, in the order of their ids."""

    items: list[ObjectiveItem]
    next: str | None


class DecisionItem(Strict):
    """A decision, without its text."""

    id: str
    title: str
    status: str
    date: date
    deciders: list[str]
    consulted: list[str]
    informed: list[str]
    concerns: list[str]
    settles: list[str]
    supersedes: list[str]
    superseded_by: str | None
    where: str


class DecisionDetail(DecisionItem):
    """A decision with its text, as Markdown."""

    text: str


class DecisionList(Strict):
    """Decisions, in the order of their ids."""

    items: list[DecisionItem]
    next: str | None


class RoadmapEntry(Strict):
    """An open item of the roadmap; `due` is the last day that is in time."""

    id: str
    title: str
    state: str
    product: str | None
    period: str | None
    due: date | None
    due_at: datetime | None
    is_late: bool
    flagged_at: datetime | None
    outcome: str | None
    objectives: list[str]


class DeclinedEntry(Strict):
    """An item that was decided against, and why; empty where that was erased."""

    id: str
    title: str
    product: str | None
    since: datetime
    because: str


class RoadmapDetail(Strict):
    """The roadmap as it stands; `period` is the one that runs."""

    period: str
    now: list[RoadmapEntry]
    next: list[RoadmapEntry]
    later: list[RoadmapEntry]
    not_doing: list[DeclinedEntry]


class PromiseEntry(Strict):
    """An item that stood as promised when the period began, and what became of it."""

    id: str
    title: str | None
    due: date | None
    due_at: datetime
    kept: str
    delivered_at: datetime | None
    decision: str | None


class PeriodDetail(Strict):
    """What was promised for a period, and how predictable delivery of the whole estate was in it."""

    period: str
    promises: list[PromiseEntry]
    predictability: float | None
    state: str
    n: int


class RankedEntry(Strict):
    """An item in the order: its estimate, the range of its score, in how many draws it keeps its place."""

    id: str
    title: str
    product: str | None
    place: int
    by_score: int
    decision: str | None
    score: float
    range: list[float]
    reach: list[float]
    impact: list[float]
    confidence: list[float]
    effort: list[float]
    reach_from: str
    keeps_place: float
    in_top: float


class Ranking(Strict):
    """The open items in their order, and those that nobody estimated."""

    items: list[RankedEntry]
    not_estimated: list[str]


def add(app: FastAPI) -> None:
    """Add the endpoints of what lies ahead."""
    app.get("/objectives", summary="Objectives", operation_id="list_objectives")(_objectives)
    app.get("/objectives/{id}", summary="An objective", operation_id="get_objective")(_objective)
    app.get("/decisions", summary="Decisions", operation_id="list_decisions")(_decisions)
    app.get("/decisions/{id}", summary="A decision", operation_id="get_decision")(_decision)
    app.get("/roadmap", summary="The roadmap", operation_id="get_roadmap")(_roadmap)
    app.get(
        "/roadmap/export", summary="The roadmap as a file", operation_id="export_roadmap", response_class=Response,
        responses={200: {"content": {media: {} for media, _ in _FORMATS.values()}, "description": "the roadmap"}},
    )(_export)  # fmt: skip
    app.get("/roadmap/ranking", summary="The order of items", operation_id="rank_roadmap")(_ranking)
    app.get("/roadmap/periods/{period}", summary="Promises of a period", operation_id="get_promises")(_promises)


_FORMATS = {"markdown": ("text/markdown", "md"), "csv": ("text/csv", "csv")}  # each with its media type and ending


def _objectives(request: Request, limit: Limit = 100, after: After = "") -> ObjectiveList:
    """List the objectives, each with how far its key results have come by their last measure."""
    ahead = Ahead(asked_by(request))
    stood = ahead.standings()
    page, more = page_of(sorted(ahead.objectives.values(), key=lambda one: one.id), lambda one: one.id, after, limit)
    return ObjectiveList(items=[ObjectiveItem(**objective_object(one, stood[one.id])) for one in page], next=more)


def _objective(request: Request, id: Id) -> ObjectiveDetail:
    """Return an objective."""
    ahead = Ahead(asked_by(request))
    one = ahead.objective(id)
    items = [item.id for item in linked_items(one.id, ahead.items.all())]
    told = objective_object(one, ahead.standings()[one.id])
    return ObjectiveDetail(**told, items=items, withheld=ahead.withheld or None)


def _decisions(request: Request, limit: Limit = 100, after: After = "") -> DecisionList:
    """List the decisions that the asker may read."""
    found = list(Ahead(asked_by(request)).decisions.values())
    page, more = page_of(found, lambda one: one.id, after, limit)
    return DecisionList(items=[DecisionItem(**decision_object(one)) for one in page], next=more)


def _decision(request: Request, id: Id) -> DecisionDetail:
    """Return a decision."""
    one = decision_named(Ahead(asked_by(request)).decisions, id)
    return DecisionDetail(**decision_object(one), text=one.text)


def _roadmap(request: Request, grain: _Grain = "quarter") -> RoadmapDetail:
    """Return what is now, next and later, and what was decided against."""
    return RoadmapDetail(**_told(request, grain))


def _export(
    request: Request,
    format: Annotated[Literal["markdown", "csv"], Query(description="as Markdown or CSV")] = "markdown",
    grain: _Grain = "quarter",
) -> Response:
    """Return the roadmap as a file."""
    told, name = _told(request, grain), asked_by(request).snapshot.estate.name
    text = as_csv(told) if format == "csv" else as_markdown(told, name)
    media, ending = _FORMATS[format]
    named = {"Content-Disposition": f'attachment; filename="roadmap-{told["period"]}.{ending}"'}
    return Response(text, media_type=f"{media}; charset=utf-8", headers=named)


def _told(request: Request, grain: str) -> dict[str, Any]:
    ahead = Ahead(asked_by(request), grain)
    return board_object(ahead.roadmap, ahead.roadmap.board(ahead.own), ahead.objectives)


def _ranking(request: Request) -> Ranking:
    """Return the open items in their order (RICE with ranges); a decision may have given one another place."""
    ahead = Ahead(asked_by(request))
    order, unknown = ahead.ranking()
    told = [RankedEntry(**ranked_object(ahead.items.work, one, ahead.own)) for one in order]
    return Ranking(items=told, not_estimated=[one.id for one in unknown])


def _promises(request: Request, period: _Period) -> PeriodDetail:
    """Return what stood as promised when a period began, and what became of it."""
    ahead = Ahead(asked_by(request))
    wanted = period_named(period, ahead.roadmap.zone)
    own, value = ahead.items.all(), ahead.predictability(wanted)
    told = [PromiseEntry(**promise_object(ahead.roadmap, one, own)) for one in ahead.roadmap.promises(wanted, own)]
    return PeriodDetail(
        period=wanted.name, promises=told, predictability=value.value, state=str(value.state), n=value.n
    )
