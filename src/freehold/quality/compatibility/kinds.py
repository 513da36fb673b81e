"""Types as sets of values, whatever an engine calls them, so that one can be asked whether it holds another.

A physical type is parsed in its dialect by sqlglot and read here; what engines mean by a name they share (`FLOAT`,
`NUMERIC`, `TIMESTAMP`) is a table, not a branch.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeAlias

_SINGLE, _DOUBLE = 24, 53  # bits of a float that hold a whole number exactly
_UNBOUNDED = None


@dataclass(frozen=True, slots=True)
class Exact:
    """Whole numbers and decimals: `low` to `high` before the point (None: without end), `scale` digits after it."""

    low: int | None
    high: int | None
    scale: int | None
    family: str = "exact number"

    def holds(self, other: Kind) -> bool:
        """Return whether every value of the other type is one of this type."""
        return (
            isinstance(other, Exact)
            and _at_most(self.low, other.low, of_low=True)
            and _at_most(other.high, self.high)
            and _at_most(other.scale, self.scale)
        )


@dataclass(frozen=True, slots=True)
class Approximate:
    """Floats of so many bits. They hold a whole number exactly as long as it fits those bits."""

    bits: int
    family: str = "float"

    def holds(self, other: Kind) -> bool:
        """Return whether every value of the other type is one of this type."""
        if isinstance(other, Approximate):
            return other.bits <= self.bits
        if not isinstance(other, Exact) or other.scale != 0 or other.low is None or other.high is None:
            return False
        return max(-other.low, other.high) <= int(2**self.bits)


@dataclass(frozen=True, slots=True)
class Text:
    """Text of at most so many characters (None: any); `padded` if blanks fill it up; `words` if only those occur."""

    length: int | None = None
    padded: bool = False
    words: tuple[str, ...] = ()
    family: str = "text"

    def holds(self, other: Kind) -> bool:
        """Return whether every value of the other type is one of this type."""
        if not isinstance(other, Text):
            return False
        if self.words:
            return bool(other.words) and set(other.words) <= set(self.words)
        longest = max(map(len, other.words)) if other.words else other.length
        return _at_most(longest, self.length) and (other.padded or not self.padded)


@dataclass(frozen=True, slots=True)
class Instant:
    """A date, a time of day or a point in time, to so many digits of a second; `narrow` where those cost years."""

    family: str
    digits: int = 0
    narrow: bool = False

    def holds(self, other: Kind) -> bool:
        """Return whether every value of the other type is one of this type."""
        return (
            isinstance(other, Instant)
            and (self.family, True) == (other.family, self.digits >= other.digits)
            and (other.narrow or not self.narrow)
        )


@dataclass(frozen=True, slots=True)
class Nested:
    """An array of one kind, a map of two, or a struct of named fields."""

    family: str
    parts: tuple[Kind, ...] = ()
    names: tuple[str, ...] = ()
    size: int | None = None

    def holds(self, other: Kind) -> bool:
        """Return whether every value of the other type is one of this type; a struct may have more fields than it."""
        if not isinstance(other, Nested) or self.family != other.family:
            return False
        if not (self.parts and other.parts):
            return not self.parts
        if self.size is not None and self.size != other.size:
            return False
        if self.names:
            mine = dict(zip(self.names, self.parts, strict=True))
            theirs = dict(zip(other.names, other.parts, strict=True))
            return all(name in mine and mine[name].holds(part) for name, part in theirs.items())
        return all(mine.holds(part) for mine, part in zip(self.parts, other.parts, strict=True))


@dataclass(frozen=True, slots=True)
class Plain:
    """A type that is like no other: boolean, UUID, JSON, binary."""

    family: str

    def holds(self, other: Kind) -> bool:
        """Return whether the other is the same type."""
        return self == other


Kind: TypeAlias = "Exact | Approximate | Text | Instant | Nested | Plain"


def _at_most(small: int | None, large: int | None, *, of_low: bool = False) -> bool:
    """Return whether one limit lies within another; None is no limit."""
    if large is None and not of_low:
        return True
    if small is None:
        return of_low
    return large is not None and small <= large


def _bits(bits: int, *, signed: bool = True) -> Exact:
    return Exact(-(2 ** (bits - 1)) if signed else 0, 2 ** (bits - signed) - 1, 0)


def _decimal(precision: int, scale: int) -> Exact:
    return Exact(-(10 ** (precision - scale)) + 1, 10 ** (precision - scale) - 1, scale)


_INT, _BIG = _bits(32), _bits(64)
_SCALARS: dict[str, Kind] = {
    "TINYINT": _bits(8), "SMALLINT": _bits(16), "MEDIUMINT": _bits(24), "INT": _INT, "BIGINT": _BIG,
    "INT128": _bits(128), "INT256": _bits(256), "UTINYINT": _bits(8, signed=False),
    "USMALLINT": _bits(16, signed=False), "UINT": _bits(32, signed=False),
    "UBIGINT": _bits(64, signed=False), "UINT128": _bits(128, signed=False),
    "UINT256": _bits(256, signed=False), "BIGNUM": Exact(None, None, 0), "SERIAL": _INT, "SMALLSERIAL": _bits(16),
    "BIGSERIAL": _BIG, "BOOLEAN": Plain("boolean"), "UUID": Plain("UUID"), "JSON": Plain("JSON"),
    "JSONB": Plain("JSON"), "VARIANT": Plain("variant"),
    "OBJECT": Plain("object"), "BINARY": Plain("binary"), "VARBINARY": Plain("binary"),
    "BLOB": Plain("binary"), "BIT": Plain("bit"), "INTERVAL": Plain("interval"), "MONEY": Plain("money"),
    "GEOGRAPHY": Plain("geography"), "GEOMETRY": Plain("geometry"), "HSTORE": Plain("hstore"), "XML": Plain("XML"),
    "INET": Plain("inet"), "FLOAT": Approximate(_SINGLE), "DOUBLE": Approximate(_DOUBLE), "DATE": Instant("date"),
    "DATE32": Instant("date"), "TIMESTAMP_S": Instant("timestamp", 0), "TIMESTAMP_MS": Instant("timestamp", 3),
    "TIMESTAMP_NS": Instant("timestamp", 9, narrow=True),
}  # fmt: skip
_TEXTS = {"CHAR", "NCHAR", "VARCHAR", "NVARCHAR", "TEXT", "BPCHAR", "NAME", "MEDIUMTEXT", "LONGTEXT", "TINYTEXT"}
_INSTANTS = {
    "TIME": "time of day", "TIMETZ": "time of day with a zone", "TIMESTAMP": "timestamp", "TIMESTAMPNTZ": "timestamp",
    "DATETIME": "timestamp", "DATETIME2": "timestamp", "TIMESTAMPTZ": "timestamp with a zone",
    "TIMESTAMPLTZ": "timestamp with a zone",
}  # fmt: skip
# What a bare name means where engines differ; integers are all NUMBER(38,0) on Snowflake and INT64 on BigQuery.
_WHOLE = ("TINYINT", "SMALLINT", "INT", "BIGINT")
_BARE: dict[str, dict[str, Kind]] = {
    "snowflake": {**{n: _decimal(38, 0) for n in _WHOLE}, "FLOAT": Approximate(_DOUBLE), "DECIMAL": _decimal(38, 0)},
    "bigquery": {
        **dict.fromkeys(_WHOLE, _BIG), "FLOAT": Approximate(_DOUBLE), "DECIMAL": _decimal(38, 9),
        "BIGDECIMAL": _decimal(76, 38),
    },
    "postgres": {"DECIMAL": Exact(None, None, None)},
    "spark": {"DECIMAL": _decimal(10, 0)},
    "databricks": {"DECIMAL": _decimal(10, 0)},
    "trino": {"DECIMAL": _decimal(38, 0)},
}  # fmt: skip
_DIGITS = {"snowflake": 9, "trino": 3}  # of a second, where a timestamp says nothing; elsewhere 6
_OTHERS = ("duckdb", "postgres", "snowflake", "bigquery", "spark")
_DECIMALS = {"DECIMAL", "BIGDECIMAL", "DECIMAL32", "DECIMAL64", "DECIMAL128", "DECIMAL256"}


@lru_cache(maxsize=4096)
def kind_of(text: str, dialect: str) -> Kind | None:
    """Return what a physical type holds, read in its dialect, else in the first that knows it; None if none does."""
    for spoken in (dialect, *(d for d in _OTHERS if d != dialect)):
        parsed = _parsed(text, spoken)
        found = _read(parsed, spoken) if parsed is not None else None
        if found is not None:
            # DuckDB drops the length of text as it stores it; as a promise it stands.
            return _with_length(found, text)
    return None


def _parsed(text: str, dialect: str) -> Any:
    from sqlglot import errors, exp

    try:
        return exp.DataType.build(text, dialect=dialect)
    except (errors.ParseError, errors.TokenError):
        return None


def _with_length(found: Kind, text: str) -> Kind:
    if not isinstance(found, Text) or found.length is not None or found.words or not text.rstrip().endswith(")"):
        return found
    inside = text.rpartition("(")[2].rstrip(" )")
    padded = text.strip().lower().startswith("char") and "var" not in text.lower()
    return Text(int(inside), padded) if inside.isdigit() else found


def _read(parsed: Any, dialect: str) -> Kind | None:
    from sqlglot import exp

    if not isinstance(parsed, exp.DataType) or not isinstance(parsed.this, exp.DataType.Type):
        return None
    name = parsed.this.name
    sizes = [int(e.name) for e in parsed.expressions if e.name.isdigit()]
    if not sizes and name in _BARE.get(dialect, {}):
        return _BARE[dialect][name]
    if name in _DECIMALS:
        return _decimal(sizes[0], sizes[1] if len(sizes) > 1 else 0) if sizes else Exact(None, None, None)
    if name in _TEXTS:
        return Text(sizes[0] if sizes else (1 if name in ("CHAR", "NCHAR") else None), name in ("CHAR", "NCHAR"))
    if name in _INSTANTS:
        return Instant(_INSTANTS[name], sizes[0] if sizes else _DIGITS.get(dialect, 6))
    if name == "ENUM":
        return Text(words=tuple(e.name for e in parsed.expressions))
    return _nested(parsed, name, dialect) or _SCALARS.get(name)


def _nested(parsed: Any, name: str, dialect: str) -> Kind | None:
    from sqlglot import exp

    if name not in ("ARRAY", "LIST", "STRUCT", "MAP"):
        return None
    family = "array" if name == "LIST" else name.lower()
    fields = [e for e in parsed.expressions if isinstance(e, exp.ColumnDef)]
    kinds = [_read(e.args.get("kind") if isinstance(e, exp.ColumnDef) else e, dialect) for e in parsed.expressions]
    parts = tuple(kind for kind in kinds if kind is not None)
    if len(parts) != len(parsed.expressions):
        return None
    size = parsed.args.get("values")
    return Nested(family, parts, tuple(f.name for f in fields), int(size[0].name) if size else None)
