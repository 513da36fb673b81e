"""Values of a text file as values of their contract: the same value, or an error; never silently another one.

An engine that casts `2.5` to an integer makes 3 of it, and a quotation mark that is never closed turns rows into one
long value. Both look healthy to every check that follows, so they are refused here, with the line they stand in.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Sequence
from decimal import Decimal, InvalidOperation
from math import isinf
from pathlib import Path

from freehold.engines import literal, quoted
from freehold.estate.model import Property, SchemaObject
from freehold.foundation import FreeholdError, Where

CODE = "FH-D306"
EXTRA_DIGITS = 6  # decimals beyond those promised that count; what is finer is noise of a float
LEAST_COLUMNS = 4  # in narrower files a comma and a line feed in one text prove nothing
_LOGICAL = {
    "string": "VARCHAR",
    "integer": "BIGINT",
    "number": "DOUBLE",
    "boolean": "BOOLEAN",
    "date": "DATE",
    "timestamp": "TIMESTAMP",
    "time": "TIME",
}
_PHYSICAL = re.compile(
    r"(?i)^(varchar|char|text|string|tinyint|smallint|int|integer|bigint|hugeint|float|real|double|boolean|bool"
    r"|date|time|timestamp|timestamptz|timestamp with time zone|uuid|blob|json"
    r"|(decimal|numeric)\(\d+\s*,\s*\d+\)|varchar\(\d+\))$"
)
_WHOLE = {"TINYINT": (18, 6), "SMALLINT": (18, 6), "INT": (18, 6), "INTEGER": (18, 6), "BIGINT": (25, 6)}
_DECIMAL = re.compile(r"(?:DECIMAL|NUMERIC)\((\d+)\s*,\s*(\d+)\)")
# An offset in a text says which instant is meant: it is read with it and kept as UTC. A plain cast would drop it, and
# the hour of a day.
_READ_AS = {"TIMESTAMP": "TIMESTAMPTZ", "DATE": "TIMESTAMP"}
_FLOATS = ("DOUBLE", "FLOAT", "REAL")
_ENDLESS = ("infinity", "-infinity")
_HOUR = re.compile(r"\d[T ](?!00:00(:00)?(\.0+)?Z?\s*$)\d")


def column_type(p: Property) -> str:
    """Return the type a column of a contract has in the warehouse: physicalType where it is one, else logicalType."""
    if p.physical_type and _PHYSICAL.match(p.physical_type):
        return p.physical_type.upper().replace("STRING", "VARCHAR")
    if p.logical_type == "timestamp" and p.options.get("timezone"):
        return "TIMESTAMPTZ"
    return _LOGICAL.get(p.logical_type or "string", "VARCHAR")


def read_as(kind: str) -> str:
    """Return the type to read a column as, for one that is to become `kind`: wide enough to see what a cast drops."""
    digits = _digits(kind)
    return f"DECIMAL({digits[0]},{digits[1]})" if digits else _READ_AS.get(kind, kind)


def as_promised(name: str, kind: str, columns: int, delimiter: str, *, one_line: bool) -> str:
    """Return the SQL that turns a column read as `read_as(kind)` into `kind`, and fails where that changes a value.

    `columns` is how many the file has; `one_line` whether rows in a text are taken for a stray quotation mark.
    """
    column = quoted(name)
    if _digits(kind):
        cast = f"CAST({column} AS {kind})"
        return f"CASE WHEN {column} = {cast} OR {column} IS NULL THEN {cast} ELSE {_refuse(name)} END AS {column}"
    if kind in _FLOATS:
        return f"CASE WHEN isinf({column}) THEN {_refuse(name)} ELSE {column} END AS {column}"
    if kind == "DATE":
        cast = f"CAST({column} AS DATE)"
        whole = f"isfinite({column}) AND {column} = {cast}"
        return f"CASE WHEN {whole} OR {column} IS NULL THEN {cast} ELSE {_refuse(name)} END AS {column}"
    if kind in ("TIMESTAMP", "TIMESTAMPTZ"):
        kept = f"timezone('UTC', {column})" if kind in _READ_AS else column
        return f"CASE WHEN isfinite({column}) OR {column} IS NULL THEN {kept} ELSE {_refuse(name)} END AS {column}"
    if kind == "VARCHAR" and one_line and columns >= LEAST_COLUMNS:
        feeds, marks = _count(column, "chr(10)"), _count(column, literal(delimiter))
        swallowed = f"contains({column}, chr(10)) AND {marks} = {feeds} * {columns - 1}"
        return f"CASE WHEN {swallowed} THEN {_refuse(name)} ELSE {column} END AS {column}"
    return column


def explained(error: FreeholdError, path: Path, shown: str, schema: SchemaObject, delimiter: str) -> FreeholdError:
    """Return what the engine said of a file as an error at the line and column of the value, if it was refused here."""
    found = re.search(rf"{CODE} (\w+) of (.+?) is refused", str(error), re.DOTALL)
    if not found:
        return error
    promised = {p.column: p for p in schema.columns}[found[2]]
    kind = column_type(promised)
    with path.open(encoding="utf-8-sig", newline="") as text:
        rows = csv.reader(text, delimiter=delimiter)
        header = next(rows)
        at, is_bad = header.index(promised.column), _judge(kind, len(header), delimiter)
        began = rows.line_num + 1
        for row in rows:
            if at < len(row) and is_bad(row[at]):
                return _refusal(row, at, began, rows.line_num, kind, shown)
            began = rows.line_num + 1
    return error


def _refusal(row: Sequence[str], at: int, first: int, last: int, kind: str, shown: str) -> FreeholdError:
    where = Where(shown, first, sum(len(v) + 1 for v in row[:at]) + 1)
    if kind == "VARCHAR":
        return FreeholdError(
            CODE,
            f"A text begins here and ends in line {last}, and holds as many separators as those lines have: "
            "a quotation mark that is not closed makes one value of several rows.",
            where=where,
            fix="Have the file delivered again; if the text is meant, the contract says `freehold:line_feeds: allow`.",
        )
    return FreeholdError(
        CODE,
        f"`{row[at]}` is no {kind}: it would become another value.",
        where=where,
        fix="Mend the line, or have the file delivered again; if the line is right, the contract's types are not.",
    )


def _judge(kind: str, columns: int, delimiter: str) -> Callable[[str], bool]:
    """Return what the SQL above asks of a value, in Python."""
    digits = _digits(kind)

    def number(text: str) -> bool:
        assert digits is not None
        decimals = 0 if kind in _WHOLE else digits[1] - EXTRA_DIGITS
        try:
            value = Decimal(text.strip().replace("_", "") or "0")
            return round(value, digits[1]) != round(value, decimals)
        except (InvalidOperation, ValueError):
            return False

    if digits:
        return number
    if kind == "VARCHAR":
        return lambda text: "\n" in text and text.count(delimiter) == text.count("\n") * (columns - 1)
    if kind in _FLOATS:
        return _is_endless
    if kind == "DATE":
        return lambda text: text.strip().lower() in _ENDLESS or bool(_HOUR.search(text))
    return lambda text: text.strip().lower() in _ENDLESS


def _is_endless(text: str) -> bool:
    try:
        return isinf(float(text))
    except ValueError:
        return False


def _digits(kind: str) -> tuple[int, int] | None:
    """Return precision and scale to read a whole or decimal number with, or None where it is read as it is."""
    if kind in _WHOLE:
        return _WHOLE[kind]
    found = _DECIMAL.fullmatch(kind)
    if not found:
        return None
    precision, scale = int(found[1]) + EXTRA_DIGITS, int(found[2]) + EXTRA_DIGITS
    return (precision, scale) if precision <= 38 else None


def _count(column: str, character: str) -> str:
    return f"(length({column}) - length(replace({column}, {character}, '')))"


def _refuse(name: str) -> str:
    return f"error({literal(f'{CODE} value of {name} is refused')})"
