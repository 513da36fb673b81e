"""Which single values settle which checks, for one shape of scope.

A `Piece` is one value to read; a `Question` is a check and the pieces its measured value is the sum of. Pieces are
shared: twenty checks that need the number of rows read it once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlglot import exp

from freehold.engines import Column
from freehold.quality import sqltree as sql
from freehold.quality.coltypes import NUMERIC, ORDERED, family
from freehold.quality.measures import (
    Aggregate,
    Dangling,
    Measure,
    Nulls,
    RowCount,
    Scalar,
    Settled,
    Surplus,
    Violations,
)
from freehold.quality.model import Check
from freehold.quality.sqltree import REST, ROWS, WHOLE
from freehold.quality.state import ColumnProfile, TableState

ALONE = "alone"  # the source of a piece that is a query of its own
STATE = "state"  # the source of a value that is read from the kept state of the rest
Terms = tuple[tuple[int, str], ...]


@dataclass(frozen=True)
class Shape:
    """What a scope has beside its rows, and what is known of it. Two scopes of one shape share their statements."""

    has_rest: bool
    known: frozenset[str] = frozenset()  # tallies of the rest's state, and "rows"
    learns: bool = False  # distinct counts are read too, to know the columns of few values next time


@dataclass(frozen=True)
class Piece:
    """One value: an aggregate over the rows of a source, or a query of its own.

    `is_profile` marks what no check needs: it is dropped first when a statement fails. `sorts` marks what has to order
    the rows: of many rows it is not read.
    """

    key: str
    tree: exp.Expr
    source: str
    measure: Measure | None = None
    is_profile: bool = False
    sorts: bool = False


@dataclass(frozen=True)
class Question:
    """A check with the pieces that answer it: the value is the sum of `terms`, out of the sum of `totals` rows."""

    check: Check
    measure: Measure
    terms: Terms = ()
    totals: Terms = ()
    tally: str | None = None  # the name under which this batch's part is kept
    tally_terms: Terms = ()
    where: str = ROWS  # the rows that a sample of failing ones is taken from
    merged: str | None = None  # the column whose merged profile holds the value, so that the rest is not read


@dataclass
class Layout:
    """Everything to be read for one shape of scope."""

    shape: Shape
    dialect: str
    pieces: dict[str, Piece] = field(default_factory=dict)
    questions: list[Question] = field(default_factory=list)
    profile: dict[str, dict[str, str]] = field(default_factory=dict)  # column -> field of its profile -> key

    def put(
        self, tree: exp.Expr, source: str, measure: Measure | None = None, profile: bool = False, sorts: bool = False
    ) -> str:
        """Add a piece unless it is there, and return its key."""
        key = f"{source}|{tree.sql(self.dialect)}"
        known = self.pieces.get(key)
        if known is None or (known.is_profile and not profile) or (known.measure is None and measure is not None):
            keep = measure if measure is not None else (known.measure if known else None)
            self.pieces[key] = Piece(key, tree, source, keep, profile and (known is None or known.is_profile), sorts)
        return key

    def rows_in(self, source: str) -> str:
        """Return the key of the number of rows of a source."""
        return self.put(sql.count(), source)

    @property
    def rows_key(self) -> str:
        """The key of the number of rows judged."""
        return next(iter(self.pieces))

    def filled_in(self, column: str, source: str) -> str:
        """Return the key of the number of rows in which a column has a value."""
        return self.put(sql.count(sql.column(column)), source)


def lay_out(
    questions: Sequence[tuple[Check, Measure]], columns: Sequence[Column], shape: Shape, dialect: str
) -> Layout:
    """Return what must be read to settle these checks on a scope of that shape, and to profile its rows."""
    layout = Layout(shape, dialect)
    layout.rows_in(ROWS)
    for check, measure in questions:
        beside = shape.has_rest and check.scope == "table"
        layout.questions.append(_question(layout, check, measure, beside))
    for column in columns:
        _profile(layout, column)
    return layout


def _question(layout: Layout, check: Check, measure: Measure, beside: bool) -> Question:
    where = WHOLE if beside else ROWS
    if isinstance(measure, Settled):
        return Question(check, measure)
    if isinstance(measure, Aggregate):
        return _aggregate_question(layout, check, measure, beside)
    totals = _row_terms(layout, beside)
    if isinstance(measure, RowCount):
        return Question(check, measure, totals, totals, where=where)
    if isinstance(measure, Scalar):
        return Question(check, measure, ((1, _alone(layout, _read_from(measure.tree, where), measure)),), where=where)
    if isinstance(measure, Nulls):
        terms = _null_terms(layout, measure.column, ROWS)
        if beside:
            kept = f"nulls:{measure.column}"
            terms += (
                ((1, f"{STATE}|{kept}"),) if kept in layout.shape.known else _null_terms(layout, measure.column, REST)
            )
        return Question(check, measure, terms, totals, where=where)
    if isinstance(measure, Dangling):
        return Question(check, measure, ((1, _alone(layout, dangling(measure, where), measure)),), totals, where=where)
    if isinstance(measure, Surplus):
        return _surplus_question(layout, check, measure, beside, totals)
    return _violation_question(layout, check, measure, beside, totals)


def _aggregate_question(layout: Layout, check: Check, measure: Aggregate, beside: bool) -> Question:
    where = WHOLE if beside else ROWS
    column = mergeable(measure)
    if beside and column and f"{_NEEDS[type(measure.tree)]}:{column}" in layout.shape.known:
        return Question(check, measure, where=where, merged=column)
    return Question(check, measure, ((1, layout.put(measure.tree, where, measure)),), where=where)


_NEEDS: Mapping[type[exp.Expr], str] = {
    exp.Min: "minimum", exp.Max: "maximum", exp.Sum: "total", exp.Avg: "total", exp.Stddev: "m2",
    exp.StddevSamp: "m2",
}  # fmt: skip


def mergeable(measure: Aggregate) -> str | None:
    """Return the column of an aggregate that the profiles of two partitions merge to."""
    inner = measure.tree.this if type(measure.tree) in _NEEDS else None
    return measure.columns[0] if isinstance(inner, exp.Column) and len(measure.columns) == 1 else None


def known_of(state: TableState) -> frozenset[str]:
    """Return what a state of the rest spares reading: its rows, its tallies, its columns' aggregates."""
    known = {"rows", *state.tallies}
    for name, column in state.columns.items():
        empty = column.nulls == state.rows
        known.update(f"{f}:{name}" for f in ("minimum", "maximum", "total", "m2") if empty or _has(column, f))
        known.update(() if column.nulls is None else (f"nulls:{name}",))
    return frozenset(known)


