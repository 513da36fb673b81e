"""`/api/v1/postmortems`: what is owed after incidents, what was agreed on, incidents alike, the missing guardrail."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import FastAPI, Path, Query, Request
from pydantic import Field

from freehold.server.api.model import Strict, asked_by
from freehold.server.incidents import Incidents
from freehold.server.learning import Learning

_Id = Annotated[str, Path(max_length=100)]


class ActionItem(Strict):
    """What was agreed on after an incident."""

    item: str = Field(description="its id")
    title: str
    state: str
    owner: str | None
    due: str | None = Field(description="the day by which it is done")
    is_late: bool


class PostmortemItem(Strict):
    """The postmortem of an incident."""

    incident: str
    sev: int | None
    root: str | None
    product: str | None
    state: Literal["owed", "overdue", "published", "learned"] = Field(
        description="`learned`: the incident ended as learned from, and nobody signed a postmortem of it"
    )
    owner: str | None = Field(description="the team that answers")
    due_at: datetime | None = Field(description="by when it is to be published; null once it is over")
    is_late: bool
    actions: list[ActionItem]


class PostmortemList(Strict):
    """Postmortems, what is due first."""

    items: list[PostmortemItem]


class SimilarItem(Strict):
    """An incident that is like another."""

    incident: str
    opened_at: datetime
    root: str | None
    score: float
    factors: dict[str, float] = Field(description="place, cause, symptom, columns: shares of what both have")
    mended: list[str] = Field(description="what was done about it, and what showed that it was over")


class Lessons(Strict):
    """What one incident taught."""

    postmortem: PostmortemItem | None = Field(description="null where none is owed")
    similar: list[SimilarItem] = Field(description="the most like it first, five at most")
    guardrail: dict[str, Any] | None = Field(
        description="the rule that would have told it, with its diff; null where there is none, or figures are hidden"
    )


def add(app: FastAPI) -> None:
    """Add the routes of postmortems."""
    app.get("/postmortems", summary="Postmortems", operation_id="list_postmortems")(_postmortems)
    app.get("/postmortems/{id}", summary="What an incident taught", operation_id="get_postmortem")(_lessons)


def _postmortems(request: Request, kind: Annotated[Literal["owed", "all"], Query()] = "owed") -> PostmortemList:
    """List postmortems, what is due first: those that are owed, or all."""
    found = Learning(asked_by(request)).postmortems
    return PostmortemList(
        items=[PostmortemItem(**one.to_json()) for one in found if kind == "all" or one.is_owed]
    )  # fmt: skip


def _lessons(request: Request, id: _Id) -> Lessons:
    """Tell what an incident taught: its id after the stroke, or the end of it."""
    asked = asked_by(request)
    one, there = Incidents(asked).get(id), Learning(asked)
    owed, guardrail = there.postmortem(one.id), there.guardrail(one.id)
    return Lessons(
        postmortem=PostmortemItem(**owed.to_json()) if owed is not None else None,
        similar=[SimilarItem(**each.to_json()) for each in there.similar(one.id)],
        guardrail=guardrail.to_json() if guardrail is not None else None,
    )
