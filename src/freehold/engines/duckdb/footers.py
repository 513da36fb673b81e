"""What Parquet footers prove without decoding a row. What they only hint at is left out, never rounded to a fact.

A footer is believed as far as it must be exact:

- rows: always; the format demands the count.
- nulls: when every row group counts them, and the column is a plain one (no part of a struct or list) of the same type
  in every file.
- minimum, maximum: when besides every row group that holds a value gives both, and they are the values themselves and
  not cut-off neighbours. Text is believed only where the writer says so, since writers cut it off; binary fractions
  only where NaN is counted and none is there, since writers leave NaN out of both; infinite dates, and values Python
  cannot hold exactly (nanoseconds), not at all.
"""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, time
from typing import Any, Protocol

from freehold.engines.protocol import Column, ColumnStatistics, Statistics, literal, quoted
from freehold.foundation import FreeholdError

_FRACTIONS = {"FLOAT", "DOUBLE"}
_CUT_OFF = {"VARCHAR"}  # kinds of value whose bounds a writer may shorten
_MOMENTS = {"DATE", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE"}
_TIME = "TIME"
_WHOLE = {f"{sign}{size}INT" for sign in ("", "U") for size in ("TINY", "SMALL", "BIG")} | {"INTEGER", "UINTEGER"}
_ORDERED = _FRACTIONS | _CUT_OFF | _MOMENTS | _WHOLE | {"BOOLEAN", _TIME}
_DECIMAL = re.compile(r"DECIMAL\(\d+,\d+\)")


class Asking(Protocol):
    """What is needed of a session."""

    def rows(self, query: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Run a query and return its rows."""
        ...

    def columns_of(self, query: str) -> tuple[Column, ...]:
        """Return the columns a query would give."""
        ...


def statistics(session: Asking, paths: Sequence[str]) -> Statistics:
    """Return what the footers of these files prove about all their rows together.

    Raises:
        FreeholdError: FH-E107 a file is not there; FH-E201 it is not a whole Parquet file.
    """
    if not paths:
        return Statistics(rows=0)
    listed = f"[{', '.join(literal(path) for path in paths)}]"
    files = session.rows(f"SELECT file_name, num_rows FROM parquet_file_metadata({listed})")
    if sorted(name for name, _ in files) != sorted(paths):
        return Statistics()  # a name was a pattern, or stands twice: which files were meant is not ours to guess
    rows = sum(int(count) for _, count in files)
    columns = _plain_columns(session, listed, len(paths))
    return Statistics(rows, _facts(session, listed, columns) if columns else {})


def _plain_columns(session: Asking, listed: str, files: int) -> list[Column]:
    """Return the columns that are one plain value a row, under one name and one type in every file."""
    shapes: defaultdict[str, Counter[tuple[Any, ...]]] = defaultdict(Counter)
    names: defaultdict[str, set[str]] = defaultdict(set)
    for name, shape in _leaves(session, listed):
        shapes[name][shape] += 1
        names[name.lower()].add(name)
    try:
        read = session.columns_of(f"SELECT * FROM read_parquet({listed})")
    except FreeholdError:  # the files cannot be read as one table, so there is nothing to know about its columns
        return []
    return [
        column
        for column in read
        if len(names[column.name.lower()]) == 1
        and "," not in column.name  # DuckDB writes the path to a nested column with commas
        and list(shapes[column.name].values()) == [files]
    ]


def _leaves(session: Asking, listed: str) -> Iterable[tuple[str, tuple[Any, ...]]]:
    """Return the plain columns of every file with their physical and logical types, by walking each schema tree."""
    deeper = 0
    root_of = None
    for file, name, kind, repetition, children, *types in session.rows(
        "SELECT file_name, name, type, repetition_type, num_children, type_length, converted_type, scale, precision, "
        f"logical_type FROM parquet_schema({listed})"
    ):
        if file != root_of:  # each file begins with its root
            root_of, deeper = file, 0
            continue
        if deeper:
            deeper += int(children or 0) - 1
        elif children:
            deeper = int(children)
        elif repetition != "REPEATED":
            yield name, (kind, *types)


def _facts(session: Asking, listed: str, columns: Sequence[Column]) -> dict[str, ColumnStatistics]:
    offered = {c.name for c in session.columns_of(f"SELECT * FROM parquet_metadata({listed})")}
    asked = [part for column in columns for part in _questions(column, offered)]
    row = session.rows(f"SELECT {', '.join(asked)} FROM parquet_metadata({listed})")[0]
    found = {}
    for index, column in enumerate(columns):
        counted, nulls, bounded, least, most = row[5 * index : 5 * index + 5]
        trusted = counted and bounded and _is_itself(least, column.type) and _is_itself(most, column.type)
        found[column.name] = ColumnStatistics(
            nulls=int(nulls or 0) if counted else None,
            minimum=least if trusted else None,
            maximum=most if trusted else None,
        )
    return found


def _questions(column: Column, offered: set[str]) -> tuple[str, str, str, str, str]:
    """Return what to ask of a column: are nulls counted, how many, are bounds exact, and what are they."""
    here = f"FILTER (WHERE path_in_schema = {literal(column.name)})"
    nulls = f"sum(stats_null_count) {here}"
    counted = f"coalesce(bool_and(stats_null_count IS NOT NULL OR num_values = 0) {here}, true)"
    if column.type not in _ORDERED and not _DECIMAL.fullmatch(column.type):
        return counted, nulls, "false", "NULL", "NULL"
    typed = [f"TRY_CAST({end} AS {column.type})" for end in ("stats_min_value", "stats_max_value")]
    if column.type in _MOMENTS:
        typed = [f"CASE WHEN isfinite({end}) THEN {end} END" for end in typed]
    sound = [f"{end} IS NOT NULL" for end in typed]
    if column.type in _CUT_OFF:
        sound += _said("min_is_exact", offered) + _said("max_is_exact", offered)
    if column.type in _FRACTIONS:
        sound += ["stats_nan_count = 0"] if "stats_nan_count" in offered else ["false"]
    exact = f"num_values IN (0, stats_null_count) OR ({' AND '.join(sound)})"
    bounded = f"coalesce(bool_and(coalesce({exact}, false)) {here}, true)"
    return counted, nulls, bounded, f"min({typed[0]}) {here}", f"max({typed[1]}) {here}"


def _said(flag: str, offered: set[str]) -> list[str]:
    return [quoted(flag)] if flag in offered else ["false"]


def _is_itself(value: Any, kind: str) -> bool:
    """Say whether a bound came to Python as what it is; moments out of Python's reach come as text."""
    if value is not None and (kind in _MOMENTS or kind == _TIME):
        return isinstance(value, date | time)
    return not (isinstance(value, float) and math.isnan(value))
