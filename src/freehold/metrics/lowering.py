"""From metrics to branches: every aggregate a question needs, gathered by the pass over a fact that can compute it.

A metric is an expression over aggregates and other metrics. Lowering replaces each aggregate by a column of a branch;
what is left is arithmetic over those columns. Filters travel down to the aggregates, so that a share of a filtered
metric in itself cannot cancel out; windows and offsets travel down and become part of a branch's shape.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from sqlglot import exp

from freehold.foundation import FreeholdError, near
from freehold.metrics.additive import adds_up
from freehold.metrics.catalogue import Catalogue
from freehold.metrics.expressions import aggregate_of, is_ours, named_in, parts_of, per_of
from freehold.metrics.fingerprint import parts_used
from freehold.metrics.model import Conversion, Metric, Model, Snapshot
from freehold.metrics.paths import listed, place_of, reachable
from freehold.metrics.query import Key, Query, key_of
from freehold.metrics.timing import Period, period

_DEEPEST = 60  # metrics that stand on metrics
_INSTEAD = "instead"  # marks what stands for rows that there are not


@dataclass(frozen=True, slots=True)
class Span:
    """The stretch of time before the end of each period that a branch looks over; exactly one is set."""

    window: Period | None = None
    to_date: str | None = None
    is_cumulative: bool = False


@dataclass(frozen=True, slots=True)
class Each:
    """What aggregates of a metric per something are over: its values for each value of a field, of some rows."""

    metric: str
    field: str  # dataset.field
    filters: tuple[exp.Expr, ...]


@dataclass(frozen=True, slots=True)
class Shape:
    """What aggregates must share to be computed in one pass. `kept` are the keys grouped by; None means all."""

    model: str
    fact: str
    span: Span | None = None
    offset: Period | None = None
    snapshot: Snapshot | None = None
    conversion: Conversion | None = None
    kept: tuple[int, ...] | None = None
    each: Each | None = None


@dataclass(frozen=True, slots=True)
class Aggregate:
    """One aggregate of a branch, under an alias, over the rows that pass all filters. `metric` is who asked first."""

    alias: str
    node: exp.Expr
    filters: tuple[exp.Expr, ...]
    metric: str


@dataclass(slots=True)
class Branch:
    """One pass over a fact."""

    shape: Shape
    aggregates: list[Aggregate] = field(default_factory=list)


@dataclass(slots=True)
class Lowered:
    """The branches of a question, and each of its columns as an expression over the branches' columns."""

    branches: dict[Shape, Branch] = field(default_factory=dict)
    outputs: list[tuple[str, exp.Expr]] = field(default_factory=list)
    ids: dict[str, str] = field(default_factory=dict)  # of each metric asked for, by the name it was asked by


@dataclass(frozen=True, slots=True)
class _Context:
    """What holds where an expression stands: everything the metrics around it have added."""

    model: str
    metric: str
    filters: tuple[exp.Expr, ...] = ()
    span: Span | None = None
    offset: Period | None = None
    snapshot: Snapshot | None = None
    kept: tuple[int, ...] | None = None
    trail: tuple[str, ...] = ()

    def entering(self, metric: Metric) -> _Context:
        if metric.id in self.trail:
            circle = " -> ".join((*self.trail[self.trail.index(metric.id) :], metric.id))
            raise _wrong(
                "FH-N205", metric, f"The metric `{metric.name}` stands on itself: {circle}.", "Break the circle."
            )
        if len(self.trail) > _DEEPEST:
            raise _wrong("FH-N205", metric, f"More than {_DEEPEST} metrics stand on one another.", "Flatten them.")
        span = Span(metric.window, metric.to_date, metric.is_cumulative) if metric.spans else self.span
        if (metric.spans and (self.span or self.snapshot)) or (metric.snapshot and (self.span or self.snapshot)):
            raise _wrong(
                "FH-N206", metric,
                f"`{metric.name}` has a window, a to-date, a cumulation or a snapshot, and `{self.metric}`, which "
                "stands on it, has another.",
                "Let one of them have it.",
            )  # fmt: skip
        return replace(
            self, model=metric.model, metric=metric.name, span=span, snapshot=metric.snapshot or self.snapshot,
            filters=(*self.filters, metric.filter) if metric.filter is not None else self.filters,
            trail=(*self.trail, metric.id),
        )  # fmt: skip

    def shifted(self, length: Period) -> _Context:
        try:
            return replace(self, offset=length if self.offset is None else self.offset + length)
        except ValueError as error:
            raise FreeholdError(
                "FH-N207", f"`{self.metric}` goes back by {error}, which do not add up.", fix="Use one unit for both.",
            ) from error  # fmt: skip


