"""From a check to what must be measured to settle it, given the columns that are really there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlglot import exp

from freehold.engines import Column
from freehold.quality import sqltree as sql
from freehold.quality.coltypes import NUMERIC, TEMPORAL, family, fits_logical, fits_physical
from freehold.quality.formats import FORMATS, strptime_of
from freehold.quality.measures import (
    Aggregate,
    Dangling,
    Measure,
    Nulls,
    RowCount,
    Scalar,
    Settled,
    Surplus,
    Table,
    Violations,
)
from freehold.quality.model import Check, Verdict
from freehold.quality.patterns import matches, understood
from freehold.quality.sqltree import Unsuitable
from freehold.quality.statements_of_users import Expression, parse_expression, parse_query


@dataclass(frozen=True)
class Ask:
    """A check, the columns it is about as they are really called, and all others."""

    check: Check
    columns: tuple[Column, ...]
    table: Table

    @property
    def said(self) -> Mapping[str, Any]:
        """What the contract says."""
        return self.check.arguments

    @property
    def column(self) -> Column:
        """The column of a check of one column."""
        return self.columns[0]


def measure_of(check: Check, table: Table) -> Measure:
    """Return what must be measured to settle a check on a table with these columns."""
    said = check.arguments
    if "skipped" in said:
        return Settled(Verdict.SKIPPED, said["skipped"], rule="documentation")
    if "error" in said:
        return Settled(Verdict.ERROR, said["error"], rule="contract")
    if check.kind == "schema":
        return _schema(check, table)
    missing = [name for name in check.columns if table.find(name) is None]
    if missing and check.kind != "sql":
        return Settled(Verdict.ERROR, f"column is missing: {', '.join(f'`{m}`' for m in missing)}")
    found = tuple(c for name in check.columns if (c := table.find(name)))
    try:
        return _MEASURES[check.kind](Ask(check, found, table))
    except Unsuitable as reason:
        return Settled(Verdict.ERROR, str(reason), rule="contract")


def _failed(check: Check, reason: str, failing: int, total: int, value: Any) -> Settled:
    return Settled(Verdict.FAIL if check.blocking else Verdict.WARN, reason, value, failing, total)


def _schema(check: Check, table: Table) -> Settled:
    wanted = check.arguments["columns"]
    if check.arguments.get("closed"):
        held = {c.name for name in wanted if (c := table.find(name))}
        found = [c.name for c in table.columns if c.name not in held]
        reason = f"columns that the contract does not name: {', '.join(found)}"
    else:
        found = [name for name in wanted if table.find(name) is None]
        reason = f"missing columns: {', '.join(found)}"
    total = len(table.columns) if check.arguments.get("closed") else len(wanted)
    if found:
        return _failed(check, reason, len(found), total, found)
    return Settled(Verdict.PASS, value=0, failing=0, total=total)


def _types(ask: Ask) -> Settled:
    """Compare the types that are there with those promised; a column that is not there is not this check's to tell."""
    wanted: Mapping[str, tuple[str | None, str | None]] = ask.said["types"]
    there = [(c, types) for name, types in wanted.items() if (c := ask.table.find(name))]
    wrong = [reason for column, types in there if (reason := _misfit(column, *types, ask.table.dialect))]
    found = there[0][0].type if len(wanted) == 1 and there else len(wrong)
    if wrong:
        return _failed(ask.check, "; ".join(wrong), len(wrong), len(wanted), found)
    return Settled(Verdict.PASS, value=found, failing=0, total=len(wanted))


def _misfit(column: Column, logical: str | None, physical: str | None, dialect: str) -> str | None:
    if logical and not fits_logical(column.type, logical):
        return f"the column `{column.name}` is {column.type}, which holds no {logical}"
    if physical and fits_physical(column.type, physical, dialect) is False:
        return f"the column `{column.name}` is {column.type}, not {physical}"
    return None


def _nulls(ask: Ask) -> Measure:
    listed = [v for v in ask.said.get("missingValues") or () if v is not None]
    return _missing(ask.column, listed) if listed else Nulls(ask.column.name)


def _missing(column: Column, listed: list[Any]) -> Violations:
    """NULL is always missing; so is every listed value that the column's type can hold at all."""
    tree = sql.column(column.name)
    values = [v for value in listed if (v := _literal_or_none(value, column)) is not None]
    conditions: list[exp.Expr] = [sql.is_null(tree)]
    if values:
        conditions.append(exp.In(this=tree, expressions=values))
    return Violations(sql.either(conditions), (column.name,))


def _literal_or_none(value: Any, column: Column) -> exp.Expr | None:
    try:
        return sql.literal(value, column.type)
    except Unsuitable:
        return None


def _in_set(ask: Ask) -> Measure:
    return _outside(ask.column, ask.said["values"])


