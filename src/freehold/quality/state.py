"""What is known about the rows of one partition, small enough to keep and made to be merged.

The state of a table is the merge of the states of its batches: a daily check reads the new day only. The same value is
the table's profile, the baseline of drift, and what the next plan uses to avoid work.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

MOST_VALUES = 1_000  # a column with more distinct values is not low-cardinality


@dataclass(frozen=True, slots=True)
class ColumnProfile:
    """One column of a partition. None means not measured, never zero.

    `m2` is the sum of squared distances from the mean. `values` counts every non-null value and is exact or absent;
    `distinct_about` is a lower bound once merged and serves planning only. `quantiles` are those of `layout.QUANTILES`,
    of few rows read at once: they neither merge nor are kept.
    """

    nulls: int | None = None
    minimum: Any = None
    maximum: Any = None
    total: Any = None
    m2: float | None = None
    values: Mapping[Any, int] | None = None
    distinct_about: int | None = None
    quantiles: tuple[float, ...] | None = field(default=None, compare=False)

    @property
    def is_low_cardinality(self) -> bool:
        """Whether the column is known to have few distinct values."""
        if self.values is not None:
            return True
        return self.distinct_about is not None and self.distinct_about <= MOST_VALUES


@dataclass(frozen=True, slots=True)
class TableState:
    """One partition, or several merged.

    `tallies` are counts of failing rows by the fingerprint of what was counted: they add up over partitions. A tally
    of duplicates counts the rows that were one too many when their batch joined the rows then live; it adds up for
    batches that were judged one after another.
    """

    rows: int = 0
    columns: Mapping[str, ColumnProfile] = field(default_factory=dict)
    tallies: Mapping[str, int] = field(default_factory=dict)

    @staticmethod
    def merge(a: TableState, b: TableState) -> TableState:
        """Return the state of the rows of both; what only one of them knows is not known of both."""
        if _is_blank(a) or _is_blank(b):
            return b if _is_blank(a) else a
        columns = {
            name: _merged(a.columns[name], a.rows, b.columns[name], b.rows) for name in a.columns if name in b.columns
        }
        tallies = {name: a.tallies[name] + b.tallies[name] for name in a.tallies if name in b.tallies}
        return TableState(a.rows + b.rows, columns, tallies)

    def to_json(self) -> dict[str, Any]:
        """Return the state as JSON values; what is None is left out."""
        return {
            "rows": self.rows,
            "columns": {name: _column_to_json(column) for name, column in self.columns.items()},
            "tallies": dict(self.tallies),
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> TableState:
        """Return the state that `to_json` wrote."""
        columns = {name: _column_from_json(column) for name, column in stored["columns"].items()}
        return cls(stored["rows"], columns, dict(stored["tallies"]))


def _is_blank(state: TableState) -> bool:
    return state.rows == 0 and not state.columns and not state.tallies


def _merged(a: ColumnProfile, a_rows: int, b: ColumnProfile, b_rows: int) -> ColumnProfile:
    return ColumnProfile(
        nulls=_added(a.nulls, b.nulls),
        minimum=_extreme(min, a.minimum, a_rows == a.nulls, b.minimum, b_rows == b.nulls),
        maximum=_extreme(max, a.maximum, a_rows == a.nulls, b.maximum, b_rows == b.nulls),
        total=_total(a, a_rows, b, b_rows),
        m2=_m2(a, a_rows, b, b_rows),
        values=_counts(a.values, b.values),
        distinct_about=None if None in (a.distinct_about, b.distinct_about) else _larger(a, b),
    )


def _larger(a: ColumnProfile, b: ColumnProfile) -> int:
    return max(a.distinct_about or 0, b.distinct_about or 0)


def _added(a: int | None, b: int | None) -> int | None:
    return None if a is None or b is None else a + b


def _extreme(choose: Any, a: Any, a_empty: bool, b: Any, b_empty: bool) -> Any:
    """Return the smaller or larger; a partition without values takes no part, an unmeasured one makes it unknown."""
    if a is None or b is None:
        if a is None and a_empty:
            return b
        return a if b is None and b_empty else None
    if _is_nan(a) or _is_nan(b):  # an engine sorts NaN last, Python does not sort it at all
        return _nan_extreme(choose, a, b)
    try:
        return choose(a, b)
    except TypeError:  # the column changed its type between the two partitions
        return None


def _nan_extreme(choose: Any, a: Any, b: Any) -> Any:
    if choose is max:
        return math.nan
    return b if _is_nan(a) else a


def _is_nan(value: Any) -> bool:
    return isinstance(value, float) and math.isnan(value)


def _total(a: ColumnProfile, a_rows: int, b: ColumnProfile, b_rows: int) -> Any:
    if a.total is None or b.total is None:
        if a.total is None and a_rows == a.nulls:
            return b.total
        return a.total if b.total is None and b_rows == b.nulls else None
    if isinstance(a.total, float) or isinstance(b.total, float):
        return float(a.total) + float(b.total)
    return a.total + b.total


def _m2(a: ColumnProfile, a_rows: int, b: ColumnProfile, b_rows: int) -> float | None:
    """Return the joint sum of squares (Chan, Golub and LeVeque 1979)."""
    if a_rows == a.nulls or b_rows == b.nulls:
        return b.m2 if a_rows == a.nulls else a.m2
    known = (a.nulls, b.nulls, a.m2, b.m2, a.total, b.total)
    if any(value is None for value in known):
        return None
    n, m = a_rows - (a.nulls or 0), b_rows - (b.nulls or 0)
    apart = float(b.total) / m - float(a.total) / n
    return float(a.m2 or 0.0) + float(b.m2 or 0.0) + apart * apart * n * m / (n + m)


def _counts(a: Mapping[Any, int] | None, b: Mapping[Any, int] | None) -> Mapping[Any, int] | None:
    if a is None or b is None:
        return None
    both = dict(a)
    for value, count in b.items():
        both[value] = both.get(value, 0) + count
    return both if len(both) <= MOST_VALUES else None


_SCALARS = ("nulls", "minimum", "maximum", "total", "m2", "distinct_about")


def _column_to_json(column: ColumnProfile) -> dict[str, Any]:
    said = {name: _plain(getattr(column, name)) for name in _SCALARS if getattr(column, name) is not None}
    if column.values is not None:
        said["values"] = [[_plain(value), count] for value, count in column.values.items()]
    return said


def _column_from_json(stored: Mapping[str, Any]) -> ColumnProfile:
    scalars = {name: _typed(stored[name]) for name in _SCALARS if name in stored}
    values = {_typed(value): count for value, count in stored["values"]} if "values" in stored else None
    return ColumnProfile(**scalars, values=values)


def _plain(value: Any) -> Any:
    """Return a JSON value; what JSON has no word for becomes `{type: text}`."""
    if isinstance(value, float) and not math.isfinite(value):
        return {"float": repr(value)}
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, datetime):
        return {"datetime": value.isoformat()}
    if isinstance(value, date):
        return {"date": value.isoformat()}
    if isinstance(value, time):
        return {"time": value.isoformat()}
    if isinstance(value, timedelta):
        return {"seconds": value.total_seconds()}
    if isinstance(value, Decimal):
        return {"decimal": str(value)}
    if isinstance(value, UUID):
        return {"uuid": str(value)}
    return {"text": str(value)}


_READERS: Mapping[str, Any] = {
    "float": float,
    "datetime": datetime.fromisoformat,
    "date": date.fromisoformat,
    "time": time.fromisoformat,
    "seconds": lambda seconds: timedelta(seconds=seconds),
    "decimal": Decimal,
    "uuid": UUID,
    "text": str,
}


def _typed(stored: Any) -> Any:
    if not isinstance(stored, dict):
        return stored
    ((kind, text),) = stored.items()
    return _READERS[kind](text)