def _has(column: ColumnProfile, name: str) -> bool:
    needed = (name, "total", "nulls") if name == "m2" else (name, "nulls")
    return all(getattr(column, n) is not None for n in needed)


def _row_terms(layout: Layout, beside: bool) -> Terms:
    here: Terms = ((1, layout.rows_in(ROWS)),)
    if not beside:
        return here
    return (*here, (1, f"{STATE}|rows" if "rows" in layout.shape.known else layout.rows_in(REST)))


def _null_terms(layout: Layout, column: str, source: str) -> Terms:
    return ((1, layout.rows_in(source)), (-1, layout.filled_in(column, source)))


def _alone(layout: Layout, select: exp.Expr, measure: Measure) -> str:
    return layout.put(sql.scalar(select), ALONE, measure)


def _read_from(tree: exp.Expr, where: str) -> exp.Expr:
    """Return a user's query reading the rows that its check judges."""
    found = tree.copy()
    for node in found.find_all(exp.Table):
        if node.name == WHOLE:
            node.set("this", exp.to_identifier(where, quoted=False))
    return found


def _violation_question(layout: Layout, check: Check, measure: Violations, beside: bool, totals: Terms) -> Question:
    counted = sql.count_case(measure.condition)
    if beside and not measure.adds_up:
        return Question(check, measure, ((1, layout.put(counted, WHOLE, measure)),), totals, where=WHOLE)
    here = ((1, layout.put(counted, ROWS, measure)),)
    tally = tally_of(measure) if check.scope == "table" and measure.adds_up else None
    if not beside:
        return Question(check, measure, here, totals, tally, here)
    kept = tally in layout.shape.known
    there = f"{STATE}|{tally}" if kept else layout.put(counted.copy(), REST, measure)
    return Question(check, measure, (*here, (1, there)), totals, tally, here, where=WHOLE)


def _surplus_question(layout: Layout, check: Check, measure: Surplus, beside: bool, totals: Terms) -> Question:
    tally = tally_of(measure) if check.scope == "table" else None
    if beside and tally not in layout.shape.known:
        key = layout.put(sql.scalar(surplus(measure.columns, WHOLE)), ALONE, measure)
        return Question(check, measure, ((1, key),), totals, where=WHOLE)
    here: Terms = ((1, layout.put(sql.scalar(surplus(measure.columns, ROWS)), ALONE, measure)),)
    if not beside:
        return Question(check, measure, here, totals, tally, here)
    here = (*here, (1, layout.put(sql.scalar(overlap(measure.columns)), ALONE)))
    return Question(check, measure, (*here, (1, f"{STATE}|{tally}")), totals, tally, here, where=WHOLE)


