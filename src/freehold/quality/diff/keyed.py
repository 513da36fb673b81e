"""Two relations of one engine, compared by key: one join for all columns, of the buckets that differ."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

from sqlglot import exp

from freehold.quality import sqltree as sql
from freehold.quality.diff.result import ColumnDiff, RowSample
from freehold.quality.diff.shape import Field
from freehold.quality.diff.side import Side, any_null

_HERE = "here"
_FIRST_BUCKETS = 64


@dataclass(frozen=True, slots=True)
class Counted:
    """How many rows differ, and how many in which column."""

    added: int
    removed: int
    changed: int
    columns: dict[str, int]


@dataclass(frozen=True, slots=True)
class KeyedPair:
    """Both sides, and the buckets to look at (None: all). `faulty` leaves out rows that the key does not name."""

    before: Side
    after: Side
    buckets: Collection[int] | None
    faulty: bool = False

    def counted(self) -> Counted:
        """Count all differences in one statement, or in as few as the engine takes aggregates."""
        fields = self.before.shape.fields
        most = max(1, self.before.capabilities.max_aggregates - 3)
        columns: dict[str, int] = {}
        added = removed = changed = 0
        for start in range(0, max(len(fields), 1), most):
            chunk = range(start, min(start + most, len(fields)))
            (row,) = self.before.session.rows(self._counts(chunk))
            added, removed, changed = row[:3]
            columns.update(zip((fields[i].name for i in chunk), row[3:], strict=True))
        return Counted(added, removed, changed, columns)

    def _counts(self, chunk: Sequence[int]) -> exp.Select:
        both, differs = self._both(), [self._differs(i) for i in range(len(self.before.shape.fields))]
        # A condition stands once, as a column of the inner query; counting reads it twice.
        inner = [sql.aliased(self._missing(s), f"no_{s}") for s in ("b", "a")]
        inner += [sql.aliased(sql.both([both, d]), f"d{i}") for i, d in enumerate(differs)]
        changed = sql.either(exp.column(f"d{i}") for i in range(len(differs))) if differs else exp.false()
        counts = [exp.column("no_b"), exp.column("no_a"), changed, *(exp.column(f"d{i}") for i in chunk)]
        return sql.fetch([sql.count_case(c) for c in counts], self._joined(inner).subquery("j", copy=False))

    def samples(self, wanted: dict[str, int]) -> tuple[RowSample, ...]:
        """Return the first rows by key of each kind, as many as are wanted; a few buckets are asked before all."""
        found: tuple[RowSample, ...] = ()
        size = _FIRST_BUCKETS
        while any(wanted.values()):
            chosen = None if self.buckets is None else sorted(self.buckets)[:size]
            pair = KeyedPair(self.before, self.after, chosen, self.faulty)
            found = pair._sampled(wanted)
            complete = self.buckets is None or size >= len(self.buckets)
            if complete or all(sum(s.kind == k for s in found) >= n for k, n in wanted.items()):
                break
            size *= 16
        return found

    def _sampled(self, wanted: dict[str, int]) -> tuple[RowSample, ...]:
        shape = self.before.shape
        kinds = [k for k, n in wanted.items() if n]
        differs = [sql.both([self._both(), self._differs(i)]) for i in range(len(shape.fields))]
        conditions = {
            "added": self._missing("b"),
            "removed": self._missing("a"),
            "changed": sql.either(differs) if differs else exp.false(),
        }
        kind = exp.Case(ifs=[exp.If(this=c.copy(), true=exp.Literal.string(k)) for k, c in conditions.items()])
        names = [sql.aliased(self._of(s, n), f"{s}_{n}") for n in self.before.names for s in ("b", "a")]
        flags = [sql.aliased(d, f"d{i}") for i, d in enumerate(differs)]
        either = [(self._of("b", name), self._of("a", name)) for name in self._keys]
        keys = [exp.Coalesce(this=before, expressions=[after]) for before, after in either]
        order = [sql.aliased(k, f"o{i}") for i, k in enumerate(keys)]
        chosen = sql.either(conditions[k] for k in kinds)
        inner = self._joined([sql.aliased(kind, "kind"), *order, *names, *flags]).where(chosen, copy=False)
        rows = self.before.session.rows(_first(inner, [f"o{i}" for i in range(len(keys))], max(wanted.values())))
        samples = (_sample(row, shape.key, shape.fields) for row in rows)
        return tuple(s for s in sorted(samples, key=lambda s: _KINDS.index(s.kind)) if s.kind in kinds)

    def _joined(self, expressions: Sequence[exp.Expr]) -> exp.Select:
        before, after = (self._source(s) for s in (self.before, self.after))
        on = sql.both([exp.EQ(this=self._of("b", n), expression=self._of("a", n)) for n in self._keys])
        select = sql.fetch(list(expressions), before.subquery("b", copy=False))
        return select.join(after.subquery("a", copy=False), on=on, join_type="full", copy=False)

    def _source(self, side: Side) -> exp.Select:
        inner = side.source() if self.buckets is None else side.rows(self.buckets)
        present = sql.aliased(exp.Literal.number(1), _HERE)
        select = sql.fetch([*(exp.column(n) for n in side.names), present], inner.subquery("r", copy=False))
        if self.faulty:
            select = select.where(exp.Not(this=self.unnamed()), copy=False)
        return select

    def unnamed(self) -> exp.Expr:
        """Return the condition that a row's key is empty in part, or shared by several rows of a side."""
        key = self.before.shape.key
        shared = exp.Exists(this=self._shared())
        return sql.either([any_null(key), shared])

    def _shared(self) -> exp.Select:
        names = self._keys
        both = exp.union(*(self._repeated(s, names) for s in (self.before, self.after)), distinct=False)
        same = sql.both([exp.EQ(this=exp.column(n, table="f"), expression=exp.column(n, table="r")) for n in names])
        return sql.fetch([exp.Literal.number(1)], both.subquery("f")).where(same, copy=False)

    @staticmethod
    def _repeated(side: Side, names: Sequence[str]) -> exp.Select:
        keys = [exp.column(n) for n in names]
        select = sql.fetch(keys, side.source().subquery("s", copy=False)).group_by(*keys)
        return select.having(exp.GT(this=sql.count(), expression=exp.Literal.number(1)), copy=False)

    @property
    def _keys(self) -> list[str]:
        return [f"k{i}" for i in range(len(self.before.shape.key))]

    @staticmethod
    def _of(side: str, name: str) -> exp.Column:
        return exp.column(name, table=side)

    def _missing(self, side: str) -> exp.Expr:
        return sql.is_null(self._of(side, _HERE))

    def _both(self) -> exp.Expr:
        return sql.both([exp.Not(this=self._missing(s)) for s in ("b", "a")])

    def _differs(self, index: int) -> exp.Expr:
        field = self.before.shape.fields[index]
        before, after = (self._of(s, f"c{index}") for s in ("b", "a"))
        distinct = exp.NullSafeNEQ(this=before, expression=after)
        if field.tolerance is None:
            return distinct
        return sql.both([distinct, _beyond(before, after, field)])


