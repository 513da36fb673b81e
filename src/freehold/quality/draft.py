"""First contracts for tables that are there already: looked at cheaply, proved where a claim is made, marked as drafts.

A draft claims only what held for every row that was seen, says so in a comment beside each claim, and watches (it
blocks nothing) until a person has made it a promise. Limits leave room for growth: what was seen is in the comment.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from freehold.engines import Capabilities, Column, Relation, Session, quoted
from freehold.estate.writing import inline, scalar

MOST_VALUES = 20  # of a text column, to be drafted as an enum
_FEWEST_ROWS = 50  # fewer rows prove no list of values and no limits
_MOST_KEY_PROOFS = 4  # COUNT(DISTINCT) is the dear part; the likeliest keys are tried first

_LOGICAL = (
    (re.compile(r".*\[\d*\]|LIST.*"), "array"),
    (re.compile(r"(STRUCT|MAP|UNION|ROW).*"), "object"),
    (re.compile(r"U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|INT\d+"), "integer"),
    (re.compile(r"(DECIMAL|NUMERIC|FLOAT|DOUBLE|REAL).*"), "number"),
    (re.compile(r"BOOL(EAN)?"), "boolean"),
    (re.compile(r"DATE"), "date"),
    (re.compile(r"TIMESTAMP.*|DATETIME"), "timestamp"),
    (re.compile(r"TIME.*"), "time"),
    (re.compile(r"(VARCHAR|CHAR|TEXT|STRING|UUID|ENUM|JSON|BPCHAR).*"), "string"),
)
_IDENTIFYING = re.compile(r"(?i)(^|_)(id|key|code|no|nr|number|sku|uuid)$|[a-z](Id|ID|Key|No)$")
_PLAIN_TEXT = re.compile(r"(VARCHAR|CHAR|TEXT|STRING|BPCHAR).*")
_SHORTHAND = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*(\.[A-Za-z_][A-Za-z0-9_-]*)+")
_COUNTED_LOGICAL = ("string", "integer", "number", "boolean", "date", "timestamp")
_KEY_LOGICAL = ("string", "integer", "date", "timestamp")


@dataclass(frozen=True, slots=True)
class ColumnFacts:
    """What one pass over a table shows of a column, and what was proved of it after that.

    `distinct` is an estimate; `unique` and `values` are exact. `shortest` and `longest` are lengths of text.
    """

    name: str
    type: str
    filled: int = 0
    distinct: int = 0
    minimum: Any = None
    maximum: Any = None
    shortest: int | None = None
    longest: int | None = None
    unique: bool = False
    values: tuple[str, ...] = ()

    @property
    def logical(self) -> str | None:
        """The logical type of ODCS, or None where it has none for the engine's type."""
        return next((name for pattern, name in _LOGICAL if pattern.fullmatch(self.type)), None)

    @property
    def identifies(self) -> bool:
        """Whether the name says that the column identifies something, so that its size means nothing."""
        return _IDENTIFYING.search(self.name) is not None


@dataclass(frozen=True, slots=True)
class TableFacts:
    """What was seen of a table."""

    relation: Relation
    rows: int
    columns: tuple[ColumnFacts, ...]

    @property
    def key(self) -> ColumnFacts | None:
        """The column drafted as primary key: proved unique and filled, the one named like a key before others."""
        proved = [c for c in self.columns if c.unique and c.filled == self.rows]
        return next((c for c in proved if c.identifies), proved[0] if proved else None)


@dataclass(frozen=True, slots=True)
class Link:
    """A column whose every value was found in the key of another table."""

    table: str
    column: str
    to_table: str
    to_column: str
    values: int


def look_at(session: Session, relation: Relation, engine: Capabilities) -> TableFacts:
    """Look at a table once, then prove what a contract could claim of it: keys and short lists of values."""
    described = session.describe(relation)
    rows, seen = _one_pass(session, relation, described, engine)
    columns = [_facts(column, seen) for column in described]
    for column in _likely_keys(columns, rows)[:_MOST_KEY_PROOFS]:
        # A moment is often unique by chance; it is a key only where nothing else is.
        if column.logical in ("string", "integer") or not any(c.unique for c in columns):
            columns[columns.index(column)] = replace(column, unique=_is_unique(session, relation, column.name))
    if rows >= _FEWEST_ROWS:
        columns = [replace(c, values=_values(session, relation, c)) if _may_be_a_list(c) else c for c in columns]
    return TableFacts(relation, rows, tuple(columns))


def links_between(session: Session, tables: Sequence[TableFacts]) -> tuple[Link, ...]:
    """Return the references that the names suggest and the values prove."""
    found = []
    for table in tables:
        for column in table.columns:
            for other in tables:
                if other is not table and column.filled and _suggests(column, other) and other.key:
                    missing, values = _missing(session, table, column.name, other, other.key.name)
                    if missing == 0:
                        found.append(
                            Link(table.relation.name, column.name, other.relation.name, other.key.name, values)
                        )
                        break
    return tuple(found)


