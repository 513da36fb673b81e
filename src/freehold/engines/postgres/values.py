"""Values on their way in and out: Arrow to COPY, rows to Arrow, and the types of each in the words of the other."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from freehold.engines.protocol import Column

if TYPE_CHECKING:
    import pyarrow as pa

_NAMES = {  # what format_type() says, where it is not upper-cased to the name a person writes
    "character varying": "VARCHAR",
    "timestamp without time zone": "TIMESTAMP",
    "timestamp with time zone": "TIMESTAMP WITH TIME ZONE",
    "time without time zone": "TIME",
    "numeric": "DECIMAL",
    "text": "VARCHAR",
    "bpchar": "VARCHAR",
}
_SIZED = re.compile(r"(?P<name>[a-z ]+?)\((?P<size>[\d,-]+)\)(?P<rest>.*)")


@lru_cache(maxsize=1024)
def spelled(formatted: str) -> str:
    """Return a type as format_type() tells it in the spelling of the protocol, still good for a column definition."""
    if formatted.endswith("[]"):
        return spelled(formatted[:-2]) + "[]"
    if formatted.startswith('"') or "." in formatted:
        return formatted  # a type somebody made: its name is a name
    found = _SIZED.fullmatch(formatted)
    name, size, rest = (found["name"], f"({found['size']})", found["rest"]) if found else (formatted, "", "")
    if name in ("timestamp", "time"):  # the size stands inside: `timestamp(3) without time zone`
        zone = " WITH TIME ZONE" if rest.endswith("with time zone") else ""
        return f"{name.upper()}{size}{zone}"
    return f"{_NAMES.get(name, name.upper())}{size}"


def columns(described: Sequence[tuple[str, str]]) -> tuple[Column, ...]:
    """Return columns from names and formatted types."""
    return tuple(Column(name, spelled(kind)) for name, kind in described)


def definition(schema: pa.Schema) -> str:
    """Return the column definitions of a table for Arrow data."""
    from freehold.engines.protocol import quoted

    return ", ".join(f"{quoted(field.name)} {_stored(field.type)}" for field in schema)


def _stored(kind: pa.DataType) -> str:
    """Return the type in which PostgreSQL keeps every value of an Arrow type."""
    import pyarrow.types as t

    whole = {t.is_int8: "SMALLINT", t.is_uint8: "SMALLINT", t.is_int16: "SMALLINT", t.is_uint16: "INTEGER",
             t.is_int32: "INTEGER", t.is_uint32: "BIGINT", t.is_int64: "BIGINT", t.is_uint64: "NUMERIC(20)",
             t.is_boolean: "BOOLEAN", t.is_float16: "REAL", t.is_float32: "REAL", t.is_float64: "DOUBLE PRECISION",
             t.is_date: "DATE", t.is_time: "TIME", t.is_duration: "INTERVAL", t.is_interval: "INTERVAL",
             t.is_binary: "BYTEA", t.is_large_binary: "BYTEA", t.is_fixed_size_binary: "BYTEA"}  # fmt: skip
    for holds, name in whole.items():
        if holds(kind):
            return name
    if t.is_timestamp(kind):
        return "TIMESTAMPTZ" if kind.tz else "TIMESTAMP"
    if t.is_decimal(kind):
        return f"NUMERIC({kind.precision},{kind.scale})"
    if t.is_dictionary(kind):
        return _stored(kind.value_type)
    if t.is_list(kind) or t.is_large_list(kind):
        return f"{_stored(kind.value_type).removesuffix('[]')}[]"
    return "JSONB" if t.is_nested(kind) else "TEXT"


def as_csv(batch: pa.RecordBatch) -> bytes:
    """Return a batch as COPY (FORMAT csv) reads it: NULL is nothing, an empty text is two quotes."""
    import pyarrow as pa
    import pyarrow.csv as csv

    plain = pa.record_batch(
        [_plain(column) for column in batch.columns], names=[str(i) for i in range(batch.num_columns)]
    )
    sink = pa.BufferOutputStream()
    csv.write_csv(plain, sink, csv.WriteOptions(include_header=False, quoting_style="needed"))
    return bytes(sink.getvalue())


def _plain(column: pa.Array) -> pa.Array:
    """Return a column in a type that a CSV can hold, nothing lost but what PostgreSQL has no place for."""
    import pyarrow as pa
    import pyarrow.types as t

    kind = column.type
    if t.is_dictionary(kind):
        return _plain(column.dictionary_decode())
    if t.is_timestamp(kind) and kind.unit == "ns":
        return column.cast(pa.timestamp("us", kind.tz), safe=False)
    if t.is_time(kind) and kind != pa.time64("us"):
        return column.cast(pa.time64("us"), safe=False)
    if t.is_float16(kind):
        return column.cast(pa.float32())
    if t.is_date64(kind):
        return column.cast(pa.date32())
    if t.is_binary(kind) or t.is_large_binary(kind) or t.is_fixed_size_binary(kind):
        return pa.array([None if v is None else "\\x" + v.hex() for v in column.to_pylist()], pa.string())
    if t.is_duration(kind):
        seconds = column.cast(pa.duration("us"), safe=False).cast(pa.int64()).to_pylist()
        return pa.array([None if v is None else f"{v} microseconds" for v in seconds], pa.string())
    if t.is_interval(kind):
        months = [None if v is None else f"{v.months} months {v.days} days {v.nanoseconds // 1000} microseconds"
                  for v in column.to_pylist()]  # fmt: skip
        return pa.array(months, pa.string())
    if t.is_list(kind) or t.is_large_list(kind):
        return pa.array([None if v is None else _array(v) for v in column.to_pylist()], pa.string())
    if t.is_nested(kind):
        return pa.array([None if v is None else _json(v) for v in column.to_pylist()], pa.string())
    return column


def _array(values: Sequence[Any]) -> str:
    """Return an array as PostgreSQL spells one."""
    if any(isinstance(v, dict) for v in values):
        return _array([None if v is None else _json(v) for v in values])
    return "{" + ",".join(_element(v) for v in values) + "}"


def _element(value: Any) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, list):
        return _array(value)
    text = "\\x" + value.hex() if isinstance(value, bytes) else str(value)
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _json(value: Any) -> str:
    import json

    return json.dumps(dict(value) if isinstance(value, list) else value, default=str, ensure_ascii=False)


def batches(table: Any) -> tuple[pa.Schema, Iterator[pa.RecordBatch]]:
    """Return the schema of Arrow data and its batches, one at a time.

    Raises:
        StopIteration: there is no batch, so there are no columns.
    """
    import pyarrow as pa

    if isinstance(table, pa.Table):
        return table.schema, iter(table.to_batches(max_chunksize=50_000))
    if isinstance(table, pa.RecordBatchReader):
        return table.schema, iter(table)
    rest = iter(table)
    first = next(rest)

    def again() -> Iterator[pa.RecordBatch]:
        yield first
        yield from rest

    return first.schema, again()


def arrow(names: Sequence[str], types: Sequence[str], rows: Iterator[Sequence[tuple[Any, ...]]]) -> pa.Table:
    """Return rows, some at a time, as an Arrow table; `types` are those of the protocol."""
    import pyarrow as pa

    chunks: list[list[Any]] = [[] for _ in names]
    for some in rows:
        for chunk, values in zip(chunks, zip(*some, strict=True), strict=True):
            chunk.append(values)
    made = [_column(kind, [v for some in chunk for v in some]) for kind, chunk in zip(types, chunks, strict=True)]
    return pa.Table.from_arrays(made, names=list(names))


def _column(kind: str, values: list[Any]) -> pa.Array:
    """Return one column; a number without a declared precision gets the one its values need."""
    import pyarrow as pa

    wanted = _arrow_type(kind)
    if wanted is None and kind == "DECIMAL":
        return _decimals(values)
    if kind == "INTERVAL":
        values = [None if v is None else pa.MonthDayNano(v.parts) for v in values]
    if wanted == pa.string():
        values = [v if v is None or isinstance(v, str) else str(v) for v in values]
    return pa.array(values, wanted)


def _decimals(values: list[Any]) -> pa.Array:
    import pyarrow as pa

    known = [v for v in values if v is not None]
    if any(not v.is_finite() for v in known):
        return pa.array([None if v is None else float(v) for v in values], pa.float64())
    scale = max((max(0, -v.as_tuple().exponent) for v in known), default=0)
    whole = max((v.adjusted() + 1 for v in known), default=1)
    precision = max(1, whole, 1) + scale
    return pa.array(
        values, pa.decimal128(precision, scale) if precision <= 38 else pa.decimal256(min(precision, 76), scale)
    )


def _arrow_type(kind: str) -> pa.DataType | None:
    import pyarrow as pa

    if kind.endswith("[]"):
        element = _arrow_type(kind[:-2])
        return None if element is None else pa.list_(element)
    plain = {"SMALLINT": pa.int16(), "INTEGER": pa.int32(), "BIGINT": pa.int64(), "BOOLEAN": pa.bool_(),
             "REAL": pa.float32(), "DOUBLE PRECISION": pa.float64(), "DATE": pa.date32(), "BYTEA": pa.binary(),
             "INTERVAL": pa.month_day_nano_interval(), "OID": pa.int64()}  # fmt: skip
    if kind in plain:
        return plain[kind]
    if kind.startswith("TIMESTAMP"):
        return pa.timestamp("us", "UTC" if "ZONE" in kind else None)
    if kind.startswith("TIME"):
        return None if "ZONE" in kind else pa.time64("us")
    if found := re.fullmatch(r"DECIMAL\((\d+),(-?\d+)\)", kind):
        return _decimal(int(found[1]), int(found[2]))
    return None if kind == "DECIMAL" else pa.string()


def _decimal(precision: int, scale: int) -> pa.DataType:
    """Return the narrowest decimal type of Arrow that holds so many digits; it ends at 76."""
    import pyarrow as pa

    return pa.decimal128(precision, scale) if precision <= 38 else pa.decimal256(min(precision, 76), scale)
