"""The reference evaluator: one plain statement for each check, written from the meaning of the check alone.

It shares nothing with the planner: no trees, no shared passes, no proofs. Slow and obvious on purpose.
"""

from __future__ import annotations

import math
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

ROW_KINDS = {
    "not_null", "nulls", "missing", "in_set", "range", "multiple", "length", "items", "pattern", "format", "invalid",
    "expression",
}  # fmt: skip


def evaluate(session: Any, check: Any, columns: Any, scope: Any) -> tuple[str, Any, int | None, int | None]:
    """Return (verdict, value, failing, total) of one check."""
    types = {c.name: c.type for c in columns}
    both = f"(SELECT * FROM {scope.rows} AS a UNION ALL BY NAME SELECT * FROM {scope.rest} AS b)"
    source = scope.rows if scope.rest is None or check.scope == "interval" else both

    def one(sql: str) -> Any:
        return session.rows(sql)[0][0]

    total = one(f"SELECT count(*) FROM {source} AS t")
    if check.kind in ROW_KINDS:
        failing = one(f"SELECT count(*) FROM {source} AS t WHERE {_violation(check, types)}")
        return _counted(check, failing, total)
    if check.kind in ("unique", "duplicates"):
        names = ", ".join(f'"{c}"' for c in check.columns)
        some = " OR ".join(f'"{c}" IS NOT NULL' for c in check.columns)
        failing = one(
            "SELECT coalesce(sum(n - 1), 0) FROM "
            f"(SELECT count(*) AS n FROM {source} AS t WHERE {some} GROUP BY {names})"
        )
        return _counted(check, int(failing), total)
    if check.kind == "reference":
        there = scope.references[check.arguments["asset"]]
        here, target = check.columns[0], check.arguments["columns"][0]
        failing = one(
            f'SELECT count(*) FROM {source} AS t WHERE "{here}" IS NOT NULL '
            f'AND "{here}" NOT IN (SELECT "{target}" FROM {there} WHERE "{target}" IS NOT NULL)'
        )
        return _counted(check, failing, total)
    if check.kind == "row_count":
        return _verdict(check, total), total, None, total
    if check.kind == "aggregate":
        function = {"distinct": "count(DISTINCT {})"}.get(
            check.arguments["aggregate"], check.arguments["aggregate"] + "({})"
        )
        value = one(f"SELECT {function.format(_quoted(check.columns[0]))} FROM {source} AS t")
        return ("skipped" if value is None else _verdict(check, value)), value, None, None
    if check.kind == "freshness":
        newest = one(f"SELECT max({_quoted(check.columns[0])}) FROM {source} AS t")
        if newest is None:
            return "warn", None, None, None
        if not isinstance(newest, datetime):
            newest = datetime(newest.year, newest.month, newest.day, tzinfo=UTC)
        newest = newest if newest.tzinfo else newest.replace(tzinfo=UTC)
        age = (scope.now - newest).total_seconds()
        return _verdict(check, age), age, None, None
    if check.kind == "sql":
        value = one(check.arguments["query"].replace("{object}", source))
        return ("error" if value is None else _verdict(check, value)), value, None, None
    raise AssertionError(check.kind)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _value(value: Any, kind: str) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float | Decimal) and kind != "VARCHAR":
        return str(value)
    return f"CAST('{str(value).replace(chr(39), chr(39) * 2)}' AS {kind})"


def _violation(check: Any, types: dict[str, str]) -> str:
    name = check.columns[0] if check.columns else ""
    column, kind, said = _quoted(name), types.get(name, ""), check.arguments
    if check.kind in ("not_null", "nulls"):
        return f"{column} IS NULL"
    if check.kind == "missing":
        listed = ", ".join(_value(v, kind) for v in said["missingValues"] if v is not None)
        return f"({column} IS NULL OR {column} IN ({listed}))" if listed else f"{column} IS NULL"
    if check.kind in ("in_set", "invalid"):
        parts = []
        values = said.get("values", said.get("validValues"))
        if values is not None:
            listed = ", ".join(_value(v, kind) for v in values if v is not None)
            parts.append(f"{column} NOT IN ({listed})" if listed else f"{column} IS NOT NULL")
        if "pattern" in said:
            parts.append(f"NOT regexp_matches({column}, '{said['pattern']}')")
        return " OR ".join(f"({p})" for p in parts)
    if check.kind == "range":
        return _outside(column, kind, said)
    if check.kind == "multiple":
        return f"{column} % {said['of']} <> 0"
    if check.kind == "length":
        return _outside(f"length({column})", "BIGINT", said)
    if check.kind == "pattern":
        return f"NOT regexp_matches({column}, '{said['pattern']}')"
    if check.kind == "expression":
        return f"NOT ({said['expression']})"
    raise AssertionError(check.kind)


def _outside(tree: str, kind: str, said: dict[str, Any]) -> str:
    signs = {"minimum": "<", "exclusiveMinimum": "<=", "maximum": ">", "exclusiveMaximum": ">="}
    parts = [f"{tree} {sign} {_value(said[name], kind)}" for name, sign in signs.items() if name in said]
    if kind == "DOUBLE":
        parts.append(f"isnan({tree})")
    return "(" + " OR ".join(parts) + ")"


def _counted(check: Any, failing: int, total: int) -> tuple[str, Any, int, int]:
    if check.unit == "percent":
        if total == 0:
            return "pass", 0.0, 0, 0
        value: Any = failing * 100 / total
    else:
        value = failing
    return _verdict(check, value), value, failing, total


def _verdict(check: Any, value: Any) -> str:
    limit = check.threshold
    if isinstance(value, Decimal):
        limit = [Decimal(str(v)) for v in limit] if isinstance(limit, list | tuple) else Decimal(str(limit))
    if isinstance(value, date) and isinstance(limit, str):
        limit = type(value).fromisoformat(limit)
    if isinstance(value, float) and math.isnan(value):
        holds = False
    elif "Between" in check.operator:
        holds = (limit[0] <= value <= limit[1]) == (check.operator == "mustBeBetween")
    else:
        holds = {
            "mustBe": value == limit,
            "mustNotBe": value != limit,
            "mustBeGreaterThan": value > limit,
            "mustBeGreaterOrEqualTo": value >= limit,
            "mustBeLessThan": value < limit,
            "mustBeLessOrEqualTo": value <= limit,
        }[check.operator]
    return "pass" if holds else "fail" if check.blocking else "warn"