def asset_names(tables: Sequence[TableFacts]) -> dict[str, str]:
    """Return a name that an asset may have for each table: lower case, and each used once."""
    names: dict[str, str] = {}
    for table in tables:
        base = re.sub(r"[^a-z0-9_-]+", "_", table.relation.name.lower()).strip("_") or "table"
        name, number = base, 2
        while name in names.values():
            name, number = f"{base}_{number}", number + 1
        names[table.relation.name] = name
    return names


def draft_product(product: str, names: Mapping[str, str], team: str, source: str) -> str:
    """Return the file of a product that watches the tables of one schema, as YAML."""
    ports = "\n".join(f"  - {{name: {n}, version: 0.1.0, contractId: {product}.{n}}}" for n in names.values())
    return f"""apiVersion: v1.0.0
kind: DataProduct
id: {product}
version: 0.1.0
status: draft # drafted from {source}; make it active when its promises are meant
description:
  purpose: To be written.
outputPorts:
{ports}
team: {{name: {team}}}
customProperties:
  - {{property: "freehold:tier", value: 3}}
  - {{property: "freehold:mode", value: watch}} # watch | advise | check | publish
"""


def draft_contract(
    table: TableFacts, product: str, names: Mapping[str, str], links: Sequence[Link], server: Mapping[str, Any]
) -> str:
    """Return the contract that was drawn from what was seen of a table, as YAML with a comment beside each claim."""
    name = names[table.relation.name]
    server = {"server": "warehouse", **server, "schema": table.relation.schema}
    lines = [
        "apiVersion: v3.2.0",
        "kind: DataContract",
        f"id: {product}.{name}",
        "version: 0.1.0",
        "status: draft",
        f"dataProduct: {product}",
        "servers:",
        f"  - {inline(server)}",
        "schema:",
        f"  - name: {scalar(name)}",
        f"    physicalName: {scalar(table.relation.name)}",
        f"    physicalType: {table.relation.kind}",
        "    properties:",
    ]
    for column in table.columns:
        lines += _property(table, column, [k for k in links if k.column == column.name], product, names)
    if table.rows:
        lines += [
            "    quality:",
            f"      - type: library # drafted: {table.rows:,} rows seen",
            "        metric: rowCount",
            "        mustBeGreaterThan: 0",
            "        dimension: completeness",
            "        severity: warning",
        ]
    return "\n".join(lines) + "\n"


def _property(
    table: TableFacts, column: ColumnFacts, links: Sequence[Link], product: str, names: Mapping[str, str]
) -> Iterator[str]:
    yield f"      - name: {scalar(column.name)}"
    if column.logical:
        yield f"        logicalType: {column.logical}"
    yield f"        physicalType: {scalar(column.type)}"
    if table.rows and column.filled == table.rows:
        yield f"        required: true # drafted: none of {table.rows:,} rows is empty"
    if column is table.key:
        yield f"        primaryKey: true # drafted: {table.rows:,} different values in {table.rows:,} rows"
        yield "        primaryKeyPosition: 1"
    elif column.unique:
        yield f"        unique: true # drafted: {column.filled:,} different values in {column.filled:,} rows"
    yield from _limits(column)
    if column.values:
        yield f"        enum: # drafted: all values seen in {column.filled:,} rows"
        for value in column.values:
            yield f"          - {{value: {scalar(value)}}}"
    for link in links:
        target = f"{product}.{names[link.to_table]}.{link.to_column}"
        # The standard's shorthand has no quotes: a column named `order no` cannot be referred to.
        if link.table == table.relation.name and _SHORTHAND.fullmatch(target):
            yield "        relationships:"
            yield f"          - to: {target} # drafted: each of {link.values:,} values is there"


def _limits(column: ColumnFacts) -> Iterator[str]:
    options: dict[str, Any] = {}
    seen = f"{column.minimum} to {column.maximum}"
    if column.filled < _FEWEST_ROWS or column.unique:
        return
    if column.logical in ("integer", "number") and not column.identifies and column.minimum is not None:
        if column.minimum >= 0:
            options["minimum"] = 0
        options["maximum"] = _roomy(float(column.maximum)) if column.maximum > 0 else 0
    elif column.logical == "string" and _PLAIN_TEXT.fullmatch(column.type) and not column.values and column.longest:
        if column.shortest == column.longest:
            options = {"minLength": column.longest, "maxLength": column.longest}
        else:
            options = {"maxLength": int(_roomy(column.longest))}
        seen = f"lengths {column.shortest} to {column.longest}"
    elif column.logical in ("date", "timestamp") and column.minimum is not None:
        yield f"        # seen: {seen}"
    if options:
        yield f"        logicalTypeOptions: {inline(options)} # drafted: {seen} seen in {column.filled:,} rows"


def _roomy(highest: float) -> float | int:
    """Return a limit above what was seen: 1 for a share, else ten times as much, rounded up to a power of ten."""
    if 0 < highest <= 1:
        return 1
    limit = 10
    while limit < highest * 10:
        limit *= 10
    return limit


