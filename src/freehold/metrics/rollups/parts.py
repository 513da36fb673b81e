"""What adds up: an aggregate as parts that may be computed over slices of rows and put together again.

Names are brought to one form first, so that `amount` and `lines.amount` are the same, and two roles of one dataset are
not: trees are compared, never texts.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from sqlglot import exp

from freehold.metrics.expressions import is_ours, parts_of
from freehold.metrics.model import Model
from freehold.metrics.paths import Place, counted_place, place_of, time_of


class Op(StrEnum):
    """How a part of all rows follows from that part of slices of them; counts are added up."""

    SUM = "sum"
    COUNT = "count"
    MIN = "min"
    MAX = "max"


@dataclass(frozen=True, slots=True)
class Part:
    """Something of rows that adds up.

    `argument` is what is aggregated, None for the rows themselves; `when` the condition of its own FILTER. Groups are
    shown for rows that meet `filters`, whatever `when` says. All names are in canonical form.
    """

    op: Op
    argument: exp.Expr | None
    when: exp.Expr | None
    filters: frozenset[exp.Expr]

    @property
    def is_of_rows(self) -> bool:
        """Whether it is the number of rows that meet its filters."""
        return self.op is Op.COUNT and self.argument is None and self.when is None


class DoesNotAddUpError(Exception):
    """An aggregate whose value over all rows does not follow from its values over slices; the text says which."""


@dataclass(frozen=True, slots=True)
class Names:
    """Names as a fact sees them."""

    model: Model
    fact: str

    def place(self, column: exp.Column) -> Place:
        """Return what a name means.

        Raises:
            FreeholdError: FH-N301 to FH-N303, as anywhere.
        """
        return place_of(self.model, self.fact, parts_of(column))

    def canonical(self, tree: exp.Expr) -> exp.Expr:
        """Return a copy of a tree in which each name says the whole way to its field, and nothing else."""
        copied = exp.Paren(this=tree.copy())
        for column in list(copied.find_all(exp.Column)):
            place = self.counted(column) if isinstance(column.this, exp.Star) else self.place(column)
            column.replace(exp.Star() if place is None else self._spelled(place))
        inner: exp.Expr = copied.this
        inner.pop()
        return inner

    def counted(self, column: exp.Column) -> Place | None:
        """Return the field whose values `COUNT(x.*)` counts: of a role, the key it leads to; None for the rows."""
        return counted_place(self.model, self.fact, parts_of(column)[:-1])

    def places(self, trees: Iterable[exp.Expr]) -> tuple[Place, ...]:
        """Return the fields that trees (as they were written) are over."""
        columns = [column for tree in trees for column in tree.find_all(exp.Column)]
        found = (self.counted(c) if isinstance(c.this, exp.Star) else self.place(c) for c in columns)
        return tuple(place for place in found if place is not None)

    def _spelled(self, place: Place) -> exp.Expr:
        way = ".".join(str(self.model.joins.index(join)) for join in place.path)
        return exp.column(exp.to_identifier(place.field.name, quoted=True), table=exp.to_identifier(way, quoted=True))


def columns_read(model: Model, fact: str, places: Iterable[Place]) -> dict[str, set[str]]:
    """Return the columns that are read of each dataset for some fields, the fact's first: their own, and what joins.

    Where a version of a row is joined that held when something happened, that is what dates the fact, too.
    """
    found: dict[str, set[str]] = {fact: set()}

    def read(dataset: str, name: str, seen: tuple[str, ...] = ()) -> None:
        field = model.datasets[dataset].fields.get(name)
        if field is None or field.expression is None or name in seen:
            found.setdefault(dataset, set()).add((field.column or field.name) if field else name)
            return
        for column in field.expression.find_all(exp.Column):
            read(dataset, column.name, (*seen, name))

    def reach(place: Place) -> None:
        for join in place.path:
            target = model.datasets[join.target]
            valid = (target.validity.start, target.validity.end) if target.validity else ()
            for dataset, names in ((join.source, join.columns), (join.target, (*join.target_columns, *valid))):
                for name in names:
                    read(dataset, name)
        read(place.dataset, place.field.name)

    found_places = list(places)
    moment = time_of(model, fact)
    if moment is not None and any(model.datasets[j.target].validity for one in found_places for j in one.path):
        found_places.append(moment)
    for place in found_places:
        reach(place)
    return found


def parts_of_aggregate(names: Names, node: exp.Expr, filters: Iterable[exp.Expr]) -> tuple[Part, ...]:
    """Return the parts an aggregate is made of: one, or the sum and the count of a mean.

    Raises:
        DoesNotAddUpError: it does not add up: distinct values, percentiles, a metric per something in a filter.
        FreeholdError: FH-N301 to FH-N303 for names.
    """
    inner = node.this if isinstance(node, exp.Filter) else node
    narrowing = tuple(filters)
    if any(is_ours(n, "per") for tree in (node, *narrowing) for n in tree.walk()):
        raise DoesNotAddUpError(f"`{inner.sql()}` is over rows chosen by a metric per something")
    if isinstance(inner.this, exp.Distinct):
        raise DoesNotAddUpError(f"`{inner.sql()}` counts each value once, and slices share values")
    ops = _ops(inner)
    argument = None if isinstance(inner, exp.CountIf) else _argument(names, inner)
    own = own_condition(node)
    when = names.canonical(own) if own is not None else None
    common = frozenset(names.canonical(one) for one in narrowing)
    return tuple(Part(op, argument, when, common) for op in ops)


def own_condition(node: exp.Expr) -> exp.Expr | None:
    """Return the condition of an aggregate's own FILTER; counting rows that meet one is counting rows so."""
    inner = node.this if isinstance(node, exp.Filter) else node
    own = [node.expression.this] if isinstance(node, exp.Filter) else []
    own += [inner.this] if isinstance(inner, exp.CountIf) else []
    return exp.and_(*(one.copy() for one in own)) if len(own) > 1 else next(iter(own), None)


def _ops(inner: exp.Expr) -> tuple[Op, ...]:
    if isinstance(inner, exp.Avg):
        return Op.SUM, Op.COUNT
    kinds: dict[type[exp.Expr], Op] = {
        exp.Sum: Op.SUM, exp.Count: Op.COUNT, exp.CountIf: Op.COUNT, exp.Min: Op.MIN, exp.Max: Op.MAX,
    }  # fmt: skip
    found = kinds.get(type(inner))
    if found is None:
        raise DoesNotAddUpError(f"`{inner.sql()}` of a whole does not follow from that of its parts")
    return (found,)


def _argument(names: Names, inner: exp.Expr) -> exp.Expr | None:
    """Return what an aggregate is over, None for rows."""
    found = names.canonical(inner.this)
    return None if isinstance(found, exp.Star) else found
