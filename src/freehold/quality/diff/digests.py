"""A number for each row and each key, by which equal rows are told without being fetched.

An engine that has a 64-bit hash of one value hashes the row. Where there is none, or two engines must agree, values are
written in one canonical form, joined, digested by MD5, and the first 12 of its hexadecimal digits read as a number with
what every dialect has. That costs more, and only where nothing else does.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from sqlglot import exp

from freehold.quality import sqltree as sql
from freehold.quality.coltypes import family
from freehold.quality.diff.shape import Field

BUCKET, KEY_DIGEST, ROW_DIGEST = "bucket", "key_digest", "row_digest"
_HEX = "0123456789abcdef"
_DIGITS = 12  # 48 bits: their sum over 2 ** 70 rows still fits a DECIMAL(38)
_PLACES = 6  # decimal places of a float that two engines agree on
_UNBOUNDED = 9
_OF_A_DECIMAL = re.compile(r"\(\s*\d+\s*(?:,\s*(\d+)\s*)?\)$")
_NULL, _BETWEEN = "\x1a", "\x1f"  # signs that text does not hold by chance


@dataclass(frozen=True, slots=True)
class Digest:
    """How rows are digested: by an engine's own hash function, or, if None, in the portable way."""

    function: str | None
    buckets: int

    def numbered(
        self, source: exp.Select, key: Sequence[Field], fields: Sequence[Field], columns: Sequence[str]
    ) -> exp.Select:
        """Return a query that adds to the named columns of `source` a bucket, a digest of the key and one of the row.

        `source` gives the key as k0, k1 … and the other columns as c0, c1 …; without a key the row is its own.
        """
        keys = [(f"k{i}", f) for i, f in enumerate(key)]
        row = [*keys, *((f"c{i}", f) for i, f in enumerate(fields))]
        kept = [exp.column(name) for name in columns]
        if self.function:
            digests = [self._hashed(keys or row), self._hashed(row)]
            inner = _over(source, [*kept, *_named(digests)])
        else:
            texts = _over(source, [*kept, *_named([_digested(keys or row), _digested(row)])])
            numbers = [_number(exp.column(KEY_DIGEST)), _number(exp.column(ROW_DIGEST))]
            inner = _over(texts, [*kept, *_named(numbers)])
        bucket = exp.Mod(this=exp.column(KEY_DIGEST), expression=exp.Literal.number(self.buckets))
        rest = [exp.column(KEY_DIGEST), exp.column(ROW_DIGEST)]
        return _over(inner, [*kept, *rest, sql.aliased(bucket, BUCKET)])

    def _hashed(self, columns: Sequence[tuple[str, Field]]) -> exp.Expr:
        return sql.call(str(self.function), sql.call("row", *(exp.column(name) for name, _ in columns)))


def _over(source: exp.Select, expressions: Sequence[exp.Expr]) -> exp.Select:
    return sql.fetch(list(expressions), source.subquery("s", copy=False))


def _named(digests: Sequence[exp.Expr]) -> list[exp.Expr]:
    return [sql.aliased(d, name) for d, name in zip(digests, (KEY_DIGEST, ROW_DIGEST), strict=True)]


def _digested(columns: Sequence[tuple[str, Field]]) -> exp.Expr:
    parts: list[exp.Expr] = []
    for name, field in columns:
        tree = exp.column(name)
        text = canonical(tree, field)
        missing = exp.Literal.string(_NULL)
        parts += [exp.Literal.string(_BETWEEN)] if parts else []
        parts.append(exp.Case(ifs=[exp.If(this=sql.is_null(tree), true=missing)], default=text))
    joined = parts[0]
    for part in parts[1:]:
        joined = exp.DPipe(this=joined, expression=part)
    return exp.MD5(this=joined)


