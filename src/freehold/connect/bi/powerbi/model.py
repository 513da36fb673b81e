"""A semantic model: tables with columns, measures and partitions, from TMSL (`model.bim`) or TMDL, alike."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from freehold.connect.bi.files import broken
from freehold.connect.bi.powerbi.dax import mentions
from freehold.connect.bi.powerbi.power_query import Origin, origin_of
from freehold.connect.bi.powerbi.tmdl import Thing
from freehold.connect.bi.queries import Leaf, Queries
from freehold.foundation import Where

_PART = re.compile(r"'((?:[^']|'')+)'|([^.']+)")
Found = tuple[list[Leaf], list[str]]
Relationship = tuple[tuple[str, str], tuple[str, str]]
"""Two columns that tie tables together, each (table, column)."""


@dataclass
class Said:
    """What the files of a model say: tables, shared queries and parameters by name, relationships."""

    tables: list[Table] = field(default_factory=list)
    shared: dict[str, str] = field(default_factory=dict)
    relationships: list[Relationship] = field(default_factory=list)


@dataclass
class Table:
    """A table: its columns by name, each with what the query calls it or the formula it is computed by."""

    name: str
    where: Where
    columns: dict[str, str] = field(default_factory=dict)
    computed: dict[str, str] = field(default_factory=dict)
    measures: dict[str, str] = field(default_factory=dict)
    queries: list[str] = field(default_factory=list)  # in M
    statements: list[str] = field(default_factory=list)  # in SQL
    formulas: list[str] = field(default_factory=list)  # in DAX: the table itself is computed
    entities: list[str] = field(default_factory=list)  # tables by name, in Direct Lake


class Model:
    """Follows names of a model to columns of tables in the warehouse. Names compare without regard to case."""

    def __init__(self, name: str, where: Where, said: Said, queries: Queries) -> None:
        self.name, self.where = name, where
        self._tables = {table.name.casefold(): table for table in said.tables}
        self._shared, self._relationships, self._queries = said.shared, said.relationships, queries
        self._touched: set[str] = set()
        self._origins: dict[str, list[Origin]] = {}
        self._measures = {m.casefold(): (t, f) for t in self._tables.values() for m, f in t.measures.items()}
        self._following: set[tuple[str, str]] = set()

    def everything(self) -> Found:
        """Return the columns behind all columns of the model."""
        return self._all((t.name, column) for t in self._tables.values() for column in (*t.columns, *t.computed))

    def behind(self, named: Iterable[tuple[str, str]], own: Mapping[str, str]) -> Found:
        """Return the columns behind all that a report mentions, those that tie its tables together among them.

        `own` are the measures that the report adds itself, by name.
        """
        self._touched = set()
        parts = [self.formula(own[name], t) if name in own else self.leaves(t, name) for t, name in named]
        ties = [tie for tie in self._relationships if all(table.casefold() in self._touched for table, _ in tie)]
        return self._all_of((*parts, *(self.leaves(*end) for tie in ties for end in tie)))

    def leaves(self, table: str, name: str) -> Found:
        """Return the columns of the warehouse behind a column or measure of a table; with no name, its rows.

        With no table, the name is a measure.
        """
        key = (table.casefold(), name.casefold())
        if key in self._following:
            return [], []
        self._following.add(key)
        try:
            return self._behind(*key, shown=f"`{table}[{name}]`" if table else f"`[{name}]`")
        finally:
            self._following.discard(key)

    def formula(self, formula: str, at: str = "") -> Found:
        """Return the columns behind a DAX formula that stands in a table, or in none."""
        named = [(m.table, m.name) for m in mentions(formula, [t.name for t in self._tables.values()])]
        return self._all((table or self._table_of(name, at), name) for table, name in named)

    def _table_of(self, name: str, at: str) -> str:
        """Return the table that a name without one means: its own for a column of it, none for a measure."""
        own = self._tables.get(at.casefold())
        if own is not None and name.casefold() not in self._measures:
            folded = {n.casefold() for n in (*own.columns, *own.computed)}
            return at if name.casefold() in folded else ""
        return ""

    def _behind(self, table: str, name: str, shown: str) -> Found:
        measure = self._measures.get(name)
        if measure and (not table or measure[0].name.casefold() == table):
            return self.formula(measure[1], measure[0].name)
        found = self._tables.get(table)
        if found is None:
            return [], [f"{shown} is no measure, column or table of the model"]
        self._touched.add(table)
        computed = next((f for n, f in found.computed.items() if n.casefold() == name), None)
        if computed is not None:
            return self.formula(computed, found.name)
        if found.formulas:
            return self._all_of(self.formula(formula, found.name) for formula in found.formulas)
        if not name:
            return self._all_of(self._column(found, origin, "") for origin in self._origins_of(found))
        source = next((s for n, s in found.columns.items() if n.casefold() == name), None)
        if source is None:
            return [], [f"{shown} is no measure, column or table of the model"]
        return self._all_of(self._column(found, origin, source) for origin in self._origins_of(found))

    def _column(self, table: Table, origin: Origin, column: str, _within: tuple[str, ...] = ()) -> Found:
        """Return the columns behind one that a query gives; of no column, the rows: everything it reads as a whole."""
        why = [f"the table `{table.name}`: {reason}" for reason in origin.why]
        if column in origin.added and origin.is_followed and column not in _within:
            within = (*_within, column)
            return self._all_of(self._column(table, origin, used, within) for used in origin.added[column])
        column = origin.renamed.get(column, column)
        sources = len(origin.relations) + len(origin.queries)
        if sources > 1 and column:
            why.append(f"`{table.name}[{column}]` could be of any of the {sources} sources of its query")
        is_whole = not column or not origin.is_followed or sources > 1
        leaves = [(relation, "" if is_whole else column) for relation in origin.relations]
        for query in origin.queries:
            if is_whole:
                leaves += [
                    *query.reads,
                    *((star, "") for star in (*query.stars, *(query.tables if query.failure else ()))),
                ]
                why += [query.failure] if query.failure else []
            else:
                found, reason = query.behind(column)
                leaves += found
                why += [reason] if reason else []
        return leaves, why

    def _origins_of(self, table: Table) -> list[Origin]:
        if table.name not in self._origins:
            found = [origin_of(text, self._shared, self._queries.query) for text in table.queries]
            found += [Origin(queries=[self._queries.query(text)]) for text in table.statements]
            found += [Origin(relations=[name]) for name in table.entities]
            self._origins[table.name] = found or [Origin(why=["it has no partition that says where its rows are from"])]
        return self._origins[table.name]

    def _all(self, named: Iterable[tuple[str, str]]) -> Found:
        return self._all_of(self.leaves(table, name) for table, name in named)

    @staticmethod
    def _all_of(parts: Iterable[Found]) -> Found:
        leaves: dict[Leaf, None] = {}
        why: dict[str, None] = {}
        for found, reasons in parts:
            leaves |= dict.fromkeys(found)
            why |= dict.fromkeys(reasons)
        return list(leaves), list(why)


def from_tmsl(text: str, path: str) -> Said:
    """Return what a `model.bim` says.

    Raises:
        FreeholdError: FH-X203 it is no JSON, or no model.
    """
    said = as_json(text, path)
    for key in ("createOrReplace", "create", "database", "model"):
        said = said.get(key, said) if isinstance(said, dict) else said
    if not isinstance(said, dict) or not isinstance(said.get("tables"), list):
        raise broken(path, "it holds no `model` with `tables`")
    shared = {str(e.get("name")): _joined(e.get("expression")) for e in _list(said, "expressions")}
    ties = [(_end(one, "from"), _end(one, "to")) for one in _list(said, "relationships") if one.get("isActive", True)]
    return Said([_table(one, path) for one in _list(said, "tables")], shared, ties)


def _end(said: Mapping[str, Any], end: str) -> tuple[str, str]:
    return str(said.get(f"{end}Table", "")), str(said.get(f"{end}Column", ""))


def from_tmdl(things: Iterable[tuple[str, Thing]]) -> Said:
    """Return the same of the parsed files of a TMDL folder, each with its path."""
    said = Said()
    for path, root in things:
        said.shared |= {thing.name: thing.expression for thing in root.of("expression")}
        models = [root, *root.of("model"), *root.of("database")]
        said.tables += [_table_of(thing, path) for one in models for thing in one.of("table")]
        for tie in (thing for one in models for thing in one.of("relationship")):
            if tie.properties.get("isActive") != "false":
                ends = [_dotted(tie.properties.get(key, "")) for key in ("fromColumn", "toColumn")]
                said.relationships.append((ends[0], ends[1]))
    return said


def _dotted(written: str) -> tuple[str, str]:
    """Return table and column of `Sales.'Product key'`."""
    parts = [(quoted or plain).replace("''", "'") for quoted, plain in _PART.findall(written)]
    return (parts[0], parts[1]) if len(parts) == 2 else ("", "")


def as_json(text: str, path: str) -> Any:
    """Return what JSON says.

    Raises:
        FreeholdError: FH-X203 it is none, with line and column.
    """
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise broken(path, f"it is no JSON ({error.msg})", error.lineno, error.colno) from error
    except RecursionError as error:
        raise broken(path, "it is nested too deeply") from error


def _table(said: dict[str, Any], path: str) -> Table:
    table = Table(str(said.get("name", "")), Where(path))
    for column in _list(said, "columns"):
        name = str(column.get("name", ""))
        if column.get("type") == "calculated":
            table.computed[name] = _joined(column.get("expression"))
        else:
            table.columns[name] = _bare(str(column.get("sourceColumn") or name))
    table.measures = {str(m.get("name", "")): _joined(m.get("expression")) for m in _list(said, "measures")}
    for partition in _list(said, "partitions"):
        source = partition.get("source") or {}
        _add_source(table, str(source.get("type") or ("query" if "query" in source else "m")), source)
    return table


def _add_source(table: Table, kind: str, source: Mapping[str, Any]) -> None:
    if kind == "calculated":
        table.formulas.append(_joined(source.get("expression")))
    elif kind == "query":
        table.statements.append(_joined(source.get("query")))
    elif kind == "entity":
        parts = (source.get("schemaName"), source.get("entityName"))
        table.entities.append(".".join(str(part) for part in parts if part))
    elif kind == "m":
        table.queries.append(_joined(source.get("expression")))


def _table_of(thing: Thing, path: str) -> Table:
    table = Table(thing.name, Where(path, thing.line, 1))
    for column in thing.of("column"):
        if column.expression:
            table.computed[column.name] = column.expression
        else:
            table.columns[column.name] = _bare(column.properties.get("sourceColumn", column.name))
    table.measures = {m.name: m.expression for m in thing.of("measure")}
    for partition in thing.of("partition"):
        source = {"expression": partition.properties.get("source", ""), **partition.properties}
        source["query"] = partition.properties.get("query", source["expression"])
        _add_source(table, partition.expression.strip() or "m", source)
    return table


def _bare(name: str) -> str:
    """Return the name of a source column; of a computed table it stands in brackets."""
    return name[1:-1] if name.startswith("[") and name.endswith("]") else name


def _joined(said: Any) -> str:
    """Return a text that JSON may hold line by line."""
    return "\n".join(str(line) for line in said) if isinstance(said, list) else str(said or "")


def _list(said: Mapping[str, Any], key: str) -> Iterator[dict[str, Any]]:
    found = said.get(key)
    return (one for one in (found if isinstance(found, list) else ()) if isinstance(one, dict))