def _outside(column: Column, values: list[Any]) -> Violations:
    tree = sql.column(column.name)
    allowed = [v for value in values if value is not None and (v := _literal_or_none(value, column)) is not None]
    if not allowed:
        return Violations(sql.not_null(tree), (column.name,))
    return Violations(exp.Not(this=exp.In(this=tree, expressions=allowed)), (column.name,))


def _range(ask: Ask) -> Measure:
    if family(ask.column.type) not in NUMERIC | TEMPORAL:
        raise Unsuitable(f"the column is {ask.column.type}, which has no range")
    return _beyond(sql.column(ask.column.name), ask.column, ask.said)


_BEYOND: Mapping[str, Callable[..., exp.Expr]] = {
    "minimum": exp.LT,
    "exclusiveMinimum": exp.LTE,
    "maximum": exp.GT,
    "exclusiveMaximum": exp.GTE,
}


def _beyond(subject: exp.Expr, column: Column, limits: Mapping[str, Any]) -> Violations:
    conditions: list[exp.Expr] = [
        kind(this=subject.copy(), expression=sql.literal(limits[name], column.type))
        for name, kind in _BEYOND.items()
        if limits.get(name) is not None
    ]
    if family(column.type) == "float":  # NaN lies in no range; engines sort it above all numbers, so a maximum shows it
        conditions.append(exp.IsNan(this=subject.copy()))
    return Violations(sql.either(conditions), (column.name,), subject=subject)


def _multiple(ask: Ask) -> Measure:
    column, of = ask.column, ask.said["of"]
    kind, tree = family(column.type), sql.column(column.name)
    if kind not in NUMERIC:
        raise Unsuitable(f"the column is {column.type}, which has no multiples")
    unit = sql.literal(of, column.type)
    if kind != "float":
        rest: exp.Expr = exp.NEQ(this=exp.Mod(this=tree, expression=unit), expression=exp.Literal.number(0))
        return Violations(rest, (column.name,))
    # binary fractions have no exact multiples of 0.1: a billionth of the unit is forgiven
    times = exp.Div(this=tree, expression=exp.Cast(this=unit, to=exp.DataType.build("double")))
    off = exp.Abs(this=exp.Paren(this=exp.Sub(this=times, expression=exp.Round(this=times.copy()))))
    finite = exp.Not(this=sql.call("isfinite", tree))
    return Violations(
        sql.either([finite, exp.GT(this=off, expression=exp.Literal.number("0.000000001"))]), (column.name,)
    )


def _length(ask: Ask) -> Measure:
    column = ask.column
    if family(column.type) == "array":
        return _items(ask)
    if family(column.type) not in ("string", "enum", "json"):
        raise Unsuitable(f"the column is {column.type}, which has no length")
    return _beyond(exp.Length(this=sql.column(column.name)), Column(column.name, "BIGINT"), ask.said)


def _items(ask: Ask) -> Measure:
    column = ask.column
    if family(column.type) != "array":
        raise Unsuitable(f"the column is {column.type}, which has no items")
    tree = sql.column(column.name)
    size = sql.call("len", tree)
    if not ask.said.get("unique"):
        return _beyond(size, Column(column.name, "BIGINT"), ask.said)
    filled = sql.call("list_count", tree)  # items that are not NULL; two NULLs are a repetition too
    repeated = exp.LT(this=sql.call("len", sql.call("list_distinct", tree)), expression=filled)
    hollow = exp.GT(this=exp.Sub(this=size, expression=filled.copy()), expression=exp.Literal.number(1))
    return Violations(sql.either([repeated, hollow]), (column.name,))


def _pattern(ask: Ask) -> Measure:
    return _unmatched(ask.column, ask.said["pattern"])


def _unmatched(column: Column, pattern: str) -> Violations:
    if family(column.type) not in ("string", "enum", "uuid"):
        raise Unsuitable(f"the column is {column.type}, which no pattern can be asked of")
    tree: exp.Expr = sql.column(column.name)
    if family(column.type) != "string":
        tree = exp.Cast(this=tree, to=exp.DataType.build("text"))
    condition = exp.Not(this=matches(tree, pattern))
    regex = condition.find(exp.RegexpLike) is not None
    return Violations(condition, (column.name,), is_regex=regex, pattern=understood(pattern))


def _format(ask: Ask) -> Measure:
    wanted, column = ask.said["format"], ask.column
    kind = family(column.type)
    if kind in TEMPORAL or (kind == "uuid" and wanted == "uuid"):
        return Settled(Verdict.PASS, f"a {column.type} has no other form", 0, 0, None)
    if ask.said.get("logical") in ("date", "timestamp", "time") and kind == "string":
        layout = strptime_of(wanted)
        if layout is None:
            return Settled(Verdict.SKIPPED, f"no engine here reads the format `{wanted}`", rule="documentation")
        tree = sql.column(column.name)
        read = sql.call("try_strptime", tree, exp.Literal.string(layout))
        return Violations(sql.both([sql.not_null(tree), sql.is_null(read)]), (column.name,))
    if wanted not in FORMATS:
        return Settled(Verdict.SKIPPED, f"the format `{wanted}` cannot be checked", rule="documentation")
    return _unmatched(column, FORMATS[wanted])


