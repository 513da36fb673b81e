"""Whether a rollup gives what the rows would: a pure question about a pass over a fact, and what a rollup holds.

Nothing here is a guess. A pass is answered from a rollup only if each of its keys, conditions, periods and aggregates
follows from columns of it, for the caller who asks; whatever does not is told as a typed reason.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from sqlglot import exp

from freehold.metrics.expressions import is_ours
from freehold.metrics.lowering import Aggregate, Branch, Shape
from freehold.metrics.model import Dataset
from freehold.metrics.paths import Place, place_of, time_of
from freehold.metrics.query import Key, Query
from freehold.metrics.rollups.content import Content, Dimension
from freehold.metrics.rollups.parts import (
    DoesNotAddUpError,
    Names,
    Op,
    Part,
    columns_read,
    own_condition,
    parts_of_aggregate,
)
from freehold.metrics.rollups.periods import follows_from, is_boundary
from freehold.metrics.rollups.use import Held, NotUsedError, Why
from freehold.metrics.rows import Policy, Rows, Scope, moved


@dataclass(frozen=True, slots=True)
class Column:
    """An aggregate of a pass as it is computed from a rollup: a column of it, over rows that meet `filters`.

    `when` narrows this column alone, and hides no group. All names are columns of the rollup.
    """

    op: Op
    column: str
    when: exp.Expr | None
    filters: tuple[exp.Expr, ...]


@dataclass(frozen=True, slots=True)
class Match:
    """A pass over a fact in terms of a rollup.

    `columns` are what each aggregate is made of, by its alias: one column, or sum and count of a mean. `counted` is
    the column that counts the rows behind a group; empty where nothing has to be counted.
    """

    by: tuple[Key, ...]
    where: exp.Expr | None
    columns: dict[str, tuple[Column, ...]]
    policy: Policy | None
    counted: str
    reads: tuple[Dataset, ...]


def matched(scope: Scope, query: Query, branch: Branch, held: Held) -> Match:
    """Return a pass in terms of a rollup.

    Raises:
        NotUsedError: why the rollup does not give what the rows would, or not now.
        FreeholdError: FH-N301 to FH-N303 where the question names what there is not.
    """
    if held.why_not is not None:
        raise NotUsedError(held.why_not.why, held.why_not.words)
    return _Matching(scope, query, branch, held.content).match()


def expect_adds_up(names: Names, branch: Branch) -> None:
    """Refuse a pass that no rollup can answer, whatever it holds.

    Raises:
        NotUsedError: balances, conversions, and aggregates of which a whole does not follow from its slices.
        FreeholdError: FH-N301 to FH-N303 for names.
    """
    if branch.shape.snapshot is not None:
        raise NotUsedError(Why.NOT_ADDITIVE, "a balance does not add up over time")
    if branch.shape.conversion is not None:
        raise NotUsedError(Why.NOT_ADDITIVE, "a conversion is about events, one by one")
    if branch.shape.each is not None:
        raise NotUsedError(Why.NOT_ADDITIVE, f"it is over values of `{branch.shape.each.field}`, each counted once")
    for one in branch.aggregates:
        try:
            parts_of_aggregate(names, one.node, one.filters)
        except DoesNotAddUpError as error:
            raise NotUsedError(Why.NOT_ADDITIVE, str(error)) from error


class _Matching:
    def __init__(self, scope: Scope, query: Query, branch: Branch, content: Content) -> None:
        self.scope = scope
        self.query = query
        self.branch = branch
        self.content = content
        self.names = content.names
        self.places: list[Place] = []  # fields of the question that the rollup stands for

    def match(self) -> Match:
        """Return the pass in terms of the rollup; what is told first is what a person would mend first."""
        self._expect_sound()
        expect_adds_up(self.names, self.branch)
        columns = {one.alias: tuple(self._columns(one)) for one in self.branch.aggregates}
        by = tuple(self._keys(self.branch.shape))
        where = self._bound(self.query.where, Why.CONDITION) if self.query.where is not None else None
        self._expect_time(self.branch.shape)
        counted = self._counted()
        read = columns_read(self.content.model, self.content.fact, self.places)
        policy = self._policy(read)
        reads = tuple(table for name in read for table in self.content.model.datasets[name].tables)
        return Match(by, where, columns, policy, counted, reads)

    def _expect_sound(self) -> None:
        """Refuse, in the words of the question, what would be refused of the rows."""
        rows = Rows(self.scope, self.query, self.content.model, self.content.fact)
        for number, key in enumerate(self.query.by):
            if not key.is_time and (self.branch.shape.kept is None or number in self.branch.shape.kept):
                rows.key(key)
        if self.query.where is not None:
            rows.condition(self.query.where)

    # -- names ---------------------------------------------------------------------------------------------------------

    def _dimension(self, column: exp.Column) -> Dimension | None:
        """Return the key of the rollup that holds a field as it is, or None."""
        place = self.names.place(column)
        for one in self.content.dimensions:
            if one.grain is None and one.place.path == place.path and one.place.field.name == place.field.name:
                self.places.append(place)
                return one
        return None

    def _bound(self, tree: exp.Expr, why: Why) -> exp.Expr:
        """Return a condition with its names replaced by columns of the rollup."""
        if any(is_ours(node, "per") for node in tree.walk()):
            raise NotUsedError(why, "a condition on a metric per something needs the rows themselves")
        copied = exp.Paren(this=tree.copy())
        for column in list(copied.find_all(exp.Column)):
            found = self._dimension(column)
            if found is None:
                raise NotUsedError(why, f"the condition on `{self.names.place(column).name}` is not on one of its keys")
            column.replace(exp.column(exp.to_identifier(found.column, quoted=True)))
        inner: exp.Expr = copied.this
        inner.pop()
        return inner

    # -- keys ----------------------------------------------------------------------------------------------------------

    def _keys(self, shape: Shape) -> Iterator[Key]:
        for number, key in enumerate(self.query.by):
            if key.is_time or (shape.kept is not None and number not in shape.kept):
                yield key
            else:
                yield self._key(key)

    def _key(self, key: Key) -> Key:
        place = place_of(self.content.model, self.content.fact, key.parts)
        same = [one for one in self.content.dimensions
                if one.place.path == place.path and one.place.field.name == place.field.name]  # fmt: skip
        if not same:
            raise NotUsedError(Why.KEY, f"`{key.text}` is not among its keys")
        for one in same:
            if self._gives(one, key):
                self.places.append(place)
                return replace(key, parts=(one.column,), grain=None if one.grain == key.grain else key.grain)
        raise NotUsedError(Why.PERIOD, f"`{key.text}` does not follow from `{same[0].key.text}`")

    def _gives(self, one: Dimension, key: Key) -> bool:
        """Whether the key of a rollup gives a key of the question, in the zone that is asked for."""
        if key.grain is None:
            return one.grain is None
        dataset = self.content.model.datasets[one.place.dataset]
        if one.grain is None:  # the value as it is, which the question cuts itself
            return one.place.field.type != "DateTime" or dataset.zone is None
        is_same_clock = one.place.field.is_interval_of_days or self._zone_asked == self._zone_kept
        return is_same_clock and follows_from(one.grain, key.grain, self.content.model.calendar)

    # -- time ----------------------------------------------------------------------------------------------------------

    @property
    def _zone_kept(self) -> str | None:
        return self.content.model.calendar.zone

    @property
    def _zone_asked(self) -> str | None:
        return self.query.zone or self._zone_kept

    def _expect_time(self, shape: Shape) -> None:
        """Refuse periods and stretches of time that the rollup's own periods do not make up."""
        key = self.query.time if self._has_time(shape) else None
        start, end = moved(self.query, shape.offset)
        looks_back = shape.span is not None or not _shifts_whole(shape, key)
        if key is None and start is None and end is None and not looks_back:
            return
        if not self.content.grain:
            raise NotUsedError(Why.PERIOD, "it is by no time")
        moment = time_of(self.content.model, self.content.fact)
        assert moment is not None, "a rollup by time has a fact that has one"
        self.places.append(moment)
        self._expect_clock(moment, start is not None or end is not None)
        wanted = [str(key.grain)] if key is not None else []
        if looks_back:
            wanted.append("hour" if key is not None and key.grain == "hour" else "day")
        calendar, kept = self.content.model.calendar, self.content.grain
        for grain in wanted:
            if not follows_from(kept, grain, calendar):
                raise NotUsedError(Why.PERIOD, f"{_plural(grain)} do not follow from its {_plural(kept)}")
        for instant in (start, end):
            if instant is not None and not is_boundary(kept, instant, calendar):
                raise NotUsedError(Why.BOUNDARY, f"{_told(instant)} lies within one of its {_plural(kept)}")

    def _has_time(self, shape: Shape) -> bool:
        return any(
            key.is_time and (shape.kept is None or number in shape.kept) for number, key in enumerate(self.query.by)
        )

    def _expect_clock(self, moment: Place, is_cut: bool) -> None:
        """Refuse days of another zone, and stretches that are cut by a clock whose hours the rows do not follow."""
        dataset, field = self.content.model.datasets[moment.dataset], moment.field
        if field.is_interval_of_days:
            return
        if self._zone_asked != self._zone_kept:
            kept = self._zone_kept or "the zone they are written in"
            raise NotUsedError(Why.ZONE, f"its {_plural(self.content.grain)} are those of {kept}")
        if is_cut and field.type == "DateTime" and dataset.zone and self._zone_kept and dataset.zone != self._zone_kept:
            words = f"times are written in {dataset.zone} and cut in {self._zone_kept}, where an hour may come twice"
            raise NotUsedError(Why.ZONE, words)

    # -- aggregates ----------------------------------------------------------------------------------------------------

    def _columns(self, one: Aggregate) -> Iterator[Column]:
        parts = parts_of_aggregate(self.names, one.node, one.filters)
        own = own_condition(one.node)
        written = {self.names.canonical(f): f for f in one.filters}
        for part in parts:
            yield self._column(one, part, own, written)

    def _column(self, one: Aggregate, part: Part, own: exp.Expr | None, written: dict[exp.Expr, exp.Expr]) -> Column:
        """Return the column that gives a part: of the same rows, or of more rows that its keys can narrow."""
        lacking: NotUsedError | None = None
        noted = len(self.places)
        for column, filters, when, places in self._offered(part):
            try:
                narrowed = [self._bound(written[f], Why.CONDITION) for f in written if f not in filters]
                inside = self._bound(own, Why.CONDITION) if own is not None and when is None else None
            except NotUsedError as error:
                lacking = error
                del self.places[noted:]
                continue
            self.places += places
            return Column(part.op, column, inside, (*self._some(filters), *narrowed))
        raise lacking or NotUsedError(Why.METRIC, f"`{one.node.sql()}` of `{one.metric}` is not in it")

    def _offered(self, part: Part) -> Iterator[tuple[str, frozenset[exp.Expr], exp.Expr | None, tuple[Place, ...]]]:
        """Yield the columns of the rollup over the same argument and no fewer rows, those closest to it first."""
        fitting = [
            m for m in self.content.measures
            if m.part.op is part.op and m.part.argument == part.argument and m.part.when in (None, part.when)
            and m.part.filters <= part.filters
        ]  # fmt: skip
        fitting.sort(key=lambda m: (m.part.when != part.when, -len(m.part.filters)))
        for one in fitting:
            yield one.column, one.part.filters, one.part.when, one.places
        if part.op is Op.COUNT and part.argument is None:
            for count in sorted(self.content.counts, key=lambda c: -len(c.filters)):
                if count.filters <= part.filters:
                    yield count.column, count.filters, None, self.names.places(count.aggregate.filters)

    def _some(self, filters: frozenset[exp.Expr]) -> tuple[exp.Expr, ...]:
        """Return the condition that any row behind a group meets filters, which the rollup has only counted."""
        if not filters:
            return ()
        column = exp.column(exp.to_identifier(self._count_of(filters), quoted=True))
        return (exp.GT(this=column, expression=exp.Literal.number(0)),)

    def _count_of(self, filters: frozenset[exp.Expr]) -> str:
        return next(c.column for c in self.content.counts if c.filters == filters)

    # -- the caller ----------------------------------------------------------------------------------------------------

    def _policy(self, read: Mapping[str, set[str]]) -> Policy | None:
        """Return what the caller may see of the rollup's rows, as a condition over its columns."""
        datasets = self.content.model.datasets
        seen: exp.Expr | None = None
        for name, columns in read.items():
            for table in datasets[name].tables:
                policy = self.scope.policy(table)
                if policy is None:
                    continue
                hidden = sorted(policy.masks.keys() if table is not datasets[name] else policy.masks.keys() & columns)
                if hidden:
                    raise NotUsedError(Why.POLICY, f"`{table.name}.{hidden[0]}` is masked for you")
                if table is datasets[self.content.fact]:
                    seen = policy.rows
                elif policy.rows is not None:
                    raise NotUsedError(Why.POLICY, f"you see some rows of `{table.name}` only")
        return Policy(rows=self._seen(seen)) if seen is not None else None

    def _seen(self, rows: exp.Expr) -> exp.Expr:
        """Return a condition over columns of the fact as one over columns of the rollup."""
        held = {
            one.place.field.column or one.place.field.name: one.column
            for one in self.content.dimensions
            if not one.place.path and one.place.field.expression is None and one.grain is None
        }
        copied = exp.Paren(this=rows.copy())
        for column in list(copied.find_all(exp.Column)):
            if column.name not in held:
                words = (
                    f"you see some rows of `{self.content.fact}` only, by `{column.name}`, which is not among its keys"
                )
                raise NotUsedError(Why.POLICY, words)
            column.replace(exp.column(exp.to_identifier(held[column.name], quoted=True)))
        return copied

    def _counted(self) -> str:
        """Return the column that counts the rows behind a group, where groups of few rows are hidden."""
        if self.scope.fewest <= 1:
            return ""
        kept = {self._rows_behind(one) for one in self.branch.aggregates}
        first = next(iter(kept))
        if len(kept) != 1 or first is None:
            words = "how many rows are behind a group cannot be told for metrics with filters of their own"
            raise NotUsedError(Why.SMALL_GROUPS, words)
        return self._count_of(first)

    def _rows_behind(self, one: Aggregate) -> frozenset[exp.Expr] | None:
        """Return the filters of an aggregate that the rollup has counted rows by, if its keys give all others."""
        wanted = {self.names.canonical(f): f for f in one.filters}
        for count in sorted(self.content.counts, key=lambda c: -len(c.filters)):
            if not count.filters <= wanted.keys():
                continue
            try:
                for canonical, written in wanted.items():
                    if canonical not in count.filters:
                        self._bound(written, Why.CONDITION)
            except NotUsedError:
                continue
            return count.filters
        return None


def _shifts_whole(shape: Shape, key: Key | None) -> bool:
    """Whether going back moves the labels of periods, and does not need days."""
    return shape.offset is None or key is None or shape.offset.keeps_whole(str(key.grain))


def _plural(grain: str) -> str:
    return f"{grain.replace('_', ' ')}s"


def _told(instant: datetime) -> str:
    is_midnight = instant == instant.replace(hour=0, minute=0, second=0, microsecond=0)
    return f"{instant:%Y-%m-%d}" if is_midnight else f"{instant:%Y-%m-%d %H:%M}"
