"""The SQL that exports carry, read by the lineage kernel in the dialect of the warehouse."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import TracebackType

from freehold.sql.lineage import Lineage, Reader

ANY = "*"
Leaf = tuple[str, str]
"""(relation, column): a column of a table; `""` for all of it, as a `Reading` says it."""


@dataclass(frozen=True, slots=True)
class Query:
    """What a query of a report reads and gives.

    Attributes:
        reads: every column that it names: it fails if one of them goes, whichever of its own columns are used.
        tables: that it reads, in order.
        columns: that it gives by name, as the dialect compares them.
        stars: tables whose columns it gives without naming them.
        failure: why its columns could not be read; it is known by its tables alone.
    """

    reads: tuple[Leaf, ...]
    tables: tuple[str, ...]
    columns: frozenset[str] = frozenset()
    stars: tuple[str, ...] = ()
    failure: str = ""

    def behind(self, column: str) -> tuple[tuple[Leaf, ...], str]:
        """Return what is read where one of its columns is used, and what stays open about it."""
        if self.failure:
            return tuple((table, "") for table in self.tables), self.failure
        if column in self.columns or column.casefold() in {c.casefold() for c in self.columns}:
            return self.reads, ""
        if len(self.stars) == 1:
            return (*self.reads, (self.stars[0], column)), ""
        if self.stars:
            why = f"`{column}` could be a column of {', '.join(self.stars)}"
            return (*self.reads, *((table, "") for table in self.stars)), why
        return self.reads, f"the query gives no column `{column}`"


class Queries:
    """Reads SQL in a process apart, each text once."""

    def __init__(self, dialect: str) -> None:
        self._dialect = dialect
        self._reader = Reader()
        self._known: dict[tuple[str, tuple[tuple[str, tuple[str, ...]], ...]], Lineage] = {}

    def query(self, sql: str) -> Query:
        """Return what a query reads and gives."""
        found = self.lineage(sql)
        if found.failures:
            return Query((), found.reads, failure=found.failures[0])
        pairs = [(s.table, s.column) for output in found.outputs for s in output.sources]
        pairs += [(i.table, i.column) for i in found.influences]
        stars = [table for table, column in pairs if column == ANY]
        named = tuple(dict.fromkeys(pair for pair in pairs if pair[1] != ANY))
        untold = [table for table in found.reads if table not in {t for t, _ in pairs}]
        return Query(
            (*named, *((table, "") for table in untold)),
            found.reads,
            frozenset(o.column for o in found.outputs if o.column != ANY),
            tuple(dict.fromkeys(stars)),
        )

    def expression(self, sql: str, tables: Mapping[str, Iterable[str]]) -> tuple[list[Leaf], str]:
        """Return the columns that an expression names and why they cannot be read, if they cannot.

        `tables` maps the tables in its reach to their columns, none where nobody listed them.
        """
        known = {name: tuple(columns) for name, columns in tables.items()}
        found = self.lineage(f"select {sql} as x from {', '.join(known)}", {n: c for n, c in known.items() if c})
        if found.failures or found.ambiguous:
            return [], found.failures[0] if found.failures else "a name in it could mean several columns"
        return [(s.table, s.column) for output in found.outputs for s in output.sources], ""

    def lineage(self, sql: str, columns: Mapping[str, tuple[str, ...]] | None = None) -> Lineage:
        """Return the lineage of a text."""
        key = (sql, tuple(sorted((columns or {}).items())))
        if key not in self._known:
            self._known[key] = self._reader.read(sql, self._dialect, columns)
        return self._known[key]

    def __enter__(self) -> Queries:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._reader.close()