def lower(catalogue: Catalogue, query: Query) -> Lowered:
    """Return the branches and columns of a question.

    Raises:
        FreeholdError: FH-N107 and FH-N108 for names; FH-N204 to FH-N209 for what cannot be computed so.
    """
    lowering = _Lowering(catalogue, query)
    for name in query.metrics:
        lowering.output(name)
    return lowering.done


class _Lowering:
    def __init__(self, catalogue: Catalogue, query: Query) -> None:
        self.catalogue = catalogue
        self.query = query
        self.done = Lowered()
        self._count = 0
        self._known: dict[tuple[Shape, exp.Expr, tuple[exp.Expr, ...]], str] = {}

    def output(self, name: str) -> None:
        metric = self.catalogue.metric(name)
        self.done.ids[name] = metric.id
        start = _Context(metric.model, metric.name)
        value = self.metric(metric, start)
        self.done.outputs.append((name, value))
        if self.query.compare:
            prior = self.metric(metric, start.shifted(self.query.compare))
            change = exp.Sub(this=exp.Paren(this=value.copy()), expression=exp.Paren(this=prior.copy()))
            self.done.outputs += [
                (f"{name}_prior", prior),
                (f"{name}_change", change),
                (f"{name}_change_share", quotient(exp.Paren(this=change.copy()), exp.Abs(this=prior.copy()))),
            ]

    def metric(self, metric: Metric, context: _Context) -> exp.Expr:
        """Return a metric's value as an expression over columns of branches."""
        inner = context.entering(metric)
        value = (
            self._converted(metric, metric.conversion, inner)
            if metric.conversion
            else self.value(metric.expression, inner)
        )
        if isinstance(value, exp.Add | exp.Sub) and adds_up(self.catalogue, metric):
            value = _present(value)
        if metric.fill is not None:
            return _or(value, metric.fill)
        return value

    def value(self, node: exp.Expr, context: _Context) -> exp.Expr:
        """Return an expression with its aggregates and metrics replaced by columns of branches."""
        aggregate = aggregate_of(node)
        if aggregate is not None:
            return self._aggregate(aggregate, context)
        if isinstance(node, exp.Column):
            return self._reference(node, context)
        if is_ours(node, "prior"):
            return self._prior(node, context)
        if is_ours(node, "share_of"):
            return self._share(node, context)
        if isinstance(node, exp.AggFunc):
            raise FreeholdError(
                "FH-N204", f"`{node.sql()}` in `{context.metric}` is no aggregate a metric can stand on.",
                fix="Use SUM, COUNT, AVG, MIN, MAX, MEDIAN, PERCENTILE, STDDEV or VARIANCE, or COUNT(DISTINCT …).",
            )  # fmt: skip
        if is_ours(node, "per"):
            raise FreeholdError(
                "FH-N204", f"`{node.sql()}` in `{context.metric}` stands outside a filter.", fix="Put it into `filter`."
            )
        if isinstance(node, exp.Div):
            return quotient(self.value(node.this, context), self.value(node.expression, context))
        return self._around(node, context)

    def _around(self, node: exp.Expr, context: _Context) -> exp.Expr:
        args: dict[str, Any] = {}
        for name, part in node.args.items():
            if isinstance(part, exp.Expr):
                args[name] = self.value(part, context)
            elif isinstance(part, list):
                args[name] = [self.value(one, context) if isinstance(one, exp.Expr) else one for one in part]
            else:
                args[name] = part
        return type(node)(**args)

    def _reference(self, node: exp.Column, context: _Context) -> exp.Expr:
        parts = parts_of(node)
        model = self.catalogue.models[context.model]
        if len(parts) > 1 and parts[0] in model.datasets:
            raise FreeholdError(
                "FH-N204", f"`{'.'.join(parts)}` in `{context.metric}` stands outside an aggregate.",
                fix=f"Say how rows become one number, as in SUM({'.'.join(parts)}).",
            )  # fmt: skip
        metric = self.catalogue.metric(".".join(parts), within=context.model)
        value = self.metric(metric, context)
        return value if isinstance(value, exp.Column | exp.Coalesce) else exp.Paren(this=value)

    def _prior(self, node: exp.Expr, context: _Context) -> exp.Expr:
        given = node.expressions
        if len(given) != 2 or not isinstance(given[1], exp.Literal | exp.Interval):
            raise FreeholdError(
                "FH-N207",
                f"`{node.sql()}` in `{context.metric}` is no prior value.",
                fix="Write prior(revenue, '1 month').",
            )
        length = given[1]
        text = length.name if isinstance(length, exp.Literal) else f"{length.name} {length.text('unit')}"
        return exp.Paren(this=self.value(given[0], context.shifted(period(text))))

    def _share(self, node: exp.Expr, context: _Context) -> exp.Expr:
        if not node.expressions:
            raise FreeholdError(
                "FH-N209", f"`share_of` in `{context.metric}` says of what.", fix="Write share_of(revenue, month)."
            )
        whole, *keys = node.expressions
        kept = tuple(sorted({i for key in keys for i in self._positions(key, context)}))
        inside = kept if context.kept is None else tuple(i for i in kept if i in context.kept)
        return quotient(self.value(whole, context), self.value(whole, replace(context, kept=inside)))

    def _positions(self, node: exp.Expr, context: _Context) -> tuple[int, ...]:
        """Return which keys of the question a name in `share_of` means; none where it is not asked for."""
        named = key_of(node.sql())
        found = [i for i, key in enumerate(self.query.by) if _same_key(key, named)]
        time = self.query.time
        if not found and named.is_time and time is not None:
            raise FreeholdError(
                "FH-N209", f"`{context.metric}` is a share within each {named.grain}, and {time.grain}s are asked for.",
                fix=f"Ask for it by {named.grain}.",
            )  # fmt: skip
        return tuple(found)

    def _aggregate(self, node: exp.Expr, context: _Context) -> exp.Expr:
        model = self.catalogue.models[context.model]
        inner = node.this if isinstance(node, exp.Filter) else node
        if (per := per_of(node)) is not None:
            return self._column(self._each(node, per, context), node, replace(context, filters=()))
        if isinstance(inner, exp.Count) and isinstance(inner.this, exp.Distinct) and len(inner.this.expressions) > 1:
            raise FreeholdError(
                "FH-N204", f"`{node.sql()}` in `{context.metric}` counts several fields at once.",
                fix="Define a field that joins them, and count that.",
            )  # fmt: skip
        fact = fact_of(model, inner, context.metric)
        if context.span and isinstance(inner, exp.Avg):
            return self._mean(node, inner, context)
        shape = Shape(context.model, fact, context.span, context.offset, context.snapshot, None, context.kept)
        return self._column(shape, node, context)

    def _each(self, node: exp.Expr, per: exp.Expr, context: _Context) -> Shape:
        """Return the shape of an aggregate of a metric per something."""
        if isinstance(node, exp.Filter) or context.span or context.snapshot or context.offset:
            raise FreeholdError(
                "FH-N204", f"`{node.sql()}` in `{context.metric}` looks over time, or has a filter of its own.",
                fix="Give the filter to the metric inside `per`, and ask for periods by --by.",
            )  # fmt: skip
        metric, by = named_in(per, context.metric)
        found = self.catalogue.metric(".".join(parts_of(metric)), within=context.model)
        if again := [m.id for m in parts_used(self.catalogue, found)[0] if m.id in context.trail]:
            circle = f"{found.id} stands on {again[0]}, and that on it"
            raise _wrong("FH-N205", found, f"The metric `{context.metric}` stands on itself: {circle}.", "Break it.")
        fact = fact_of(self.catalogue.models[context.model], exp.Count(this=by.copy()), context.metric)
        each = Each(found.id, ".".join(parts_of(by)), context.filters)
        return Shape(context.model, fact, kept=context.kept, each=each)

    def _mean(self, node: exp.Expr, inner: exp.Expr, context: _Context) -> exp.Expr:
        """Return a mean as sum and count, which can be added up over days."""
        parts = []
        for kind in (exp.Sum, exp.Count):
            part: exp.Expr = kind(this=inner.this.copy())
            if isinstance(node, exp.Filter):
                part = exp.Filter(this=part, expression=node.expression.copy())
            parts.append(self._aggregate(part, context))
        return quotient(*parts)

    def _converted(self, metric: Metric, conversion: Conversion, context: _Context) -> exp.Expr:
        if context.span or context.snapshot:
            raise _wrong(
                "FH-N206", metric, f"`{metric.name}` is a conversion and has a window.", "Let it have `within` alone."
            )
        model = self.catalogue.models[context.model]
        base = fact_of(model, conversion.base, metric.name)
        events, inner = conversion, context
        if conversion.each == "converted":  # which event is the latest before another depends on all conditions
            events, inner = (
                replace(conversion, base=_under(conversion.base, context.filters)),
                replace(context, filters=()),
            )
        shape = Shape(context.model, base, None, context.offset, None, events, context.kept)
        converted = self._column(shape, exp.Count(this=exp.column("converted", table="#")), inner)
        if conversion.count == "conversions":
            return converted
        plain = Shape(context.model, base, None, context.offset, None, None, context.kept)
        return quotient(converted, self._column(plain, conversion.base, context))

    def _column(self, shape: Shape, node: exp.Expr, context: _Context) -> exp.Expr:
        branch = self.done.branches.setdefault(shape, Branch(shape))
        key = (shape, node, context.filters)
        if key not in self._known:
            self._known[key] = f"c{self._count}"
            self._count += 1
            branch.aggregates.append(Aggregate(self._known[key], node, context.filters, context.metric))
        column = exp.column(self._known[key])  # no rows make a count 0, and a sum unknown
        return _or(column, 0) if _counts(node) else column


