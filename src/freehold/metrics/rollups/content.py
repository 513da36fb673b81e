"""What a rollup holds: its keys, the parts of its metrics that add up, and the query that builds it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from sqlglot import exp

from freehold.foundation import FreeholdError
from freehold.metrics.catalogue import Catalogue
from freehold.metrics.dialects import finished
from freehold.metrics.expressions import aggregate_of
from freehold.metrics.lowering import Aggregate, Branch, lower
from freehold.metrics.model import TIME_TYPES, Field, Model, Rollup
from freehold.metrics.paths import Place, listed, place_of, time_of
from freehold.metrics.query import Key, Query
from freehold.metrics.rollups.parts import DoesNotAddUpError, Names, Part, columns_read, parts_of_aggregate
from freehold.metrics.rows import Rows, Scope

_ROWS = "row_count"


@dataclass(frozen=True, slots=True)
class Dimension:
    """A key of a rollup that is a field; with a `grain`, the start of the period its value lies in."""

    column: str
    key: Key
    place: Place

    @property
    def grain(self) -> str | None:
        """The period its values are cut to; None where they are kept as they are."""
        return self.key.grain


@dataclass(frozen=True, slots=True)
class Measure:
    """A part of a metric under the name of its column; `aggregate` computes it, over rows that pass its filters."""

    column: str
    part: Part
    aggregate: Aggregate
    places: tuple[Place, ...]


@dataclass(frozen=True, slots=True)
class Counted:
    """A column that counts the rows that meet filters; `aggregate` computes it."""

    column: str
    filters: frozenset[exp.Expr]
    aggregate: Aggregate


@dataclass(frozen=True, slots=True)
class Content:
    """What a rollup holds. `time` is the column of the period `grain`, both empty where it is by no time.

    `counts` count the rows behind each of its own, under each set of filters that a measure has; the first counts all.
    """

    rollup: Rollup
    model: Model
    fact: str
    time: str
    grain: str
    dimensions: tuple[Dimension, ...]
    measures: tuple[Measure, ...]
    counts: tuple[Counted, ...]

    @property
    def names(self) -> Names:
        """Names as its fact sees them."""
        return Names(self.model, self.fact)

    @property
    def datasets(self) -> tuple[str, ...]:
        """The datasets it is built from, its fact first."""
        moment = time_of(self.model, self.fact) if self.time else None
        counted = (place for one in self.counts for place in self.names.places(one.aggregate.filters))
        measured = (place for one in self.measures for place in one.places)
        keys = (one.place for one in self.dimensions)
        return tuple(columns_read(self.model, self.fact, (*([moment] if moment else ()), *keys, *measured, *counted)))

    @property
    def columns(self) -> tuple[str, ...]:
        """Its columns in order: keys first."""
        keys = ((self.time,) if self.time else ()) + tuple(d.column for d in self.dimensions)
        return tuple(dict.fromkeys((*keys, *(c.column for c in self.counts), *(m.column for m in self.measures))))


def content_of(catalogue: Catalogue, rollup: Rollup) -> Content:
    """Return what a rollup holds.

    Raises:
        FreeholdError: FH-N602 a metric does not add up; FH-N603 its metrics are over rows of several datasets; FH-N604
            nobody says of what type a time is; FH-N107 and FH-N3xx for names.
    """
    try:
        return _content(catalogue, rollup)
    except FreeholdError as error:
        told = f"The rollup `{rollup.name}`" in error.problem
        problem = error.problem if told else f"The rollup `{rollup.name}` cannot be built. {error.problem}"
        raise FreeholdError(error.code, problem, where=rollup.where, fix=error.fix) from error


def _content(catalogue: Catalogue, rollup: Rollup) -> Content:
    names = tuple(catalogue.metric(name, within=rollup.model).id for name in rollup.metrics)
    branches = lower(catalogue, Query(names)).branches
    for branch in branches.values():
        _expect_plain(rollup, branch)
    facts = list(dict.fromkeys((shape.model, shape.fact) for shape in branches))
    if len(facts) != 1 or facts[0][0] != rollup.model:
        told = listed(f"{fact}" if model == rollup.model else f"{model}.{fact}" for model, fact in facts)
        raise FreeholdError(
            "FH-N603", f"The metrics of the rollup `{rollup.name}` are over rows of {told}.",
            fix="Declare a rollup for each: a question about several reads several.",
        )  # fmt: skip
    model, fact = catalogue.models[rollup.model], facts[0][1]
    grain = next((key.grain or "" for key in rollup.by if key.is_time), "")
    if grain:
        moment = _time_of(model, fact)
        _expect_told(rollup, moment.dataset, moment.field)
    taken = _Columns(_ROWS, grain)
    dimensions = tuple(_dimensions(rollup, model, fact, taken))
    asked = [one for branch in branches.values() for one in branch.aggregates]
    counts = {frozenset[exp.Expr](): _counting(_ROWS, frozenset(), ())}
    measures = tuple(_measures(rollup, Names(model, fact), asked, taken, counts))
    return Content(rollup, model, fact, grain, grain, dimensions, measures, tuple(counts.values()))


class _Columns:
    """Names of columns, each given once."""

    def __init__(self, *taken: str) -> None:
        self._taken = set(taken)

    def free(self, wanted: str) -> str:
        """Return a name that is not taken yet, like the one wanted, and take it."""
        plain = re.sub(r"\W+", "_", wanted).lower().strip("_")
        found = next(n for i in range(1, 10_000) if (n := plain if i == 1 else f"{plain}_{i}") not in self._taken)
        self._taken.add(found)
        return found


def _time_of(model: Model, fact: str) -> Place:
    found, dataset = time_of(model, fact), model.datasets[fact]
    if found is None:
        raise FreeholdError(
            "FH-N304", f"The rows of `{fact}` have no time.", where=dataset.where,
            fix=f"Say `time:` of the dataset `{fact}`: the field that dates its rows.",
        )  # fmt: skip
    return found


def _expect_told(rollup: Rollup, dataset: str, field: Field) -> None:
    """Refuse a time whose type no file tells: periods would be cut blindly, and the warehouse may know better."""
    if field.type not in TIME_TYPES:
        raise FreeholdError(
            "FH-N604", f"The rollup `{rollup.name}` goes by `{dataset}.{field.name}`, and no file tells its type.",
            fix="Say `datatype:` of the field (Date, DateTime or DateTimeTz), or describe it in a contract.",
        )  # fmt: skip


def _expect_plain(rollup: Rollup, branch: Branch) -> None:
    """Refuse what is more than aggregates over rows. A stretch of time is none: it is added up over periods."""
    shape, metric = branch.shape, branch.aggregates[0].metric
    kinds = {"a balance": shape.snapshot, "a conversion": shape.conversion, "over values and not over rows": shape.each}
    what = next((name for name, kind in kinds.items() if kind is not None), "")
    if what:
        raise _not_additive(rollup, metric, f"it is {what}, which is no sum of its parts")


def _not_additive(rollup: Rollup, metric: str, why: str) -> FreeholdError:
    return FreeholdError(
        "FH-N602", f"The rollup `{rollup.name}` cannot hold `{metric}`: {why}.",
        fix="Take the metric out; sums, counts, least and greatest values, averages and ratios of such can be held.",
    )  # fmt: skip


def _dimensions(rollup: Rollup, model: Model, fact: str, taken: _Columns) -> Iterator[Dimension]:
    seen: set[tuple[object, ...]] = set()
    for key in rollup.by:
        if key.is_time:
            continue
        place = place_of(model, fact, key.parts)
        if key.grain is not None:
            _expect_told(rollup, place.dataset, place.field)
        identity = (place.path, place.field.name, key.grain)
        if identity not in seen:
            seen.add(identity)
            yield Dimension(taken.free(key.text), key, place)


def _measures(
    rollup: Rollup,
    names: Names,
    asked: Iterable[Aggregate],
    taken: _Columns,
    counts: dict[frozenset[exp.Expr], Counted],
) -> Iterator[Measure]:
    """Yield each part of the metrics once; what counts rows under each set of filters is added to `counts`."""
    known: set[Part] = set()
    for one in asked:
        try:
            parts = parts_of_aggregate(names, one.node, one.filters)
        except DoesNotAddUpError as error:
            raise _not_additive(rollup, one.metric, str(error)) from error
        for part, aggregate in zip(parts, _each_part(one, parts), strict=True):
            if part.filters not in counts:
                counts[part.filters] = _counting(taken.free(f"{one.metric}_rows"), part.filters, one.filters)
            if part in known or part.is_of_rows:
                continue
            known.add(part)
            column = taken.free(_called(names.model, one, part, parts))
            yield Measure(column, part, replace(aggregate, alias=column), names.places((one.node, *one.filters)))


def _called(model: Model, one: Aggregate, part: Part, parts: Sequence[Part]) -> str:
    """Return what a column is called: as the metric that it is, or as the part of it that it holds."""
    metric = model.metrics.get(one.metric)
    is_whole = len(parts) == 1 and metric is not None and aggregate_of(metric.expression) is not None
    return one.metric if is_whole else f"{one.metric}_{part.op}"


def _counting(column: str, filters: frozenset[exp.Expr], said: tuple[exp.Expr, ...]) -> Counted:
    """Return a column that counts rows; `said` are the filters as they stand in the files."""
    return Counted(column, filters, Aggregate(column, exp.Count(this=exp.Star()), said, column))


def _each_part(one: Aggregate, parts: tuple[Part, ...]) -> Iterator[Aggregate]:
    """Yield the aggregates that compute the parts of one: itself, or the sum and the count behind a mean."""
    if len(parts) == 1:
        yield one
        return
    inner = one.node.this if isinstance(one.node, exp.Filter) else one.node
    for kind in (exp.Sum, exp.Count):
        part: exp.Expr = kind(this=inner.this.copy())
        if isinstance(one.node, exp.Filter):
            part = exp.Filter(this=part, expression=one.node.expression.copy())
        yield replace(one, node=part)


def rollup_query(scope: Scope, content: Content) -> exp.Select:
    """Return the query that builds a rollup: one row for each group of rows, groups of unknown keys among them."""
    from freehold.metrics.branches import aggregates, grouped

    rows = Rows(scope, Query(()), content.model, content.fact)
    columns: list[tuple[str, exp.Expr]] = []
    if content.time:
        columns.append((content.time, rows.bucket(content.grain)))
    columns += [(one.column, rows.key(one.key)) for one in content.dimensions]
    keys = len(columns)
    computed = (*(c.aggregate for c in content.counts), *(m.aggregate for m in content.measures))
    columns += aggregates(rows, computed, ())
    selected = [exp.alias_(value, name, quoted=True, copy=False) for name, value in columns]
    made = grouped(rows.select(*selected), keys, 1)
    finished(made, scope.dialect)
    return made


def groups_query(scope: Scope, content: Content) -> exp.Select:
    """Return the query that counts the rows a rollup would have, without building it."""
    rows = Rows(scope, Query(()), content.model, content.fact)
    keys = [rows.bucket(content.grain)] if content.time else []
    keys += [rows.key(one.key) for one in content.dimensions]
    named = [exp.alias_(key, f"k{number}", copy=False) for number, key in enumerate(keys)]
    groups = rows.select(*named).distinct(copy=False)
    counted = exp.select(exp.Count(this=exp.Star())).from_(groups.subquery("g", copy=False))
    finished(counted, scope.dialect)
    return counted


def fact_query(scope: Scope, model: Model, fact: str) -> exp.Select:
    """Return the query that counts the rows of a dataset."""
    return Rows(scope, Query(()), model, fact).select(exp.Count(this=exp.Star()))
