"""Objectives as their files have them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from freehold.foundation import Exit, FreeholdError, Where, near
from freehold.insight.periods import Period, period_named

if TYPE_CHECKING:
    from freehold.estate.model import Estate, Resource

KIND = "Objective"


@dataclass(frozen=True, slots=True)
class KeyResult:
    """A metric on its way from `start` to `target`, `by` a day.

    Attributes:
        metric: a KPI, or a metric of the estate.
        where: which of its rows; None: all.
        days: how many days up to now a metric of the estate is asked for; None: the objective's period so far.
    """

    id: str
    metric: str
    start: float
    target: float
    by: date
    owner: str
    where: str | None = None
    days: int | None = None

    def progress(self, now: float) -> float:
        """Return how much of the way from start to target has been come: 1 is all of it, below 0 is the wrong way."""
        return (now - self.start) / (self.target - self.start)


@dataclass(frozen=True, slots=True)
class Investment:
    """What was put into an objective: the `benefit` is the key result that was promised for it.

    Attributes:
        made: the day from which the days of `reviews` are counted.
        reviews: after how many days the benefit is held against what was promised.
        decision: the id of the decision by which it was made; empty where none is said.
    """

    made: date
    benefit: KeyResult
    reviews: tuple[int, ...] = (90, 180)
    cost: float | None = None
    currency: str = ""
    decision: str = ""


@dataclass(frozen=True, slots=True)
class Objective:
    """What is to be reached in a period, and by which key results that is seen."""

    id: str
    where: Where
    name: str
    period: Period
    key_results: tuple[KeyResult, ...]
    owner: str = ""
    description: str = ""
    investment: Investment | None = None


def objectives_of(estate: Estate) -> Mapping[str, Objective]:
    """Return the objectives of an estate by id, in the order of when they end.

    Raises:
        FreeholdError: FH-K004 the period of one is none.
    """
    zone = str(estate.defaults.get("timezone", "UTC"))
    found = [objective_of(one, zone) for one in estate.resources_of(KIND)]
    return {one.id: one for one in sorted(found, key=lambda one: (one.period.end, one.id))}


def cases_of(estate: Estate) -> Mapping[str, Objective]:
    """Return the investment cases of an estate by id: the objectives that say what was put into them.

    Raises:
        FreeholdError: FH-K004 the period of one is none.
    """
    return {id_: one for id_, one in objectives_of(estate).items() if one.investment is not None}


def objective_named(objectives: Mapping[str, Objective], id: str) -> Objective:
    """Return an objective by its id.

    Raises:
        FreeholdError: FH-W411 there is none.
    """
    if id not in objectives:
        fix = near(id, objectives) or "`freehold objectives` has those there are."
        raise FreeholdError("FH-W411", f"There is no objective `{id:.80}`.", fix=fix, exit_code=Exit.USAGE)
    return objectives[id]


def objective_of(resource: Resource, zone: str) -> Objective:
    """Return the objective that a valid file holds; its days begin in a time zone.

    Raises:
        FreeholdError: FH-K004 its period is none.
    """
    spec, metadata = resource.spec, resource.metadata
    period = period_named(str(spec["period"]), zone)
    last = (period.end.astimezone(ZoneInfo(zone)) - timedelta(microseconds=1)).date()
    owner = str(metadata.get("owner") or "")
    key_results = tuple(_key_results(spec["key_results"], last, owner))
    return Objective(
        id=resource.id,
        where=resource.where,
        name=str(metadata.get("name") or resource.id),
        period=period,
        key_results=key_results,
        owner=owner,
        description=str(metadata.get("description") or ""),
        investment=_investment(spec["investment"], key_results) if "investment" in spec else None,
    )


def _investment(said: Mapping[str, Any], key_results: tuple[KeyResult, ...]) -> Investment:
    wanted = said.get("benefit")
    return Investment(
        made=date.fromisoformat(said["made"]),
        benefit=next((one for one in key_results if one.id == wanted), key_results[0]),
        reviews=tuple(sorted(said.get("reviews", (90, 180)))),
        cost=float(said["cost"]) if "cost" in said else None,
        currency=str(said.get("currency", "")),
        decision=str(said.get("decision", "")),
    )


def _key_results(said: list[Mapping[str, Any]], last: date, owner: str) -> Iterator[KeyResult]:
    for one in said:
        yield KeyResult(
            id=str(one.get("id", one["metric"])),
            metric=one["metric"],
            start=float(one["start"]),
            target=float(one["target"]),
            by=date.fromisoformat(one["by"]) if "by" in one else last,
            owner=str(one.get("owner") or owner),
            where=one.get("where"),
            days=one.get("days"),
        )