def _invalid(ask: Ask) -> Measure:
    said, column = ask.said, ask.column
    parts: list[Violations] = []
    if said.get("validValues") is not None:
        parts.append(_outside(column, list(said["validValues"])))
    if said.get("invalidValues") is not None:
        values = [v for value in said["invalidValues"] if (v := _literal_or_none(value, column)) is not None]
        if values:
            parts.append(Violations(exp.In(this=sql.column(column.name), expressions=values), (column.name,)))
    if said.get("pattern") is not None:
        parts.append(_unmatched(column, said["pattern"]))
    lengths = {new: said[old] for old, new in (("minLength", "minimum"), ("maxLength", "maximum")) if old in said}
    if lengths:
        parts.append(_beyond(exp.Length(this=sql.column(column.name)), Column(column.name, "BIGINT"), lengths))
    bounds = {name: said[name] for name in _BEYOND if name in said}
    if bounds:
        parts.append(_beyond(sql.column(column.name), column, bounds))
    if not parts:
        raise Unsuitable("nothing says what is valid: give validValues or a pattern in `arguments`")
    if len(parts) == 1:
        return parts[0]
    return Violations(sql.either(p.condition for p in parts), (column.name,), is_regex=any(p.is_regex for p in parts))


def _surplus(ask: Ask) -> Measure:
    return Surplus(tuple(c.name for c in ask.columns))


def _reference(ask: Ask) -> Measure:
    said, columns = ask.said, ask.columns
    if not said.get("asset"):
        raise Unsuitable(f"`{said['object']}` is no asset of this estate")
    if len(columns) != len(said["columns"]):
        raise Unsuitable(f"{len(columns)} columns cannot refer to {len(said['columns'])}")
    return Dangling(tuple(c.name for c in columns), said["asset"], tuple(said["columns"]))


_AGGREGATES: Mapping[str, type[exp.AggFunc]] = {
    "min": exp.Min, "max": exp.Max, "avg": exp.Avg, "sum": exp.Sum, "stddev": exp.StddevSamp,
}  # fmt: skip


def _aggregate(ask: Ask) -> Measure:
    name, column = ask.said["aggregate"], ask.column.name
    if name == "distinct":
        return Aggregate(sql.count_distinct(sql.column(column)), (column,), distinct_of=column)
    return Aggregate(_AGGREGATES[name](this=sql.column(column)), (column,))


def _freshness(ask: Ask) -> Measure:
    if family(ask.column.type) not in ("date", "timestamp", "timestamptz"):
        raise Unsuitable(f"the column is {ask.column.type}, which has no age")
    return Aggregate(exp.Max(this=sql.column(ask.column.name)), (ask.column.name,), is_age=True)


def _expression(ask: Ask) -> Measure:
    return _measured(parse_expression(ask.said["expression"], ask.table.dialect), ask.table)


def _sql(ask: Ask) -> Measure:
    said = ask.said
    named = (*(c.name for c in ask.columns), *ask.check.columns)
    prop = named[0] if named else None
    parsed = parse_query(said["query"], said["object"], said["aliases"], prop, said["references"], ask.table.dialect)
    if isinstance(parsed, Expression):
        return _measured(parsed, ask.table)
    return Scalar(parsed.tree, parsed.assets)


def _measured(said: Expression, table: Table) -> Measure:
    names = tuple(dict.fromkeys(found.name if (found := table.find(c)) else c for c in said.columns))
    if said.counts == "rows":
        return RowCount()
    if said.counts == "violations":
        return Violations(said.tree, names, said.subject, said.has_regex, said.is_stable, said.pattern)
    return Aggregate(said.tree, names, distinct_of=_counted_apart(said.tree, table))


def _counted_apart(tree: exp.Expr, table: Table) -> str | None:
    """Return the column of a plain COUNT(DISTINCT column)."""
    inner = tree.this if isinstance(tree, exp.Count) else None
    if not isinstance(inner, exp.Distinct) or len(inner.expressions) != 1:
        return None
    column = inner.expressions[0]
    found = table.find(column.name) if isinstance(column, exp.Column) else None
    return found.name if found else None


_MEASURES: Mapping[str, Callable[[Ask], Measure]] = {
    "type": _types, "not_null": _nulls, "nulls": _nulls, "missing": _nulls, "in_set": _in_set, "range": _range,
    "multiple": _multiple, "length": _length, "items": _items, "pattern": _pattern, "format": _format,
    "invalid": _invalid, "unique": _surplus, "duplicates": _surplus, "reference": _reference,
    "row_count": lambda _: RowCount(), "aggregate": _aggregate, "freshness": _freshness,
    "expression": _expression, "sql": _sql,
}  # fmt: skip
