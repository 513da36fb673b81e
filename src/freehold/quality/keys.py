"""Keys among many rows: what is unique, how many different values there are, and what refers to something.

Every rule is exact: a proof that does not succeed leaves its piece to the plain query.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlglot import exp

from freehold.engines import Capabilities, Column
from freehold.foundation import FreeholdError
from freehold.quality import sqltree as sql
from freehold.quality.coltypes import family
from freehold.quality.layout import Layout, Piece, has_key
from freehold.quality.measures import Aggregate, Dangling, Surplus
from freehold.quality.reading import Reader, is_about_a_statement
from freehold.quality.sqltree import ROWS, WHOLE
from freehold.quality.state import TableState

_HASHABLE = frozenset({"integer", "string", "decimal", "date", "timestamp", "timestamptz", "time", "uuid", "enum"})
_DENSE = 16  # a bit string may be this many times longer than the rows are many
_FAR = 2**62


@dataclass(frozen=True)
class Keys:
    """The rules for the columns of one table."""

    columns: Mapping[str, Column]
    capabilities: Capabilities

    def prove(self, reader: Reader, layout: Layout, pieces: Sequence[Piece], size: int) -> None:
        """Count the rows that are one too many: by bits, else by hashes, else by grouping."""
        for piece in reader.readings.lacks(p for p in pieces if isinstance(p.measure, Surplus)):
            assert isinstance(piece.measure, Surplus)
            names, whole = piece.measure.columns, WHOLE in piece.key
            try:
                if not whole and len(names) == 1 and self._by_bits(reader, layout, piece, names[0], size):
                    continue
                if self._by_hash(reader, piece, names, WHOLE if whole else ROWS):
                    continue
            except FreeholdError as error:
                if not is_about_a_statement(error):
                    raise
            reader.read([piece], "group by")

    def count_distinct(self, reader: Reader, layout: Layout, pieces: Sequence[Piece]) -> None:
        """Count different values: bits of a dense integer, else COUNT(DISTINCT) in a statement of its own."""
        rows = reader.readings.values[layout.rows_key]
        for piece in pieces:
            name = piece.measure.distinct_of if isinstance(piece.measure, Aggregate) else None
            bits = self._bits(reader, layout, name, rows) if name in self.columns else None
            if bits is None:
                reader.read([piece], "distinct")
            else:
                found = exp.Coalesce(this=sql.call("bit_count", bits), expressions=[exp.Literal.number(0)])
                reader.value(sql.fetch([found], sql.table(ROWS)), piece.key, "bits of a dense integer")

    def refer(self, reader: Reader, layout: Layout, pieces: Sequence[Piece], rest_state: TableState | None) -> None:
        """Count the rows that name something that is not there: by the bounds of a gapless key, else by anti-join."""
        for piece in reader.readings.lacks(p for p in pieces if isinstance(p.measure, Dangling)):
            assert isinstance(piece.measure, Dangling)
            ends = self._ends(reader, layout, piece, rest_state)
            if ends is not None and self._is_gapless_over(reader, piece.measure, ends):
                reader.readings.take({piece.key: 0}, "bounds of a gapless key", None)
            else:
                reader.read([piece], "anti-join")

    def _bits(self, reader: Reader, layout: Layout, name: str | None, rows: int) -> exp.Expr | None:
        """Return the bit string of an integer column's values, if its range is not much longer than its rows."""
        if name is None or not self.capabilities.bitstring_distinct or self._kind(name) != "integer":
            return None
        keys, found = layout.profile[name], reader.readings.values
        low, high = found.get(keys["minimum"]), found.get(keys["maximum"])
        if low is None or high is None or not _is_dense(low, high, rows):
            return None
        kind = self.columns[name].type
        return sql.call("bitstring_agg", sql.column(name), sql.literal(low, kind), sql.literal(high, kind))

    def _by_bits(self, reader: Reader, layout: Layout, piece: Piece, name: str, size: int) -> bool:
        bits = self._bits(reader, layout, name, size)
        if bits is None:
            return False
        more = exp.Sub(this=sql.count(sql.column(name)), expression=sql.call("bit_count", bits))
        reader.value(sql.fetch([more], sql.table(ROWS)), piece.key, "bits of a dense integer")
        return True

    def _by_hash(self, reader: Reader, piece: Piece, names: tuple[str, ...], source: str) -> bool:
        """Prove a key unique by its hashes: different hashes are different keys. Equal ones prove nothing."""
        function = self.capabilities.hash_function
        if function is None or any(self._kind(n) not in _HASHABLE for n in names):
            return False
        hashes = exp.Select(
            expressions=[sql.aliased(sql.call(function, *(sql.column(n) for n in names)), "hashed")],
            from_=exp.From(this=sql.table(source)),
            distinct=exp.Distinct(),
        )
        hashes.set("where", exp.Where(this=has_key(names)))
        different = sql.fetch([sql.count()], exp.Subquery(this=hashes, alias=_named("hashes")))
        filled = sql.fetch([sql.count_case(has_key(names))], sql.table(source))
        select = exp.Select(expressions=[exp.Sub(this=sql.scalar(filled), expression=sql.scalar(different))])
        if reader.value(select, piece.key, "hashes") == 0:
            return True
        del reader.readings.values[piece.key]
        return False

    def _ends(
        self, reader: Reader, layout: Layout, piece: Piece, rest_state: TableState | None
    ) -> tuple[int, int] | None:
        """Return the smallest and largest value of a referring integer column, where they are known already."""
        assert isinstance(piece.measure, Dangling)
        name = piece.measure.columns[0]
        if len(piece.measure.columns) > 1 or not self.capabilities.bitstring_distinct or self._kind(name) != "integer":
            return None
        keys, found = layout.profile[name], reader.readings.values
        low, high = found.get(keys["minimum"]), found.get(keys["maximum"])
        if WHOLE in piece.key:
            kept = rest_state.columns.get(name) if rest_state else None
            if kept is None or None in (kept.minimum, kept.maximum):
                return None
            low = kept.minimum if low is None else min(low, kept.minimum)
            high = kept.maximum if high is None else max(high, kept.maximum)
        return None if low is None or high is None else (low, high)

    def _is_gapless_over(self, reader: Reader, measure: Dangling, ends: tuple[int, int]) -> bool:
        """Return whether every integer between the two is a key of the referenced relation."""
        there = sql.column(measure.target[0])
        source = sql.table(sql.reference_token(measure.asset))
        try:
            select = sql.fetch([sql.count(), exp.Min(this=there), exp.Max(this=there.copy())], source)
            rows, low, high = reader.rows(select)[0]
            if not _is_whole(low) or not _is_whole(high) or not low <= ends[0] <= ends[1] <= high:
                return False
            if not _is_dense(low, high, rows):
                return False
            number = [exp.Literal.number(low) if low >= 0 else exp.Neg(this=exp.Literal.number(-low))]
            number.append(exp.Literal.number(high) if high >= 0 else exp.Neg(this=exp.Literal.number(-high)))
            bits = sql.call("bit_count", sql.call("bitstring_agg", there, *number))
            return bool(reader.rows(sql.fetch([bits], source.copy()))[0][0] == high - low + 1)
        except FreeholdError as error:
            if not is_about_a_statement(error):
                raise
            return False  # not an integer there: the anti-join will say what is wrong

    def _kind(self, name: str) -> str:
        return family(self.columns[name].type)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_dense(low: int, high: int, rows: int) -> bool:
    return high - low < _DENSE * max(rows, 1) and abs(low) < _FAR and abs(high) < _FAR


def _named(name: str) -> exp.TableAlias:
    return exp.TableAlias(this=exp.to_identifier(name))
