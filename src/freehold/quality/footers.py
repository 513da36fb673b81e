"""What Parquet footers prove without a scan: row counts, nulls, bounds.

A footer is believed only where it must be exact: every row group carries the statistic, it is not marked as cut off,
and a column of binary fractions is counted free of NaN (writers leave NaN out of minima and maxima).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlglot import exp

from freehold.engines import Column
from freehold.quality import sqltree as sql
from freehold.quality.coltypes import ORDERED, family
from freehold.quality.layout import Layout, Piece
from freehold.quality.measures import Aggregate, Violations
from freehold.quality.reading import Reader
from freehold.quality.sqltree import ROWS

_RULE = "footers"
_DIALECT = "duckdb"  # parquet_metadata() is its function; another engine would bring its own


def read_footers(reader: Reader, layout: Layout, files: Sequence[str], columns: Mapping[str, Column]) -> None:
    """Read every piece that the footers of these files settle; the rest stays unread."""
    listed = exp.Array(expressions=[exp.Literal.string(path) for path in files])
    rows = reader.rows(_from(listed, "parquet_file_metadata", [exp.Sum(this=exp.column("num_rows"))]))[0][0]
    proofs: dict[str, exp.Expr] = {}
    kinds: dict[str, str] = {}
    counted, bounded = _believed(reader, listed, columns)
    for piece in reader.readings.lacks(layout.pieces.values()):
        if piece.source == ROWS and piece.tree == sql.count():
            reader.readings.take({piece.key: int(rows)}, _RULE, None)
        elif found := _proof(piece, columns, counted, bounded):
            kinds[piece.key], proofs[piece.key] = found
    if proofs:
        _take(reader, listed, kinds, proofs)


def _take(reader: Reader, listed: exp.Expr, kinds: dict[str, str], proofs: dict[str, exp.Expr]) -> None:
    select = _from(listed, "parquet_metadata", list(proofs.values()))
    before = reader.session.cost.seconds
    row = reader.rows(select)[0]
    seconds = reader.session.cost.seconds - before
    read = {}
    for key, value in zip(proofs, row, strict=True):
        if kinds[key] == "value":
            read[key] = value
        elif kinds[key] == "count":
            read[key] = int(value or 0)
        elif not value:  # neither end of the range violates
            read[key] = 0
    reader.readings.take(read, _RULE, select.sql(reader.dialect), seconds)


def _from(listed: exp.Expr, function: str, expressions: Sequence[exp.Expr]) -> exp.Select:
    return sql.fetch(list(expressions), exp.Table(this=sql.call(function, listed)))


def _believed(reader: Reader, listed: exp.Expr, columns: Mapping[str, Column]) -> tuple[frozenset[str], frozenset[str]]:
    """Return the columns whose null counts, and those whose bounds, are exact in every row group."""
    star = sql.fetch([exp.Star()], exp.Table(this=sql.call("parquet_metadata", listed)))
    offered = {c.name for c in reader.session.columns_of(star.sql(reader.dialect))}
    number = exp.column
    empty = exp.EQ(this=number("num_values"), expression=number("stats_null_count"))
    bounds = sql.both([sql.not_null(number("stats_min_value")), sql.not_null(number("stats_max_value"))])
    if {"min_is_exact", "max_is_exact"} <= offered:
        bounds = sql.both([bounds, number("min_is_exact"), number("max_is_exact")])
    nan_free: exp.Expr = exp.false()
    if "stats_nan_count" in offered:
        nan_free = exp.EQ(this=number("stats_nan_count"), expression=exp.Literal.number(0))
    believed = [sql.not_null(number("stats_null_count")), sql.either([empty, bounds]), sql.either([empty, nan_free])]
    select = _from(listed, "parquet_metadata", [number("path_in_schema"), *(_always(b) for b in believed)])
    select.set("group", exp.Group(expressions=[number("path_in_schema")]))
    found = {path: flags for path, *flags in reader.rows(select)}
    counted = {c for c in columns if found.get(c, [False])[0]}
    bounded = {c for c in counted if found[c][1] and (family(columns[c].type) != "float" or found[c][2])}
    return frozenset(counted), frozenset(c for c in bounded if family(columns[c].type) in ORDERED)


def _always(condition: exp.Expr) -> exp.Expr:
    """Return the aggregate that is true where no row group fails a condition; unknown is a failure."""
    missed = exp.Not(this=exp.Coalesce(this=exp.Paren(this=condition.copy()), expressions=[exp.false()]))
    return exp.EQ(this=sql.count_case(missed), expression=exp.Literal.number(0))


def _proof(
    piece: Piece, columns: Mapping[str, Column], counted: frozenset[str], bounded: frozenset[str]
) -> tuple[str, exp.Expr] | None:
    """Return how footers settle a piece: an exact count or value, or a range whose both ends hold."""
    if piece.source != ROWS:
        return None
    measure, tree = piece.measure, piece.tree
    if isinstance(tree, exp.Count) and isinstance(tree.this, exp.Column) and tree.this.name in counted:
        filled = exp.Sub(this=exp.column("num_values"), expression=exp.column("stats_null_count"))
        return "count", exp.Sum(this=_of(tree.this.name, filled))
    if isinstance(tree, exp.Min | exp.Max) and isinstance(tree.this, exp.Column) and tree.this.name in bounded:
        return "value", _end(columns[tree.this.name], type(tree))
    if isinstance(measure, Aggregate) or not isinstance(measure, Violations):
        return None
    if isinstance(measure.subject, exp.Column) and measure.subject.name in bounded:
        column = columns[measure.subject.name]
        ends = [sql.replaced(measure.condition, measure.subject, _end(column, kind)) for kind in (exp.Min, exp.Max)]
        return "range", sql.either(ends)
    return None


def _of(name: str, tree: exp.Expr) -> exp.Case:
    """Return a value of the row groups of one column only."""
    return sql.case(exp.EQ(this=exp.column("path_in_schema"), expression=exp.Literal.string(name)), tree)


def _end(column: Column, kind: type[exp.Expr]) -> exp.Expr:
    said = exp.column("stats_min_value" if kind is exp.Min else "stats_max_value")
    typed = exp.Cast(this=said, to=exp.DataType.build(column.type, dialect=_DIALECT))
    return kind(this=_of(column.name, typed))