def _or(value: exp.Expr, instead: float) -> exp.Expr:
    """Return a value, or what the lack of rows is worth; marked, for where rows may lack because they are hidden."""
    made = exp.Coalesce(this=value, expressions=[exp.Literal.number(instead)])
    made.meta[_INSTEAD] = True
    return made


def unfilled(value: exp.Expr) -> exp.Expr:
    """Return a value without what the lack of rows is worth: where few rows are hidden, it would pass for a number."""
    made = exp.Paren(this=value.copy())
    for node in reversed(list(made.find_all(exp.Coalesce))):  # the inner ones first: one may stand in another
        if node.meta.get(_INSTEAD):
            node.replace(node.this)
    return made


def _under(aggregate: exp.Expr, filters: tuple[exp.Expr, ...]) -> exp.Expr:
    """Return an aggregate with filters added to the one that it has."""
    if not filters:
        return aggregate
    inner = aggregate.this if isinstance(aggregate, exp.Filter) else aggregate
    own = (aggregate.expression.this,) if isinstance(aggregate, exp.Filter) else ()
    return exp.Filter(this=inner.copy(), expression=exp.Where(this=exp.and_(*own, *filters)))


def _present(value: exp.Expr) -> exp.Expr:
    """Return a sum of sums in which one without rows counts nothing; without any rows at all it stays unknown."""
    sums = [c for c in value.find_all(exp.Column) if not isinstance(c.parent, exp.Coalesce)]
    counts = any(isinstance(c.parent, exp.Coalesce) for c in value.find_all(exp.Column))
    known = [exp.column(name) for name in dict.fromkeys(c.name for c in sums)]
    for column in sums:
        column.replace(_or(column.copy(), 0))
    if counts or not known:
        return exp.Paren(this=value)
    first = exp.Coalesce(this=known[0], expressions=known[1:]) if len(known) > 1 else known[0]
    some = exp.Not(this=exp.Is(this=first, expression=exp.Null()))
    return exp.Case(ifs=[exp.If(this=some, true=value)])