_KINDS = ("changed", "added", "removed")


def _beyond(before: exp.Expr, after: exp.Expr, field: Field) -> exp.Expr:
    """Return the condition that two values are further apart than is tolerated, or one of them is missing."""
    tolerance = field.tolerance
    if isinstance(tolerance, timedelta):
        sides: list[exp.Expr] = [exp.Extract(this=exp.var("EPOCH"), expression=t.copy()) for t in (before, after)]
        limit = str(tolerance.total_seconds())
    else:
        # Whole numbers are taken apart as decimals, so that their difference cannot overflow.
        wide = exp.DataType.build("DECIMAL(38, 0)") if field.family == "integer" else None
        sides = [exp.Cast(this=t.copy(), to=wide.copy()) if wide else t.copy() for t in (before, after)]
        limit = f"{tolerance:f}" if isinstance(tolerance, Decimal) else repr(tolerance)
    apart = exp.Abs(this=exp.Sub(this=sides[0], expression=sides[1]))
    further = exp.GT(this=apart, expression=exp.Literal.number(limit))
    return exp.Coalesce(this=exp.Paren(this=further), expressions=[exp.true()])


def _first(inner: exp.Select, order: Sequence[str], most: int) -> exp.Select:
    """Return the first rows of each kind in the order of their keys."""
    by_key = exp.Order(expressions=[exp.Ordered(this=exp.column(n), nulls_first=False) for n in order])
    place = exp.Window(this=exp.RowNumber(), partition_by=[exp.column("kind")], order=by_key)
    ranked = sql.fetch([exp.Star(), sql.aliased(place, "place")], inner.subquery("j", copy=False))
    near = exp.LTE(this=exp.column("place"), expression=exp.Literal.number(most))
    return sql.fetch([exp.Star()], ranked.subquery("p", copy=False)).where(near).order_by("place", copy=False)


def _sample(row: Sequence[Any], key: Sequence[Field], fields: Sequence[Field]) -> RowSample:
    kind, keys = str(row[0]), row[1 : 1 + len(key)]
    values = row[1 + len(key) :]
    start, end = 2 * len(key), 2 * (len(key) + len(fields))  # before and after stand side by side
    pairs = list(zip(values[start:end:2], values[start + 1 : end : 2], strict=True))
    flags = values[end:]
    shown = [
        (f.name, before, after)
        for f, (before, after), differs in zip(fields, pairs, flags, strict=False)
        if kind != "changed" or differs
    ]
    return RowSample(
        kind,
        {f.name: value for f, value in zip(key, keys, strict=True)},
        {} if kind == "added" else {name: before for name, before, _ in shown},
        {} if kind == "removed" else {name: after for name, _, after in shown},
    )


def column_diffs(counts: dict[str, int], matched: int) -> tuple[ColumnDiff, ...]:
    """Return the columns that differ, those that differ most first."""
    found = [ColumnDiff(name, n, n / matched if matched else 0.0) for name, n in counts.items() if n]
    return tuple(sorted(found, key=lambda c: -c.changed))
