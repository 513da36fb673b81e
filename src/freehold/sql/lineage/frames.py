"""Which column a name means: frames of sources, one inside the other, as a query nests."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from sqlglot import exp
from sqlglot.dialects.dialect import Dialect

from freehold.sql.lineage.relations import GUESSED, IDENTITY, TRANSFORMATION, Leaf, Origins, Relation, pour

Columns = Callable[[str], "tuple[str, ...] | None"]
"""Table name -> its columns in order, or None where nobody knows."""


_LATERAL = {"snowflake", "redshift", "databricks", "spark", "spark2", "duckdb", "clickhouse", "teradata", "dialect"}


@dataclass(slots=True)
class Seen:
    """What one text was seen to read, write and leave open."""

    dialect: Dialect
    columns_of: Columns
    name_of: Callable[[exp.Table], str]
    reads: dict[str, None] = field(default_factory=dict)
    writes: dict[str, None] = field(default_factory=dict)
    influences: dict[tuple[Leaf, str], None] = field(default_factory=dict)
    made: dict[str, Relation] = field(default_factory=dict)  # temporary tables of this text
    lines: dict[tuple[str, str], int] = field(default_factory=dict)  # (table, column) -> the line that gives it
    ambiguous: int = 0

    @property
    def is_lateral(self) -> bool:
        """Whether a column of a list may name one before it."""
        return type(self.dialect).__name__.lower() in _LATERAL

    def word(self, identifier: exp.Expr | str | None) -> str:
        """Return an identifier as the dialect compares it."""
        if isinstance(identifier, exp.Identifier):
            return str(self.dialect.normalize_identifier(identifier).this)
        if isinstance(identifier, exp.Parameter):
            return f"${identifier.name}"  # a column of a staged file, by its number
        if isinstance(identifier, exp.Expr):
            return self.word(identifier.this) if isinstance(identifier.this, exp.Identifier) else identifier.name
        return identifier or ""

    def table(self, table: exp.Table) -> Relation:
        """Return a table that is read."""
        return self.named(self.name_of(table))

    def named(self, name: str) -> Relation:
        """Return what is read by this name."""
        if name in self.made:
            return self.made[name]
        self.reads[name] = None
        return Relation.of_table(name, self.columns_of(name))


@dataclass(slots=True)
class Frame:
    """The sources of one SELECT by their names there, inside those of the queries around it."""

    parent: Frame | None = None
    ctes: Mapping[str, Relation] = field(default_factory=dict)
    sources: dict[str, Relation] = field(default_factory=dict)
    qualified: dict[tuple[str, ...], str] = field(default_factory=dict)  # (schema, table) -> its name here
    merged: set[str] = field(default_factory=set)  # columns that USING or NATURAL makes one
    aliases: dict[str, Origins] = field(default_factory=dict)  # columns of the list so far
    windows: dict[str, exp.Expr] = field(default_factory=dict)
    locals: frozenset[str] = frozenset()  # parameters of lambdas

    def add(self, name: str, relation: Relation) -> None:
        """Add a source; one without a name, or with one that is taken, can still be searched."""
        self.sources[name if name and name not in self.sources else f"#{len(self.sources)}"] = relation

    def cte(self, name: str) -> Relation | None:
        """Return what WITH calls so, here or further out."""
        frame: Frame | None = self
        while frame is not None:
            if name in frame.ctes:
                return frame.ctes[name]
            frame = frame.parent
        return None

    def source(self, name: str) -> Relation | None:
        """Return the source of that name, the innermost."""
        frame: Frame | None = self
        while frame is not None:
            if name in frame.sources:
                return frame.sources[name]
            frame = frame.parent
        return None


def origins_of_column(column: exp.Column, frame: Frame, seen: Seen) -> Origins:
    """Return where a column's values come from; nothing where several tables could have it."""
    parts = [seen.word(part) for part in column.parts]
    if len(parts) == 1:
        return _bare(parts[0], frame, seen)
    found = _of_source(parts, frame, seen)
    return found if found is not None else _field_of_column(parts, frame, seen)


