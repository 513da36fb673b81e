"""A pass over a fact, read from a rollup: the same pass over another table, compiled by the same compiler.

A rollup is a dataset like any other, whose rows stand for many: sums are summed, counts summed, least and greatest
taken of. So what looks back, goes back in time, or is a share needs nothing of its own here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlglot import exp

from freehold.metrics.catalogue import Catalogue
from freehold.metrics.lowering import Aggregate, Branch
from freehold.metrics.model import Dataset, Field, Model
from freehold.metrics.query import Query
from freehold.metrics.rollups.content import Content, Dimension
from freehold.metrics.rollups.matching import Column, Match, matched
from freehold.metrics.rollups.parts import Op
from freehold.metrics.rollups.periods import follows_from
from freehold.metrics.rollups.use import Held, Miss, NotUsedError, Use
from freehold.metrics.rows import Rows, Scope

_AGGREGATES: dict[Op, type[exp.AggFunc]] = {Op.SUM: exp.Sum, Op.COUNT: exp.Sum, Op.MIN: exp.Min, Op.MAX: exp.Max}


@dataclass(frozen=True)
class Reading:
    """A pass over a fact as a pass over a rollup: what to compile, and against what.

    `reads` are the datasets whose rows the rollup stands for.
    """

    scope: Scope
    query: Query
    branch: Branch
    columns: dict[str, tuple[Column, ...]]
    grain: str
    reads: tuple[Dataset, ...]

    def rows(self) -> Rows:
        """Return the rollup as the rows of a fact."""
        shape = self.branch.shape
        return Rows(self.scope, self.query, self.scope.catalogue.models[shape.model], shape.fact)

    def knows(self, grain: str) -> bool:
        """Whether it can tell the first and the last period of a grain that there are rows of."""
        return bool(self.grain) and follows_from(self.grain, grain, self.rows().calendar)

    def select(self) -> exp.Query:
        """Return the pass as a query, with the columns that the pass over the fact would have."""
        from freehold.metrics.branches import branch_query

        made = branch_query(self.scope, self.query, self.branch)
        found = {one.alias: one for one in made.selects}
        keys = [one for one in made.selects if one.alias.startswith("k")]
        values = [self._value(alias, columns, found) for alias, columns in self.columns.items()]
        made.set("expressions", [*keys, *values])
        return made

    def _value(self, alias: str, columns: Sequence[Column], found: dict[str, exp.Expr]) -> exp.Expr:
        """Return one column of the pass: a count is a whole number again, a mean its sum by its count."""
        parts = [found[_named(alias, columns, number)].this for number, _ in enumerate(columns)]
        if len(parts) > 1:
            none = exp.Literal.number(0)
            below = exp.Nullif(this=parts[1], expression=none)
            value: exp.Expr = exp.Div(this=parts[0], expression=below, typed=True, safe=False)
        else:
            is_count = columns[0].op is Op.COUNT
            value = exp.Cast(this=parts[0], to=exp.DataType.build("bigint")) if is_count else parts[0]
        return exp.alias_(value, alias, copy=False)


def reading_of(scope: Scope, query: Query, branch: Branch) -> tuple[Reading | None, Use | None]:
    """Return how a pass is read from the smallest rollup that gives it, if any does, and what to tell of it.

    Nothing is told where no rollup is over the fact.

    Raises:
        FreeholdError: FH-N301 to FH-N303 where the question names what there is not.
    """
    shape = branch.shape
    over = [h for h in scope.held if h.content.model.name == shape.model and h.content.fact == shape.fact]
    misses: list[Miss] = []
    for held in sorted(over, key=lambda h: (h.rows, h.content.rollup.name)):
        rollup = held.content.rollup
        try:
            found = matched(scope, query, branch, held)
        except NotUsedError as error:
            misses.append(Miss(rollup.name, error.why, error.words))
            continue
        use = Use(shape.fact, rollup.name, rollup.asset, held.rows, tuple(misses))
        return _reading(scope, query, branch, held, found), use
    return None, Use(shape.fact, misses=tuple(misses)) if over else None


def _reading(scope: Scope, query: Query, branch: Branch, held: Held, found: Match) -> Reading:
    content = held.content
    model = _as_model(content, found.counted)
    asked = [one for aggregate in branch.aggregates for one in _aggregates(aggregate, found.columns[aggregate.alias])]
    return Reading(
        scope=replace(
            scope,
            catalogue=Catalogue({**scope.catalogue.models, model.name: model}),
            relation=lambda _: held.relation.copy(),
            policy=lambda _: found.policy,
            held=(),
        ),
        query=replace(query, by=found.by, where=found.where),
        branch=Branch(replace(branch.shape, fact=content.rollup.name), asked),
        columns=found.columns,
        grain=content.grain,
        reads=found.reads,
    )


def _as_model(content: Content, counted: str) -> Model:
    """Return the table of a rollup as a model of one dataset, in the calendar of its own."""
    where = content.rollup.where
    fields = {one.column: _field(one) for one in content.dimensions}
    if content.time:
        kind = "DateTime" if content.grain == "hour" else "Date"
        fields[content.time] = Field(content.time, where, None, content.time, kind, is_time=True)
    measures = (*(m.column for m in content.measures), *(c.column for c in content.counts))
    fields |= {name: Field(name, where, None, name) for name in measures}
    name = content.rollup.name
    dataset = Dataset(name, content.rollup.asset, where, fields, time=content.time or None, counted=counted)
    return Model(content.model.name, where, {name: dataset}, (), {}, content.model.calendar)


def _field(one: Dimension) -> Field:
    kind = one.place.field.type
    if one.grain is not None:
        kind = "DateTime" if one.grain == "hour" else "Date"
    return Field(one.column, one.place.field.where, None, one.column, kind)


def _aggregates(one: Aggregate, columns: Sequence[Column]) -> list[Aggregate]:
    made = []
    for number, column in enumerate(columns):
        node: exp.Expr = _AGGREGATES[column.op](this=exp.column(exp.to_identifier(column.column, quoted=True)))
        if column.when is not None:
            node = exp.Filter(this=node, expression=exp.Where(this=column.when))
        made.append(Aggregate(_named(one.alias, columns, number), node, column.filters, one.metric))
    return made


def _named(alias: str, columns: Sequence[Column], number: int) -> str:
    return alias if len(columns) == 1 else f"{alias}_{number}"