def quotient(above: exp.Expr, below: exp.Expr) -> exp.Expr:
    """Return a division that is never of whole numbers, and unknown where it would be by 0."""
    return exp.Div(
        this=exp.Cast(this=above, to=exp.DataType.build("double")),
        expression=exp.Nullif(this=below, expression=exp.Literal.number(0)), typed=False, safe=False,
    )  # fmt: skip


def fact_of(model: Model, aggregate: exp.Expr, metric: str) -> str:
    """Return the dataset whose rows an aggregate is over: the one from which all its fields can be reached.

    Raises:
        FreeholdError: FH-N204 no dataset is named; FH-N303 the fields have no common fact.
    """
    named = list(dict.fromkeys(_datasets(model, aggregate, metric)))
    if not named:
        if len(model.datasets) == 1:
            return next(iter(model.datasets))
        raise FreeholdError(
            "FH-N204", f"`{aggregate.sql()}` in `{metric}` does not say which rows it is over.",
            fix=f"Write COUNT({next(iter(model.datasets), 'dataset')}.*) or name a field with its dataset.",
        )  # fmt: skip
    for one in named:
        if all(other in reachable(model, one) for other in named):
            return one
    raise FreeholdError(
        "FH-N303", f"`{aggregate.sql()}` in `{metric}` joins {listed(named)}, and none of them leads to all others.",
        fix="Aggregate each by itself, as a metric, and combine the metrics.",
    )  # fmt: skip


