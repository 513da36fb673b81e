"""A number, explained: what moved it, what befell its data meanwhile, by which definition it is, from which data.

One `Explained` is what the terminal prints, a page shows, and programs and agents are given.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from freehold.delivery.serving import Happened, happenings
from freehold.foundation import FreeholdError
from freehold.metrics.answering import Source
from freehold.metrics.explaining import Step, branch_told, columns_read, steps
from freehold.metrics.expressions import condition
from freehold.metrics.fingerprint import definition_hash, sources_of
from freehold.metrics.moving import Movement, Part, movement
from freehold.metrics.query import asked
from freehold.metrics.rollups.use import told
from freehold.metrics.telling import in_part, unit_in_data

if TYPE_CHECKING:
    from collections.abc import Sequence

    from freehold.delivery.service import Delivery
    from freehold.metrics import Answerer, Compiled
    from freehold.metrics.model import Metric

Stretch = tuple[datetime, datetime]

_PERIODS = ("month", "day", "week", "quarter", "year")  # in the order in which they are tried


@dataclass(frozen=True, slots=True)
class Made:
    """How a metric comes to be: its formula, the passes over rows, the data and columns it is read from, the SQL."""

    metric: Metric
    definition: str
    formula: tuple[Step, ...]
    passes: tuple[str, ...]
    sources: tuple[Source, ...]
    rollups: tuple[str, ...]
    columns: tuple[str, ...]
    sql: str
    policies: tuple[str, ...] = ()  # those by which the reader sees not all of it

    def to_json(self) -> dict[str, Any]:
        """Return it for machines."""
        words = dict(self.metric.words)
        if "unit" in words:
            words["unit"] = unit_in_data(words["unit"])
        return {
            "metric": self.metric.id,
            "status": self.metric.status,
            "words": words,
            "definition": self.definition,
            "file": str(self.metric.where),
            "formula": [{"depth": s.depth, "metric": s.metric.name, "is": s.formula} for s in self.formula],
            "passes": list(self.passes),
            "sources": [
                {"asset": s.name, "version": s.version or None, "state": s.state, "data_until": s.data_until,
                 "published_at": s.published_at, "reasons": s.reasons}
                for s in self.sources
            ],
            "rollups": list(self.rollups),
            "columns": list(self.columns),
            "sql": self.sql,
            "policies": list(self.policies),
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Explained:
    """A metric and how it comes to be; with a stretch of time, also why it moved against the one before.

    `reaches_to` is how far its data reaches, where that is not to the end of the stretch; `begins_at` is the first day
    there is data of, where the one before begins earlier.
    """

    made: Made
    before: Stretch | None = None
    after: Stretch | None = None
    movement: Movement | None = None
    happened: tuple[Happened, ...] = ()
    reaches_to: datetime | None = None
    begins_at: date | None = None

    @property
    def notes(self) -> tuple[str, ...]:
        """What has to be known beside the number: that it is a part, or that a stretch is not whole."""
        told = [in_part(self.made.policies)]
        if self.reaches_to is not None:
            until = f"{self.reaches_to:%d %b %Y %H:%M}"
            told.append(f"This period is not over: data up to {until}. It is compared with all of the one before.")
        if self.begins_at is not None and self.before is not None:
            start, end = self.before
            there = max(0, (end.date() - self.begins_at).days)
            first = f"data begins {self.begins_at:%d %b %Y}, so it has {there} of its {(end - start).days} days"
            told.append(f"What it is compared with is not whole: {first}.")
        return tuple(filter(None, told))

    def to_json(self) -> dict[str, Any]:
        """Return it for machines."""
        if self.movement is None or self.before is None or self.after is None:
            return self.made.to_json() | {"notes": list(self.notes)}
        moved = {
            "moved": moved_as_json(self.movement, self.before, self.after),
            "happened": [str(one) for one in self.happened],
            "reaches_to": self.reaches_to,
            "begins_at": self.begins_at,
            "notes": list(self.notes),
        }
        return moved | self.made.to_json()


def explained(
    answerer: Answerer,
    delivery: Delivery,
    metric: Metric,
    stretches: tuple[Stretch, Stretch] | None = None,
    *,
    where: str | None = None,
    by: Sequence[str] = (),
) -> Explained:
    """Explain a metric; with `stretches`, the one before and the one to explain, why it moved.

    Args:
        answerer: asks as whoever it is explained to.
        delivery: knows what was deployed and held.
        metric: what to explain.
        stretches: each the first instant, and the first one no longer in it.
        where: a condition on rows that holds for both.
        by: what to take the change apart by; default: fields of few values.

    Raises:
        FreeholdError: FH-N… the metric has no one right answer so; FH-E… what the warehouse says.
    """
    start, end = stretches[1] if stretches else (None, None)
    by_time = _period_needed(answerer, metric) if stretches is None else []
    query = asked([metric.id], by_time, where=where, start=start, end=end)
    made = made_of(answerer, metric, answerer.compile(query))
    if by:  # refused by its names whether or not there is a change to take apart
        answerer.compile(asked([metric.id], [*by_time, *by], where=where, start=start, end=end))
    if stretches is None:
        return Explained(made)
    narrowed = condition(where, "the condition") if where else None
    sources = sources_of(answerer.catalogue, metric)
    return Explained(
        made,
        *stretches,
        movement(answerer, metric, *stretches, where=narrowed, by=by),
        tuple(happenings(delivery, sources, stretches[0][0], stretches[1][1])),
        _reach(answerer, sources, stretches[1][1]),
        _beginning(answerer, metric, stretches, where),
    )


def made_of(answerer: Answerer, metric: Metric, made: Compiled) -> Made:
    """Return how a metric comes to be in a question that is compiled."""
    catalogue = answerer.catalogue
    return Made(
        metric=metric,
        definition=definition_hash(catalogue, metric),
        formula=tuple(steps(catalogue, metric)),
        passes=tuple(branch_told(catalogue, b) for b in made.lowered.branches.values()),
        sources=tuple(answerer.source(d) for d in made.datasets),
        rollups=tuple(told(made.uses)),
        columns=tuple(columns_read(catalogue, made)),
        sql=made.pretty(),
        policies=answerer.restrictions(made.datasets),
    )


def _period_needed(answerer: Answerer, metric: Metric) -> list[str]:
    """Return the period by which a metric can be asked for at all, as one that goes back in time; none for most."""
    for by in ([], *([period] for period in _PERIODS)):
        try:
            answerer.compile(asked([metric.id], by))
        except FreeholdError:
            continue
        return by
    return []  # it has no value in any way; who asks is told why


def _beginning(
    answerer: Answerer, metric: Metric, stretches: tuple[Stretch, Stretch], where: str | None
) -> date | None:
    """Return the first day with a value, where it comes after the beginning of the stretch before."""
    (start, _), (_, end) = stretches
    try:
        first = _first_day(answerer, metric, where, end) or _first_day(answerer, metric, where, None)
    except FreeholdError as error:
        if error.code.startswith("FH-E"):
            raise
        return None  # it has no values by day
    return first if first is not None and first > start.date() else None


def _first_day(answerer: Answerer, metric: Metric, where: str | None, end: datetime | None) -> date | None:
    table = answerer.answer(asked([metric.id], ["day"], where=where, end=end)).table
    rows = zip(*(column.to_pylist() for column in table.columns), strict=True)
    first = min((day for day, value in rows if day is not None and value is not None), default=None)
    return first.date() if isinstance(first, datetime) else first


def _reach(answerer: Answerer, sources: Sequence[str], end: datetime) -> datetime | None:
    datasets = [d for m in answerer.catalogue.models.values() for d in m.datasets.values()]
    ends = [answerer.source(d).data_until for d in datasets if d.source in sources]
    until = min((end.replace(tzinfo=None) for end in ends if end), default=None)
    return until if until is not None and until < end else None


def moved_as_json(moved: Movement, before: Stretch, after: Stretch) -> dict[str, Any]:
    """Return a change for machines: both stretches, what is to blame, and the slices of each key."""
    return {
        "before": {"from": before[0], "to": before[1], "value": moved.before},
        "after": {"from": after[0], "to": after[1], "value": moved.after},
        "change": moved.change if moved.is_comparable else None,
        "trend": moved.trend,
        "causes": [_part(p) | {"own": p.own, "share": moved.share(p)} for p in moved.causes],
        "across": moved.across,
        "mix": moved.mix,
        "rest": moved.rest if moved.causes else None,
        "by": {name: [_part(p) for p in parts] for name, parts in moved.keys},
        "why_not": moved.why_not or None,
    }


def _part(one: Part) -> dict[str, Any]:
    told: dict[str, Any] = {"slice": dict(one.values), "before": one.before, "after": one.after}
    return told | {"effect": one.effect, "mix": one.mix}
