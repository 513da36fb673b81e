"""What Parquet footers prove about checks without a scan: row counts, nulls, ends of ranges.

Which facts a footer holds exactly is the engine's to say (`Session.parquet_statistics`); what follows from them for a
check is said here. A range whose both ends hold, holds for every value between them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from sqlglot import exp

from freehold.engines import Column, ColumnStatistics, Statistics
from freehold.quality import sqltree as sql
from freehold.quality.coltypes import ORDERED, family
from freehold.quality.layout import Layout, Piece
from freehold.quality.measures import Aggregate, Violations
from freehold.quality.reading import Reader
from freehold.quality.sqltree import ROWS

_RULE = "footers"


def read_footers(reader: Reader, layout: Layout, files: Sequence[str], columns: Mapping[str, Column]) -> None:
    """Read every piece that the footers of these files settle; the rest stays unread."""
    before = reader.session.cost.seconds
    known = reader.session.parquet_statistics(files)
    seconds = reader.session.cost.seconds - before
    facts: dict[str, Any] = {}
    ranges: dict[str, exp.Expr] = {}
    for piece in reader.readings.lacks(layout.pieces.values()):
        if piece.source != ROWS:
            continue
        facts |= _fact(piece, columns, known)
        ranges |= _range(piece, columns, known)
    reader.readings.take(facts, _RULE, None, seconds)
    if ranges:
        _hold(reader, ranges)


def _fact(piece: Piece, columns: Mapping[str, Column], known: Statistics) -> dict[str, Any]:
    """Return the value of a piece that is a fact of the footers: how many rows, how many filled, an end of a column."""
    tree = piece.tree
    if known.rows is not None and tree == sql.count():
        return {piece.key: known.rows}
    if not isinstance(tree, exp.Count | exp.Min | exp.Max) or not isinstance(tree.this, exp.Column):
        return {}
    said = known.columns.get(tree.this.name)
    if isinstance(tree, exp.Count):
        return (
            {piece.key: known.rows - said.nulls} if said and said.nulls is not None and known.rows is not None else {}
        )
    if not _is_bounded(columns.get(tree.this.name), said, known):
        return {}
    assert said is not None
    return {piece.key: said.minimum if isinstance(tree, exp.Min) else said.maximum}


def _range(piece: Piece, columns: Mapping[str, Column], known: Statistics) -> dict[str, exp.Expr]:
    """Return whether either end of a column violates a condition on it."""
    measure = piece.measure
    if isinstance(measure, Aggregate) or not isinstance(measure, Violations):
        return {}
    if not isinstance(measure.subject, exp.Column):
        return {}
    column = columns.get(measure.subject.name)
    said = known.columns.get(measure.subject.name)
    if not _is_bounded(column, said, known):
        return {}
    assert said is not None
    assert column is not None
    ends = [_literal(end, column) for end in (said.minimum, said.maximum)]
    return {piece.key: sql.either([sql.replaced(measure.condition, measure.subject, end) for end in ends])}


def _hold(reader: Reader, ranges: Mapping[str, exp.Expr]) -> None:
    """Ask whether both ends of each range hold; those that do not are left to be counted."""
    select = exp.Select(expressions=list(ranges.values()))
    before = reader.session.cost.seconds
    row = reader.rows(select)[0]
    held = {key: 0 for key, violates in zip(ranges, row, strict=True) if not violates}
    reader.readings.take(held, _RULE, select.sql(reader.dialect), reader.session.cost.seconds - before)


def _is_bounded(column: Column | None, said: ColumnStatistics | None, known: Statistics) -> bool:
    """Say whether both ends of a column are known, or it is known to hold nothing at all."""
    if column is None or said is None or family(column.type) not in ORDERED:
        return False
    return (said.minimum is not None and said.maximum is not None) or said.nulls == known.rows


def _literal(value: Any, column: Column) -> exp.Expr:
    if value is None:
        said: exp.Expr = exp.null()
    else:
        said = exp.Literal.string(format(value, "f") if isinstance(value, Decimal) else str(value))
    return exp.Cast(this=said, to=exp.DataType.build(column.type, dialect="duckdb"))
