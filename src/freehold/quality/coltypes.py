"""What kinds of values a column holds, whatever the engine calls its type."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlglot import exp

_INTEGERS = {
    "TINYINT", "SMALLINT", "INTEGER", "INT", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT",
    "UHUGEINT", "INT2", "INT4", "INT8", "LONG", "BIGNUM",
}  # fmt: skip
_NAMES = {
    "FLOAT": "float", "REAL": "float", "DOUBLE": "float", "DOUBLE PRECISION": "float", "FLOAT4": "float",
    "FLOAT8": "float", "VARCHAR": "string", "TEXT": "string", "STRING": "string", "CHAR": "string", "BPCHAR": "string",
    "CHARACTER VARYING": "string", "CHARACTER": "string", "UUID": "uuid", "BLOB": "binary", "BYTEA": "binary",
    "BOOLEAN": "boolean", "BOOL": "boolean", "DATE": "date", "DATETIME": "timestamp", "TIMESTAMPTZ": "timestamptz",
    "JSON": "json", "JSONB": "json", "VARIANT": "json",
}  # fmt: skip
_PREFIXES = (
    ("TIMESTAMP WITH TIME ZONE", "timestamptz"),
    ("TIMESTAMP", "timestamp"),
    ("TIME", "time"),
    ("DECIMAL", "decimal"),
    ("NUMERIC", "decimal"),
    ("STRUCT", "struct"),
    ("MAP", "map"),
    ("ENUM", "enum"),
    ("VARCHAR", "string"),
    ("CHAR", "string"),
)
NUMERIC = frozenset({"integer", "decimal", "float"})
TEMPORAL = frozenset({"date", "timestamp", "timestamptz", "time"})
TEXTUAL = frozenset({"string", "enum", "uuid"})
ORDERED = NUMERIC | TEMPORAL

# ODCS wrote timestamps as `date` before 3.1, so a date may be stored with a time of day.
_ACCEPTED = {
    "string": TEXTUAL | {"json", "binary"},
    "integer": frozenset({"integer"}),
    "number": NUMERIC,
    "date": frozenset({"date", "timestamp", "timestamptz"}),
    "timestamp": frozenset({"timestamp", "timestamptz"}),
    "time": frozenset({"time"}),
    "boolean": frozenset({"boolean"}),
    "object": frozenset({"struct", "map", "json"}),
    "map": frozenset({"struct", "map", "json"}),
    "array": frozenset({"array", "json"}),
    "vector": frozenset({"array"}),
}


@lru_cache(maxsize=4096)
def family(engine_type: str) -> str:
    """Return the family of an engine's type: integer, decimal, float, string, date, timestamp, array … or `other`."""
    name = engine_type.strip().upper()
    if name.endswith("]"):
        return "array"
    if name in _INTEGERS:
        return "integer"
    if name in _NAMES:
        return _NAMES[name]
    return next((kind for prefix, kind in _PREFIXES if name.startswith(prefix)), "other")


def fits_logical(engine_type: str, logical: str) -> bool:
    """Return whether a column of that type can hold values of that ODCS logical type."""
    kind = family(engine_type)
    if logical == "integer" and kind == "decimal":
        return bool(re.search(r"\(\s*\d+\s*(,\s*0\s*)?\)$", engine_type))
    return kind in _ACCEPTED.get(logical, frozenset({kind}))


def fits_physical(engine_type: str, physical: str, dialect: str) -> bool | None:
    """Return whether the two spell the same type; None when `physical` is no type of that dialect.

    Lengths of text are not compared: DuckDB and others drop them. Precision and scale of decimals are.
    """
    wanted, found = _parsed(physical, dialect), _parsed(engine_type, dialect)
    if wanted is None or found is None:
        return None
    if _kind(wanted) != _kind(found):
        return False
    if _kind(wanted) != "DECIMAL" or not wanted.expressions:
        return True
    return [e.sql() for e in wanted.expressions] == [e.sql() for e in found.expressions][: len(wanted.expressions)]


_SAME = {
    "TEXT": "TEXT", "VARCHAR": "TEXT", "CHAR": "TEXT", "NVARCHAR": "TEXT", "NCHAR": "TEXT", "BPCHAR": "TEXT",
    "TIMESTAMPNTZ": "TIMESTAMP", "DATETIME": "TIMESTAMP", "TIMESTAMPLTZ": "TIMESTAMPTZ",
}  # fmt: skip


def _kind(parsed: exp.DataType) -> str:
    name = str(parsed.this.value if hasattr(parsed.this, "value") else parsed.this)
    return _SAME.get(name, name)


@lru_cache(maxsize=4096)
def _parsed(text: str, dialect: str) -> exp.DataType | None:
    from sqlglot import errors, exp

    try:
        built = exp.DataType.build(text, dialect=dialect)
    except errors.SqlglotError:
        return None
    return built if isinstance(built.this, exp.DataType.Type) else None