def canonical(tree: exp.Expr, field: Field) -> exp.Expr:
    """Return a value as text that two engines write alike. Floats are written to six decimal places."""
    kinds = {family(field.before), family(field.after)}
    if "float" in kinds:
        return _float_text(tree)
    if kinds <= {"integer", "decimal"}:
        return _text(exp.Cast(this=tree, to=exp.DataType.build(f"DECIMAL(38, {_scale(field)})")))
    if kinds <= {"timestamp", "timestamptz", "date"} and kinds != {"date"}:
        instant = exp.Cast(this=tree, to=exp.DataType.build("timestamp")) if "date" in kinds else tree
        seconds = exp.Extract(this=exp.var("EPOCH"), expression=instant)
        micros = exp.Round(this=exp.Mul(this=seconds, expression=exp.Literal.number(1_000_000)))
        return _text(exp.Cast(this=micros, to=exp.DataType.build("DECIMAL(38, 0)")))
    if kinds == {"boolean"}:
        return exp.Case(ifs=[exp.If(this=tree, true=exp.Literal.string("1"))], default=exp.Literal.string("0"))
    return exp.Lower(this=_text(tree)) if "uuid" in kinds else _text(tree)


def _scale(field: Field) -> int:
    """Return the digits after the point that both sides need; those of a decimal without bounds count as nine."""
    found = [_OF_A_DECIMAL.search(t) for t in (field.before, field.after) if family(t) == "decimal"]
    return max((int(m[1] or 0) if m else _UNBOUNDED for m in found), default=0)


def _float_text(tree: exp.Expr) -> exp.Expr:
    """Write a float to six places, a large one as a whole number; -0.0 is 0, and NaN lies above infinity."""
    double = exp.Cast(this=tree.copy(), to=exp.DataType.build("double"))
    size, number = exp.Abs(this=double), exp.Literal.number
    rounded = exp.Round(this=double.copy(), decimals=number(_PLACES))
    infinity = exp.Cast(this=exp.Literal.string("Infinity"), to=exp.DataType.build("double"))
    forms = [
        (exp.LT(this=size, expression=number("1e15")), _text(exp.Cast(this=rounded, to=_decimal(_PLACES)))),
        (exp.LT(this=size.copy(), expression=number("1e37")), _text(exp.Cast(this=double.copy(), to=_decimal(0)))),
        (exp.GT(this=double.copy(), expression=infinity), exp.Literal.string("nan")),
        (exp.EQ(this=double.copy(), expression=infinity.copy()), exp.Literal.string("inf")),
        (exp.EQ(this=double.copy(), expression=exp.Neg(this=infinity.copy())), exp.Literal.string("-inf")),
    ]
    return exp.Case(ifs=[exp.If(this=when, true=then) for when, then in forms], default=_text(double))


def _decimal(scale: int) -> exp.DataType:
    return exp.DataType.build(f"DECIMAL(38, {scale})")


def _text(tree: exp.Expr) -> exp.Expr:
    return exp.Cast(this=tree.copy(), to=exp.DataType.build("text"))


def _number(digest: exp.Expr) -> exp.Expr:
    """Return the first digits of a hexadecimal text as a whole number, by what every dialect has."""
    weights = [exp.Literal.number(16 ** (_DIGITS - 1 - i)) for i in range(_DIGITS)]
    places = [exp.Mul(this=_digit(digest, i), expression=weight) for i, weight in enumerate(weights)]
    total: exp.Expr = places[0]
    for place in places[1:]:
        total = exp.Add(this=total, expression=place)
    return total


def _digit(digest: exp.Expr, index: int) -> exp.Expr:
    number = exp.Literal.number
    sign = exp.Substring(this=digest.copy(), start=number(index + 1), length=number(1))
    place = exp.StrPosition(this=exp.Literal.string(_HEX), substr=sign)
    as_long = exp.Cast(this=place, to=exp.DataType.build("bigint"))
    return exp.Paren(this=exp.Sub(this=as_long, expression=number(1)))
