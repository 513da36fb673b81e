"""What a contract tells of a dataset: its columns with their types, and its keys."""

from __future__ import annotations

from freehold.estate.model import Property, SchemaObject
from freehold.metrics.model import TIME_TYPES, Field

_TYPES = {
    "string": "String", "integer": "Integer", "number": "Decimal", "boolean": "Boolean", "date": "Date", "time": "Time",
    "timestamp": "DateTime",
}  # fmt: skip


def fields_of_contract(contract: SchemaObject | None) -> dict[str, Field]:
    """Return the columns that a contract declares, by name."""
    return {c.name: _field_of(c) for c in contract.columns} if contract else {}


def _field_of(column: Property) -> Field:
    physical = (column.physical_type or "").lower()
    kind = _TYPES.get(column.logical_type or "", "")
    if kind == "DateTime" and ("tz" in physical or "with time zone" in physical):
        kind = "DateTimeTz"
    elif kind == "Decimal" and ("double" in physical or "float" in physical or "real" in physical):
        kind = "Float"
    return Field(
        column.name, column.where, None, column.column, kind, kind in TIME_TYPES, column.description or ""
    )  # fmt: skip


def keys_of_contract(contract: SchemaObject | None) -> list[tuple[str, ...]]:
    """Return the keys that a contract declares, the primary one first; runs check them at publication."""
    if contract is None:
        return []
    primary = sorted((p for p in contract.columns if p.primary_key), key=lambda p: p.primary_key_position)
    keys = [tuple(p.name for p in primary)] if primary else []
    return [*keys, *((p.name,) for p in contract.columns if p.unique)]
