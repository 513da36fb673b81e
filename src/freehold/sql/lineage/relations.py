"""What a relation gives: its columns in order, and for each the columns of tables it comes from, and how."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import IntFlag
from functools import cache

Leaf = tuple[str, str]
"""A column of a table: (table, column); a column `*` stands for all of them."""


class Use(IntFlag):
    """How a column goes into another; the names are OpenLineage's, a set because one may go in twice.

    The first three say that its values do, the next two that they decide which values do. Inside, they are plain
    numbers: a set operation of an enumeration costs ten times that of an integer, and there are millions.
    """

    IDENTITY = 1
    TRANSFORMATION = 2
    AGGREGATION = 4
    WINDOW = 8
    CONDITIONAL = 16
    MASKED = 32
    GUESSED = 64


IDENTITY, TRANSFORMATION, AGGREGATION, WINDOW, CONDITIONAL, MASKED, GUESSED = (int(use) for use in Use)
DIRECT = IDENTITY | TRANSFORMATION | AGGREGATION
INDIRECT = WINDOW | CONDITIONAL
_KEPT = MASKED | GUESSED

Origins = dict[Leaf, int]


@cache
def through(inner: int, outer: int) -> int:
    """Return how a column goes into the whole that goes by `inner` into something that goes in by `outer`."""
    kept = (inner & _KEPT) | (outer & _KEPT)
    if outer & INDIRECT:
        return kept | (outer & INDIRECT)
    found = inner & INDIRECT
    for use in (IDENTITY, TRANSFORMATION, AGGREGATION):
        if inner & use:
            found |= max(use, outer & DIRECT)
    return kept | found


def pour(into: Origins, more: Mapping[Leaf, int], use: int = IDENTITY) -> None:
    """Add origins to others, as they go through `use`."""
    for leaf, inner in more.items():
        into[leaf] = into.get(leaf, 0) | through(inner, use)


@dataclass(frozen=True, slots=True)
class Rest:
    """Columns that nobody listed: any name but `without` may be one, and is then that of each of `tables`."""

    tables: tuple[str, ...]
    without: frozenset[str] = frozenset()
    use: int = IDENTITY

    def column(self, name: str) -> Origins:
        """Return the origins of a column of that name."""
        return {(table, name): self.use for table in self.tables}


@dataclass(slots=True)
class Relation:
    """Columns by name and position, and what may be there besides."""

    columns: list[tuple[str, Origins]] = field(default_factory=list)
    rests: list[Rest] = field(default_factory=list)
    _named: dict[str, Origins] | None = None

    @classmethod
    def of_table(cls, name: str, columns: Iterable[str] | None) -> Relation:
        """Return a table: its columns, or one that may have any."""
        if columns is None:
            return cls(rests=[Rest((name,))])
        return cls([(column, {(name, column): IDENTITY}) for column in columns])

    @property
    def is_known(self) -> bool:
        """Whether all columns are listed."""
        return not self.rests

    def get(self, name: str) -> Origins | None:
        """Return the origins of a listed column; of one that is listed twice, of both."""
        if self._named is None:
            self._named = {}
            for column, origins in self.columns:
                if column in self._named:
                    both = dict(self._named[column])
                    pour(both, origins)
                    self._named[column] = both
                else:
                    self._named[column] = origins
        return self._named.get(name)

    def inside(self, name: str) -> Origins | None:
        """Return the origins of a column that is asked for by the relation's own name."""
        return self.get(name)

    def possible(self, name: str) -> list[Rest]:
        """Return what is not listed and may hold a column of that name."""
        return [rest for rest in self.rests if name not in rest.without]

    def everything(self) -> Origins:
        """Return the origins of all columns together."""
        found: Origins = {}
        for _, origins in self.columns:
            pour(found, origins)
        for rest in self.rests:
            pour(found, rest.column("*"))
        return found

    def listed(self) -> Iterator[tuple[str, Origins]]:
        """Yield every column, what is not listed as `*`."""
        yield from self.columns
        for rest in self.rests:
            yield "*", rest.column("*")

    def renamed(self, names: list[str]) -> Relation:
        """Return it with other names for its first columns."""
        if not names:
            return self
        if not self.columns and self.rests:  # which columns these are is not known: each may come from any
            return Relation([(name, self.everything()) for name in names])
        kept = [name for name, _ in self.columns[len(names) :]]
        return Relation([(n, o) for n, (_, o) in zip([*names, *kept], self.columns, strict=False)], list(self.rests))


class Elements(Relation):
    """The elements of a value, as rows: whatever is asked of them by their name comes from that value."""

    __slots__ = ("_value",)

    def __init__(self, names: list[str], value: Origins) -> None:
        super().__init__([(name, dict(value)) for name in names])
        self._value = value

    def inside(self, name: str) -> Origins | None:
        """Return the value they are of, for any name: a field of an element has no other place."""
        return self.get(name) or dict(self._value)

    def renamed(self, names: list[str]) -> Relation:
        """Return them with names for what an element holds."""
        return Elements(names, self._value) if names else self


def united(left: Relation, right: Relation, *, by_name: bool = False) -> Relation:
    """Return the relation of a set operation: columns by position, or by name."""
    if by_name or not (left.is_known and right.is_known):
        return _by_name(left, right, by_name=by_name)
    columns = []
    for index in range(max(len(left.columns), len(right.columns))):
        origins: Origins = {}
        name = ""
        for side in (left, right):
            if index < len(side.columns):
                name = name or side.columns[index][0]
                pour(origins, side.columns[index][1])
        columns.append((name, origins))
    return Relation(columns)


def _by_name(left: Relation, right: Relation, *, by_name: bool) -> Relation:
    names = [name for name, _ in left.columns]
    if by_name or not left.is_known:
        names += [name for name, _ in right.columns if name not in names]
    columns = []
    for name in dict.fromkeys(names):
        origins: Origins = {}
        for side in (left, right):
            listed = side.get(name)
            if listed is not None:
                pour(origins, listed)
                continue
            for rest in side.possible(name):
                pour(origins, rest.column(name), IDENTITY | GUESSED)
        columns.append((name, origins))
    rests = list(left.rests)
    if left.rests and right.rests:
        # A name that neither lists is one of both at once.
        a, b = left.rests[0], right.rests[0]
        rests = [Rest((*a.tables, *b.tables), a.without | b.without, max(a.use, b.use)), *left.rests[1:]]
    elif right.rests and not left.columns:
        rests = list(right.rests)
    return Relation(columns, rests)