def tally_of(measure: Violations | Surplus) -> str:
    """Return the name of a measure's tally: the same condition has the same name in every contract."""
    said = measure.condition.sql() if isinstance(measure, Violations) else ",".join(measure.columns)
    kind = "violations" if isinstance(measure, Violations) else "surplus"
    return f"{kind}:{hashlib.sha256(said.encode()).hexdigest()[:16]}"


def surplus(columns: Sequence[str], source: str) -> exp.Select:
    """Return the exact number of rows beyond the first of each key: one group-by."""
    if len(columns) == 1:
        tree = sql.column(columns[0])
        fresh = exp.Sub(this=sql.count(tree), expression=sql.count_distinct(tree))
        return sql.fetch([fresh], sql.table(source))
    keys = [sql.column(c) for c in columns]
    more = exp.Sub(this=sql.count(), expression=exp.Literal.number(1))
    groups = sql.fetch([sql.aliased(more, "more")], sql.table(source))
    groups.set("where", exp.Where(this=has_key(columns)))
    groups.set("group", exp.Group(expressions=keys))
    total = exp.Coalesce(this=exp.Sum(this=exp.column("more")), expressions=[exp.Literal.number(0)])
    return sql.fetch([total], _derived(groups, "groups"))


def overlap(columns: Sequence[str]) -> exp.Select:
    """Return how many distinct keys of the rows are in the rest already: one semi-join."""
    keys = [sql.column(c) for c in columns]
    here = exp.Select(expressions=keys, from_=exp.From(this=sql.table(ROWS)), distinct=exp.Distinct())
    here.set("where", exp.Where(this=has_key(columns)))
    same = exp.EQ if len(columns) == 1 else exp.NullSafeEQ
    match = sql.both(same(this=sql.column(c, "old"), expression=sql.column(c, "new")) for c in columns)
    there = sql.fetch([exp.Literal.number(1)], sql.table(REST, "old"))
    there.set("where", exp.Where(this=match))
    found = sql.fetch([sql.count()], _derived(here, "new"))
    found.set("where", exp.Where(this=exp.Exists(this=there)))
    return found


def dangling(measure: Dangling, source: str) -> exp.Select:
    """Return how many rows of a source name something that is not there: one anti-join."""
    found = sql.fetch([sql.count()], sql.table(source, "here"))
    found.set("where", exp.Where(this=dangles(measure)))
    return found


def dangles(measure: Dangling) -> exp.Expr:
    """Return the condition that a row, called `here`, names something that is not there."""
    match = sql.both(
        exp.EQ(this=sql.column(there, "there"), expression=sql.column(here, "here"))
        for here, there in zip(measure.columns, measure.target, strict=True)
    )
    there = sql.fetch([exp.Literal.number(1)], sql.table(sql.reference_token(measure.asset), "there"))
    there.set("where", exp.Where(this=match))
    filled = [sql.not_null(sql.column(c, "here")) for c in measure.columns]
    return sql.both([*filled, exp.Not(this=exp.Exists(this=there))])


def has_key(columns: Sequence[str]) -> exp.Expr:
    """Return the condition that at least one column of a key has a value."""
    return sql.either(sql.not_null(sql.column(c)) for c in columns)


def _derived(select: exp.Select, name: str) -> exp.Subquery:
    return exp.Subquery(this=select, alias=exp.TableAlias(this=exp.to_identifier(name, quoted=True)))


QUANTILES = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)  # of a column of numbers
COUNTABLE = frozenset({"integer", "string", "enum", "boolean", "date", "uuid"})  # whose single values mean something


def profile_trees(column: Column) -> dict[str, exp.Expr]:
    """Return what is read of a column for its profile, by the field of the profile it becomes."""
    tree, kind = sql.column(column.name), family(column.type)
    trees: dict[str, exp.Expr] = {}
    if kind in ORDERED:
        trees |= {"minimum": exp.Min(this=tree.copy()), "maximum": exp.Max(this=tree.copy())}
    if kind in NUMERIC:
        trees |= {"total": exp.Sum(this=tree.copy()), "m2": exp.VariancePop(this=tree.copy())}
    return trees


def _profile(layout: Layout, column: Column) -> None:
    tree = sql.column(column.name)
    keys = {"filled": layout.put(sql.count(tree), ROWS, profile=True)}
    for name, wanted in profile_trees(column).items():
        keys[name] = layout.put(wanted, ROWS, profile=True)
    if family(column.type) in NUMERIC:
        shares = exp.Array(expressions=[exp.Literal.number(share) for share in QUANTILES])
        keys["quantiles"] = layout.put(sql.call("quantile_disc", tree, shares), ROWS, profile=True, sorts=True)
    if layout.shape.learns and family(column.type) in COUNTABLE:
        keys["distinct_about"] = layout.put(exp.ApproxDistinct(this=tree), ROWS, profile=True)
    layout.profile[column.name] = keys
