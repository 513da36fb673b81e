"""The types that facts have, and which values of Python belong to them."""

from __future__ import annotations

import math
from datetime import date, datetime
from enum import StrEnum
from typing import Any

Value = bool | int | float | str | date | datetime | None


class FactType(StrEnum):
    """The type of a fact, as SQL names it."""

    BOOLEAN = "boolean"
    INTEGER = "bigint"
    NUMBER = "double"
    TEXT = "varchar"
    DATE = "date"
    INSTANT = "timestamp with time zone"

    @property
    def family(self) -> str:
        """What it can be compared with: numbers with numbers, text with text."""
        return "number" if self in (FactType.INTEGER, FactType.NUMBER) else self.spoken

    @property
    def spoken(self) -> str:
        """The type in a sentence."""
        return _SPOKEN[self]


_SPOKEN = {
    FactType.BOOLEAN: "a truth value", FactType.INTEGER: "a number", FactType.NUMBER: "a number",
    FactType.TEXT: "text", FactType.DATE: "a date", FactType.INSTANT: "an instant",
}  # fmt: skip


def fits(value: Any, type_: FactType) -> bool:
    """Whether a value belongs to a type. Nothing (None) belongs to every one; NaN to none."""
    if value is None:
        return True
    if isinstance(value, bool):
        return type_ is FactType.BOOLEAN
    if isinstance(value, int):
        return type_ in (FactType.INTEGER, FactType.NUMBER)
    if isinstance(value, float):
        return type_ is FactType.NUMBER and not math.isnan(value)
    if isinstance(value, datetime):
        return type_ is FactType.INSTANT and value.tzinfo is not None
    return isinstance(value, str if type_ is FactType.TEXT else date if type_ is FactType.DATE else ())