def _of_source(parts: list[str], frame: Frame | None, seen: Seen) -> Origins | None:
    """Read `source.column`, `schema.table.column`, `source.column.field`."""
    while frame is not None:
        for length in range(min(3, len(parts) - 1), 0, -1):
            key = tuple(parts[:length])
            name = frame.qualified.get(key) if length > 1 else parts[0]
            relation = frame.sources.get(name) if name else None
            if relation is not None:
                return _within(_listed(relation, parts[length], seen), parts[length + 1 :])
        frame = frame.parent
    return None


def _field_of_column(parts: list[str], frame: Frame, seen: Seen) -> Origins:
    """Read `column.field`, where no source is called so."""
    if parts[0] in frame.locals:
        return {}
    found = _bare(parts[0], frame, seen, is_struct=True)
    if found:
        return _within(found, parts[1:])
    # A table named in full, or one this text does not bring: the last names are table and column.
    for relation in _visible(frame, ".".join(parts[:-1])):
        return _listed(relation, parts[-1], seen)
    seen.ambiguous += 1
    return {}


def _visible(frame: Frame | None, name: str) -> list[Relation]:
    while frame is not None:
        for key, here in frame.qualified.items():
            if ".".join(key).endswith(f".{name}") or name.endswith(f".{'.'.join(key)}") or key[-1:] == (name,):
                return [frame.sources[here]]
        frame = frame.parent
    return []


def _within(origins: Origins, path: list[str]) -> Origins:
    """Return the field of a struct: its path goes on where the column's does."""
    if not path:
        return origins
    return {(table, ".".join([column, *path])): use for (table, column), use in origins.items()}


def _bare(name: str, frame: Frame, seen: Seen, *, is_struct: bool = False) -> Origins:
    """Read a name without a source, in this frame or the ones around it."""
    if name in frame.locals:
        return {}
    here: Frame | None = frame
    while here is not None:
        found = _among(name, here, seen)
        if found is not None:
            return found
        here = here.parent
    whole = frame.source(name)
    if whole is not None and not is_struct:  # a row as a value: `SELECT t FROM t`
        return dict.fromkeys(whole.everything(), TRANSFORMATION)
    return {}


def _among(name: str, frame: Frame, seen: Seen) -> Origins | None:
    """Look for a name among the sources of one frame; None if none can have it, {} if several can."""
    listed = [found for source in frame.sources.values() if (found := source.get(name)) is not None]
    if len(listed) == 1 or (listed and name in frame.merged):
        return _all(listed)
    if listed:
        return _ambiguous(seen)
    if name in frame.aliases:
        return dict(frame.aliases[name])
    if name in frame.sources and len(frame.sources) > 1:
        return None
    rests = [rest for source in frame.sources.values() for rest in source.possible(name)]
    if not rests:
        return None
    if len(rests) == 1:
        return rests[0].column(name)
    if name in frame.merged:
        return _all([rest.column(name) for rest in rests])
    return _ambiguous(seen)


def _all(found: list[Origins]) -> Origins:
    origins: Origins = {}
    for one in found:
        pour(origins, one)
    return origins


def _ambiguous(seen: Seen) -> Origins:
    seen.ambiguous += 1
    return {}


def _listed(relation: Relation, name: str, seen: Seen) -> Origins:
    """Return a column of a named source, guessed where its columns are known and this is none of them."""
    found = relation.inside(name)
    if found is not None:
        return dict(found)
    possible = relation.possible(name)
    if len(possible) == 1:
        return possible[0].column(name)
    if possible:
        return _ambiguous(seen)
    tables = {table for _, origins in relation.columns for table, _ in origins}
    is_table = len(tables) == 1 and all(
        list(origins) == [(table, column)] for column, origins in relation.columns for table in tables
    )
    if is_table:  # a column that the schema does not tell of, such as a pseudo-column
        return {(next(iter(tables)), name): IDENTITY | GUESSED}
    return _ambiguous(seen)
