"""Rows that no key names, compared as bags: how often each row occurs on either side."""

from __future__ import annotations

from dataclasses import dataclass

from sqlglot import exp

from freehold.quality import sqltree as sql
from freehold.quality.diff.result import RowSample
from freehold.quality.diff.side import Side


@dataclass(frozen=True, slots=True)
class BagPair:
    """Two queries of one engine that give the same columns; `before` and `after` hold them under the side's names."""

    side: Side
    before: exp.Select
    after: exp.Select

    def counted(self) -> tuple[int, int]:
        """Return how many rows only the side after has, and only the side before."""
        surplus = exp.Sub(this=exp.column("n_after"), expression=exp.column("n_before"))
        zero = exp.Literal.number(0)
        less = exp.Sub(this=exp.column("n_before"), expression=exp.column("n_after"))
        cases = [sql.case(exp.GT(this=more, expression=zero), more) for more in (surplus, less)]
        sums = [exp.Coalesce(this=exp.Sum(this=case), expressions=[zero.copy()]) for case in cases]
        ((added, removed),) = self.side.session.rows(sql.fetch(sums, self._tallied().subquery("t", copy=False)))
        return int(added), int(removed)

    def samples(self, most: int) -> tuple[RowSample, ...]:
        """Return a few rows that one side has more often, the first by their columns."""
        order = [exp.Ordered(this=exp.column(n), nulls_first=False) for n in self.side.names]
        differs = exp.NEQ(this=exp.column("n_before"), expression=exp.column("n_after"))
        query = sql.fetch([exp.Star()], self._tallied().subquery("t", copy=False)).where(differs)
        query = query.order_by(*order, copy=False).limit(most, copy=False)
        shape = self.side.shape
        found = []
        for row in self.side.session.rows(query):
            values = dict(zip((f.name for f in shape.all), row, strict=False))
            key = {f.name: values.pop(f.name) for f in shape.key}
            added = row[-1] > row[-2]
            found.append(RowSample("added", key, {}, values) if added else RowSample("removed", key, values, {}))
        return tuple(found)

    def _tallied(self) -> exp.Select:
        """Return each row that occurs, with how often it does before and after."""
        columns = [exp.column(n) for n in self.side.names]
        marked = [
            sql.fetch([*(c.copy() for c in columns), *_marks(here)], query.subquery("q"))
            for query, here in ((self.before, (1, 0)), (self.after, (0, 1)))
        ]
        both = exp.union(*marked, distinct=False)
        sums = [sql.aliased(exp.Sum(this=exp.column(n)), n) for n in ("n_before", "n_after")]
        return sql.fetch([*(c.copy() for c in columns), *sums], both.subquery("u")).group_by(*columns)


def _marks(here: tuple[int, int]) -> list[exp.Expr]:
    names = ("n_before", "n_after")
    return [sql.aliased(exp.Literal.number(n), name) for n, name in zip(here, names, strict=True)]