def _datasets(model: Model, aggregate: exp.Expr, metric: str) -> Iterable[str]:
    for column in aggregate.find_all(exp.Column):
        head, *rest = parts_of(column)
        if not rest:
            yield _only_holder(model, head, metric)
        elif head in model.datasets:
            yield head
        elif roles := [j for j in model.joins if j.name == head]:
            yield roles[0].source
        else:
            known = (*model.datasets, *(j.name for j in model.joins))
            raise FreeholdError(
                "FH-N301", f"`{head}` in `{metric}` is no dataset of the model `{model.name}`.",
                fix=near(head, known) or f"It has {listed(model.datasets, most=8)}.",
            )  # fmt: skip


def _only_holder(model: Model, name: str, metric: str) -> str:
    holders = [d.name for d in model.datasets.values() if name in d.fields]
    if len(holders) == 1:
        return holders[0]
    if holders:
        raise FreeholdError(
            "FH-N302", f"`{name}` in `{metric}` may be {listed([f'{d}.{name}' for d in holders], 'or')}.",
            fix=f"Write which, as in `{holders[0]}.{name}`.",
        )  # fmt: skip
    known = [f for d in model.datasets.values() for f in d.fields]
    raise FreeholdError(
        "FH-N301", f"No dataset of the model `{model.name}` has the field `{name}` that `{metric}` aggregates.",
        fix=near(name, known) or f"Its datasets are {listed(model.datasets)}.",
    )  # fmt: skip


def _counts(node: exp.Expr) -> bool:
    inner = node.this if isinstance(node, exp.Filter) else node
    return isinstance(inner, exp.Count | exp.ApproxDistinct | exp.CountIf)


def _same_key(asked: Key, named: Key) -> bool:
    if asked.is_time or named.is_time:
        return asked.is_time and named.is_time and asked.grain == named.grain
    return (asked.text == named.text) or (
        asked.parts[-1] == named.parts[-1]
        and asked.grain == named.grain
        and (len(asked.parts) == 1 or len(named.parts) == 1)
    )


def _wrong(code: str, metric: Metric, problem: str, fix: str) -> FreeholdError:
    return FreeholdError(code, problem, where=metric.where, fix=fix)


def result_type(model: Model, fact: str, node: exp.Expr) -> str:
    """Return a type (as PostgreSQL spells it) that holds an aggregate's value, for a column that is empty elsewhere."""
    inner = node.this if isinstance(node, exp.Filter) else node
    if _counts(node):
        return "bigint"
    if isinstance(inner, exp.LogicalOr | exp.LogicalAnd):
        return "boolean"
    if not isinstance(inner, exp.Min | exp.Max) or not isinstance(inner.this, exp.Column):
        return "numeric"
    kind = place_of(model, fact, parts_of(inner.this)).field.type
    return {"Date": "date", "DateTime": "timestamp", "DateTimeTz": "timestamptz", "String": "text"}.get(kind, "numeric")
