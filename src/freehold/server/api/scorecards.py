"""`/api/v1/scorecards`: how far everything is by each rule set, and what is missing, as the page has it."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from fastapi import FastAPI, Query, Request
from pydantic import Field

from freehold.delivery.evaluating import Row
from freehold.rules import Result
from freehold.server.api.model import After, Limit, Strict, asked_by, page_of
from freehold.server.scored import scored

_Word = Annotated[str, Query(max_length=200)]


class MissingRule(Strict):
    """A rule that does not pass."""

    rule: str
    outcome: str = Field(description="failed, or unknown: neither passed nor failed")
    demands: str
    level: str
    weight: float
    deadline: date | None
    remedy: str
    asserted: bool = Field(description="whether it stands on what a person says")


class Scored(Strict):
    """One subject under one rule set."""

    subject: str
    score: float = Field(description="the share of weights that pass, 0 to 1")
    level: str = Field(description="the highest level reached; empty where there is none")
    deadline: date | None = Field(description="the first day by which something that is missing is to pass")
    missing: list[MissingRule]


class ScorecardEntry(Strict):
    """A rule set over its subjects, the one that lacks most first."""

    id: str
    name: str
    score: float
    subjects: list[Scored]


class ScorecardList(Strict):
    """Scorecards in the order of their rule sets."""

    items: list[ScorecardEntry]
    next: str | None = Field(description="the cursor of the next page; null at the end")


def add(app: FastAPI) -> None:
    """Add the endpoint of scorecards."""
    app.get("/scorecards", summary="Scorecards", operation_id="list_scorecards")(_scorecards)


def _scorecards(
    request: Request, product: _Word = "", domain: _Word = "", set: _Word = "", limit: Limit = 100, after: After = ""
) -> ScorecardList:
    """List the scorecards of what the asker may see: of a product, a domain or a rule set alone, where one is named."""
    cards = scored(asked_by(request), product=product, domain=domain, rule_set=set)
    page, more = page_of(cards, lambda card: card.rule_set, after, limit)
    entries = [
        ScorecardEntry(id=c.rule_set, name=c.name, score=c.score, subjects=[_scored(row) for row in c.rows])
        for c in page
    ]
    return ScorecardList(items=entries, next=more)


def _scored(row: Row) -> Scored:
    missing = [_missing(one) for one in row.missing]
    return Scored(subject=row.subject, score=row.score, level=row.level, deadline=row.deadline, missing=missing)


def _missing(one: Result) -> MissingRule:
    rule = one.rule.rule
    return MissingRule(
        rule=one.rule.id, outcome=str(one.outcome), demands=rule.name or rule.check.text, level=one.rule.level,
        weight=rule.weight, deadline=rule.deadline, remedy=one.remedy, asserted=bool(one.asserted),
    )  # fmt: skip
