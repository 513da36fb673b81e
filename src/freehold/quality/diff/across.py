"""Two relations of two engines: only the rows of buckets that differ travel, slice by slice, and are compared here."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlglot import exp

from freehold.quality import sqltree as sql
from freehold.quality.diff.keyed import column_diffs
from freehold.quality.diff.result import DataDiff, RowSample
from freehold.quality.diff.shape import Field, Shape
from freehold.quality.diff.side import MOST_BUCKETS, Side

_SLICE = 512  # buckets that travel at once, some 130,000 rows of each side: each slice is one more scan
Row = tuple[Any, ...]


@dataclass
class _Tally:
    added: int = 0
    removed: int = 0
    changed: int = 0
    columns: Counter[str] = field(default_factory=Counter)
    samples: list[RowSample] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Across:
    """Both sides, each with a session of its own."""

    before: Side
    after: Side
    most_samples: int

    def compared(self, found: DataDiff, buckets: Sequence[int]) -> DataDiff:
        """Return what is found, completed by the rows of the buckets that differ."""
        tally = _Tally()
        for start in range(0, len(buckets), _SLICE):
            chosen = buckets[start : start + _SLICE]
            old, new = (self._rows(side, chosen) for side in (self.before, self.after))
            if self._shape.key:
                self._keyed(old, new, tally)
            else:
                self._bags(old, new, tally)
        return replace(
            found,
            added=tally.added,
            removed=tally.removed,
            changed=tally.changed,
            columns=column_diffs(dict(tally.columns), found.rows_before - tally.removed),
            samples=tuple(tally.samples),
            decided_by="buckets" if len(buckets) < min(MOST_BUCKETS, found.buckets) else "rows",
        )

    @property
    def _shape(self) -> Shape:
        return self.before.shape

    def _rows(self, side: Side, buckets: Sequence[int]) -> list[Row]:
        query = sql.fetch([exp.column(n) for n in side.names], side.rows(buckets).subquery("r", copy=False))
        plain = [_plain_of(f) for f in self._shape.all]
        return [tuple(p(v) for p, v in zip(plain, row, strict=True)) for row in side.session.rows(query)]

    def _keyed(self, old: Iterable[Row], new: Iterable[Row], tally: _Tally) -> None:
        size = len(self._shape.key)
        before, after = _by_key(old, size), _by_key(new, size)
        loose: tuple[list[Row], list[Row]] = ([], [])
        for key in sorted({*before, *after}, key=_sortable):
            rows, others = before.get(key, []), after.get(key, [])
            if len(rows) > 1 or len(others) > 1 or any(part is None for part in key):
                loose[0].extend(rows)
                loose[1].extend(others)
            elif rows and others:
                self._pair(key, rows[0], others[0], tally)
            else:
                self._alone(key, rows, others, tally)
        if loose[0] or loose[1]:
            self._bags(*loose, tally)

    def _pair(self, key: Row, old: Row, new: Row, tally: _Tally) -> None:
        size = len(key)
        differ = [
            (f.name, b, a)
            for f, b, a in zip(self._shape.fields, old[size:], new[size:], strict=True)
            if not same(b, a, f)
        ]
        if differ:
            tally.changed += 1
            tally.columns.update(name for name, _, _ in differ)
            before, after = ({d[0]: d[i] for d in differ} for i in (1, 2))
            self._show(RowSample("changed", self._named(key), before, after), tally)

    def _alone(self, key: Row, old: list[Row], new: list[Row], tally: _Tally) -> None:
        names = [f.name for f in self._shape.fields]
        tally.added += len(new)
        tally.removed += len(old)
        for row in old:
            self._show(RowSample("removed", self._named(key), dict(zip(names, row[len(key) :], strict=True))), tally)
        for row in new:
            values = dict(zip(names, row[len(key) :], strict=True))
            self._show(RowSample("added", self._named(key), {}, values), tally)

    def _bags(self, old: Iterable[Row], new: Iterable[Row], tally: _Tally) -> None:
        size = len(self._shape.key)
        rows: dict[Row, Row] = {}
        counts: Counter[Row] = Counter()
        for sign, side in ((-1, old), (1, new)):
            for row in side:
                bag = tuple(_hashable(v) for v in row)
                rows.setdefault(bag, row)
                counts[bag] += sign
        for bag, surplus in counts.items():
            for _ in range(abs(surplus)):
                row = rows[bag]
                self._alone(row[:size], [row] if surplus < 0 else [], [row] if surplus > 0 else [], tally)

    def _show(self, sample: RowSample, tally: _Tally) -> None:
        if sum(s.kind == sample.kind for s in tally.samples) < self.most_samples:
            tally.samples.append(sample)

    def _named(self, key: Row) -> dict[str, Any]:
        return {f.name: value for f, value in zip(self._shape.key, key, strict=True)}


def same(before: Any, after: Any, field_: Field) -> bool:
    """Return whether two values count as equal: nothing equals nothing, NaN equals NaN, and what is near enough."""
    if before is None or after is None:
        return before is after
    if _hashable(before) == _hashable(after):
        return True
    tolerance = field_.tolerance
    if tolerance is None:
        return False
    try:
        apart = abs(before - after)
    except TypeError:
        return False
    if isinstance(tolerance, timedelta) or isinstance(apart, timedelta):
        return isinstance(tolerance, timedelta) and isinstance(apart, timedelta) and apart <= tolerance
    return bool(apart <= (Decimal(str(tolerance)) if isinstance(apart, Decimal) else float(tolerance)))


def _by_key(rows: Iterable[Row], size: int) -> dict[Row, list[Row]]:
    found: dict[Row, list[Row]] = defaultdict(list)
    for row in rows:
        found[tuple(_hashable(v) for v in row[:size])].append(row)
    return found


def _plain_of(field_: Field) -> Callable[[Any], Any]:
    """Return what brings a value of either engine to the form in which both are compared."""
    if field_.family == "float":
        return lambda v: None if v is None else float(v)
    if field_.common == "VARCHAR":
        return lambda v: None if v is None else str(v)
    return _instant if field_.family in ("timestamp", "timestamptz") else lambda v: v


def _instant(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC) if value.tzinfo else value
    return datetime(value.year, value.month, value.day) if isinstance(value, date) else value  # noqa: DTZ001


def _hashable(value: Any) -> Any:
    if isinstance(value, float):
        return "NaN" if math.isnan(value) else value + 0.0
    if isinstance(value, dict):
        return tuple(sorted((str(k), _hashable(v)) for k, v in value.items()))
    if isinstance(value, list):
        return tuple(_hashable(v) for v in value)
    return bytes(value) if isinstance(value, bytearray | memoryview) else value


def _sortable(key: Row) -> list[tuple[bool, str, Any]]:
    """Return what keys sort by where parts may be missing or of several kinds."""
    return [(part is None, type(part).__name__, 0 if part is None else part) for part in key]