def _one_pass(
    session: Session, relation: Relation, columns: Sequence[Column], engine: Capabilities
) -> tuple[int, dict[str, Any]]:
    """Return the number of rows, and what one query shows of all columns, by `measure:column`."""
    wanted: dict[str, str] = {}
    for column in columns:
        name, facts = quoted(column.name), ColumnFacts(column.name, column.type)
        wanted[f"filled:{column.name}"] = f"count({name})"
        if facts.logical in _COUNTED_LOGICAL:
            wanted[f"distinct:{column.name}"] = engine.estimated_distinct.format(name)
        if facts.logical in ("integer", "number", "date", "timestamp"):
            # NaN and infinities say nothing about limits.
            real = facts.logical == "number" and not column.type.startswith(("DECIMAL", "NUMERIC"))
            value = f"CASE WHEN {engine.is_finite.format(name)} THEN {name} END" if real else name
            wanted[f"minimum:{column.name}"] = f"min({value})"
            wanted[f"maximum:{column.name}"] = f"max({value})"
        elif facts.logical == "string" and _PLAIN_TEXT.fullmatch(column.type):
            wanted[f"shortest:{column.name}"] = f"min(length({name}))"
            wanted[f"longest:{column.name}"] = f"max(length({name}))"
    row = session.rows(f"SELECT {', '.join(['count(*)', *wanted.values()])} FROM {relation.sql}")[0]
    return int(row[0]), dict(zip(wanted, row[1:], strict=True))


def _facts(column: Column, seen: Mapping[str, Any]) -> ColumnFacts:
    def measured(measure: str) -> Any:
        return seen.get(f"{measure}:{column.name}")

    return ColumnFacts(
        column.name,
        column.type,
        filled=measured("filled") or 0,
        distinct=measured("distinct") or 0,
        minimum=measured("minimum"),
        maximum=measured("maximum"),
        shortest=measured("shortest"),
        longest=measured("longest"),
    )


def _likely_keys(columns: Sequence[ColumnFacts], rows: int) -> list[ColumnFacts]:
    """Return the columns that may be unique by the estimate, the likeliest key first."""
    may_be = [
        c
        for c in columns
        # The estimate of HyperLogLog errs by a few per cent; below 85 % no column of that many rows is unique.
        if rows > 1 and c.logical in _KEY_LOGICAL and c.filled and c.distinct >= 0.85 * c.filled
    ]
    return sorted(may_be, key=lambda c: (c.logical not in ("string", "integer"), not c.identifies, c.filled < rows))


def _is_unique(session: Session, relation: Relation, column: str) -> bool:
    name = quoted(column)
    filled, different = session.rows(f"SELECT count({name}), count(DISTINCT {name}) FROM {relation.sql}")[0]
    return bool(filled == different)


def _may_be_a_list(column: ColumnFacts) -> bool:
    return (
        _PLAIN_TEXT.fullmatch(column.type) is not None
        and not column.unique
        and 1 < column.distinct <= MOST_VALUES * 1.2  # an estimate; the list itself is exact
        and column.distinct * 5 <= column.filled
        and (column.longest or 0) <= 60
    )


def _values(session: Session, relation: Relation, column: ColumnFacts) -> tuple[str, ...]:
    """Return all values of a text column, or none when there are more than fit a list."""
    name = quoted(column.name)
    found = session.rows(
        f"SELECT DISTINCT {name} FROM {relation.sql} WHERE {name} IS NOT NULL ORDER BY 1 LIMIT {MOST_VALUES + 1}"
    )
    return tuple(str(row[0]) for row in found) if len(found) <= MOST_VALUES else ()


def _suggests(column: ColumnFacts, other: TableFacts) -> bool:
    """Whether a column is named after the key of another table, or after the table itself."""
    key = other.key
    if key is None or key.logical != column.logical:
        return False
    named, table = column.name.lower(), other.relation.name.lower()
    singular = re.sub(r"(ies$)|((?<=ss|sh|ch)es$)|s$", lambda m: "y" if m[1] else "", table)
    own = {f"{stem}{end}" for stem in (table, singular) for end in ("_id", "id", "_key", "_code", "_no")}
    return named in own or (named == key.name.lower() and named not in ("id", "key", "code", "name", "date"))


def _missing(session: Session, table: TableFacts, column: str, other: TableFacts, key: str) -> tuple[int, int]:
    """Return how many different values are missing there, and how many there are."""
    row = session.rows(
        f"SELECT count(CASE WHEN k.{quoted(key)} IS NULL THEN 1 END), count(*) FROM (SELECT DISTINCT {quoted(column)} "
        f"AS {quoted('value')} FROM {table.relation.sql} WHERE {quoted(column)} IS NOT NULL) AS v "
        f"LEFT JOIN {other.relation.sql} AS k ON v.{quoted('value')} = k.{quoted(key)}"
    )[0]
    return int(row[0]), int(row[1])


__all__ = [
    "ColumnFacts",
    "Link",
    "TableFacts",
    "asset_names",
    "draft_contract",
    "draft_product",
    "links_between",
    "look_at",
]
