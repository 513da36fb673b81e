"""The state of the rows just judged, from what the checks read anyway and one statement for the single values."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

from sqlglot import exp

from freehold.engines import Column
from freehold.quality import sqltree as sql
from freehold.quality.layout import Layout
from freehold.quality.reading import Reader, Readings
from freehold.quality.sqltree import ROWS
from freehold.quality.state import MOST_VALUES, ColumnProfile, TableState
from freehold.quality.strategy import Strategy

_FIELDS = ("minimum", "maximum", "total", "distinct_about")


class Profiler:
    """Builds the `TableState` of one evaluation."""

    def __init__(self, layout: Layout, columns: tuple[Column, ...], strategy: Strategy) -> None:
        self._layout = layout
        self._columns = columns
        self._strategy = strategy

    def state(self, reader: Reader) -> TableState:
        """Return the state of the rows, and let the strategy learn from it."""
        readings = reader.readings
        rows = int(readings.values[self._layout.rows_key])
        values = self._values(reader, rows)
        columns = {c.name: self._column(readings, c.name, rows, values.get(c.name)) for c in self._columns}
        state = TableState(rows, columns, self._tallies(readings))
        self._strategy.learn(state)
        return state

    def _column(self, readings: Readings, name: str, rows: int, values: dict[Any, int] | None) -> ColumnProfile:
        keys, found = self._layout.profile[name], readings.values
        filled = found.get(keys["filled"])
        spread = found.get(keys["m2"]) if "m2" in keys else None
        return ColumnProfile(
            nulls=None if filled is None else rows - filled,
            minimum=_unsigned_zero(found.get(keys.get("minimum", ""))),
            maximum=_unsigned_zero(found.get(keys.get("maximum", ""))),
            total=found.get(keys.get("total", "")),
            m2=None if spread is None or filled is None else float(spread) * filled,
            values=values,
            quantiles=_numbers(found.get(keys.get("quantiles", ""))),
            distinct_about=len(values) if values is not None else found.get(keys.get("distinct_about", "")),
        )

    def _tallies(self, readings: Readings) -> dict[str, int]:
        found = readings.values
        return {
            question.tally: sum(sign * found[key] for sign, key in question.tally_terms)
            for question in self._layout.questions
            if question.tally and all(key in found for _, key in question.tally_terms)
        }

    def _values(self, reader: Reader, rows: int) -> dict[str, dict[Any, int]]:
        """Return the count of every value of the columns of few values."""
        known = self._strategy.counted()
        wanted = [c for c in self._strategy.few_valued if c not in known] if rows and self._strategy.values else []
        if wanted and not self._strategy.is_large(rows):
            known |= _count_values(reader, wanted)
        return {name: values for name, values in known.items() if len(values) <= MOST_VALUES}


def _count_values(reader: Reader, names: list[str]) -> dict[str, dict[Any, int]]:
    """Return value -> rows for each column, without NULL, in one statement of grouping sets."""
    found: dict[str, dict[Any, int]] = {name: {} for name in names}
    everything = 2 ** len(names) - 1
    place = {everything - 2 ** (len(names) - 1 - i): i for i in range(len(names))}  # grouping(): 1 where not grouped
    for mask, *values, count in reader.session.rows(reader.fill(_grouped(tuple(names), reader.dialect))):
        number = place[mask]
        if values[number] is not None:
            found[names[number]][values[number]] = count
    return found


def _numbers(found: Any) -> tuple[float, ...] | None:
    """Return quantiles as numbers; None where they were not read, or are not all finite."""
    numbers = tuple(float(value) for value in found or () if value is not None)
    return numbers if numbers and len(numbers) == len(found) and all(map(math.isfinite, numbers)) else None


def _unsigned_zero(bound: Any) -> Any:
    """Return a bound; of -0.0 and 0.0, which are equal, an engine may give either, so that a state always holds 0.0."""
    return 0.0 if isinstance(bound, float) and bound == 0 else bound


@lru_cache(maxsize=256)
def _grouped(names: tuple[str, ...], dialect: str) -> str:
    trees = [sql.column(name) for name in names]
    select = sql.fetch([sql.call("grouping", *trees), *trees, sql.count()], sql.table(ROWS))
    sets = [exp.Tuple(expressions=[tree.copy()]) for tree in trees]
    select.set("group", exp.Group(grouping_sets=[exp.GroupingSets(expressions=sets)]))
    return str(select.sql(dialect))
