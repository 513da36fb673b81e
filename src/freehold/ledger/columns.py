"""Payload fields as typed columns: one projection a type, used for segments, for the hot tail and for raw files alike.

A payload field keeps its own name. Where the envelope has a column of that name (`env`, `product`, `run_id`, `subject`,
`type`), the field wins, the envelope fills it where the field is absent, and `event_<name>` is the envelope's. Instants
are TIMESTAMP in UTC, lists VARCHAR[], objects JSON, values that may be number or text VARCHAR.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from freehold.ledger.vocabulary import EventType

if TYPE_CHECKING:
    import pyarrow as pa

ENVELOPE = {
    "seq": "BIGINT",
    "id": "VARCHAR",
    "type": "VARCHAR",
    "schema_version": "BIGINT",
    "occurred_at": "TIMESTAMP",
    "recorded_at": "TIMESTAMP",
    "workspace": "VARCHAR",
    "env": "VARCHAR",
    "actor": "VARCHAR",
    "assurance": "VARCHAR",
    "subject": "VARCHAR",
    "product": "VARCHAR",
    "run_id": "VARCHAR",
    "correlation_id": "VARCHAR",
    "replay": "BOOLEAN",
    "data": "VARCHAR",  # JSON text, exactly as sealed
}
FILLS = ("env", "product", "run_id", "subject")  # envelope columns that stand in for an absent field of their name


def sql_type(field: Mapping[str, Any]) -> str:
    """Return the column type of a payload field."""
    if field.get("format") == "date-time" or field.get("x-type") == "instant":
        return "TIMESTAMP"
    if field.get("format") == "date":
        return "DATE"
    said = field.get("type", "string")
    kinds = {said} if isinstance(said, str) else set(said)
    kinds.discard("null")
    if kinds == {"array"}:
        return "VARCHAR[]"
    if kinds & {"object", "array"}:
        return "JSON"
    if len(kinds) > 1:
        return "VARCHAR"
    return {"integer": "BIGINT", "number": "DOUBLE", "boolean": "BOOLEAN"}.get(kinds.pop(), "VARCHAR")


def columns(type_: EventType) -> dict[str, str]:
    """Return the columns of a type's view with their types, envelope first."""
    clash = [name for name in ENVELOPE if name in type_.fields]
    envelope = {f"event_{name}" if name in clash else name: ENVELOPE[name] for name in ENVELOPE}
    return {**envelope, **{name: sql_type(field) for name, field in type_.fields.items()}}


def projection(type_: EventType, source: str) -> str:
    """Return the SELECT that gives a type's columns from rows with the envelope and `data` as JSON text."""
    envelope = [f'"{n}" AS "{"event_" + n if n in type_.fields else n}"' for n in ENVELOPE]
    fields = [f'{_field(name, field)} AS "{name}"' for name, field in type_.fields.items()]
    shape = json.dumps({name: _read_as(sql_type(field)) for name, field in type_.fields.items()})
    parsed = f"from_json(data, {_literal(shape)})" if type_.fields else "NULL"
    rows = f"SELECT *, {parsed} AS payload FROM {source} WHERE type = {_literal(type_.name)}"
    return f"SELECT {', '.join([*envelope, *fields])} FROM ({rows})"


def fingerprint(type_: EventType) -> str:
    """Return what a file of this type's columns is named by: another schema, another file."""
    return hashlib.sha256(projection(type_, "rows").encode()).hexdigest()[:12]


def _read_as(type_: str) -> Any:
    if type_ == "VARCHAR[]":
        return ["VARCHAR"]
    return "VARCHAR" if type_ in ("TIMESTAMP", "DATE") else type_


def _field(name: str, field: Mapping[str, Any]) -> str:
    text = f'payload."{name}"'
    type_ = sql_type(field)
    if type_ == "TIMESTAMP":  # through an instant with a zone, since a plain cast would drop the offset
        text = f"TRY_CAST({text} AS TIMESTAMPTZ) AT TIME ZONE 'UTC'"
    if type_ == "DATE":
        text = f"TRY_CAST({text} AS DATE)"
    if name in FILLS:
        text = f"COALESCE({text}, NULLIF(\"{name}\", ''))"
    if field.get("default") is not None:
        text = f"COALESCE({text}, CAST({_literal(str(field['default']))} AS {type_}))"
    return text


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def arrow(rows: Sequence[Any]) -> pa.Table:
    """Return database rows of ledger_event as an Arrow table with the columns of ENVELOPE."""
    import pyarrow as pa

    kinds: dict[str, pa.DataType] = {"BIGINT": pa.int64(), "TIMESTAMP": pa.timestamp("us"), "BOOLEAN": pa.bool_()}
    by_name = dict(zip(rows[0]._fields, zip(*rows, strict=True), strict=True)) if rows else {}
    made = {}
    for name, type_ in ENVELOPE.items():
        values = pa.array(by_name.get(name, ()), pa.int64() if type_ in kinds else pa.string())
        made[name] = values.cast(kinds[type_]) if type_ in kinds else values
    return pa.table(made)
