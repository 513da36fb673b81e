"""Filters of dbt's semantic layer as conditions of ours: SQL with names in Jinja, which are read and never rendered."""

from __future__ import annotations

import ast
import re
from typing import Any

from sqlglot import exp

from freehold.connect.dbt.semantic_models import Json, Table, Tables, UncarriedError

_NAMES = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)
_UNITS = ("hour", "day", "week", "month", "quarter", "year")


def condition(tables: Tables, said: Json | None, fact: str) -> str:
    """Return a filter as one condition over the rows of a dataset; empty where there is none.

    Raises:
        UncarriedError: it names what the dataset does not reach, or uses what has no place in our conditions.
    """
    parts = [str(one["where_sql_template"]) for one in (said or {}).get("where_filters") or ()]
    found = [_one(tables, text, fact) for text in parts]
    return found[0] if len(found) == 1 else " AND ".join(f"({one})" for one in found)


def _one(tables: Tables, text: str, fact: str) -> str:
    held: dict[str, exp.Expr] = {}

    def name(match: re.Match[str]) -> str:
        held[f"held_{len(held)}"] = _meant(tables, match[1].strip(), fact)
        return f"held_{len(held) - 1}"

    plain = _NAMES.sub(name, text)
    if "{%" in plain or "{#" in plain:
        raise UncarriedError(f"`{text.strip()}` is more Jinja than names")
    tree = tables.parsed(plain)
    for column in list(tree.find_all(exp.Column)):
        if column.name in held and not column.table:
            meant = held[column.name].copy()
            if column is tree:
                tree = meant
            else:
                column.replace(meant)
        else:
            raise UncarriedError(f"`{column.sql()}` in a filter is no dimension")
    return tree.sql()


def _meant(tables: Tables, call: str, fact: str) -> exp.Expr:
    """Return what `Dimension('buyer__country')` means, as a name of ours."""
    kind, words, grain = _read(call)
    if kind == "Metric":
        metric, keys = str(words[0]), [str(key) for key in words[1]]
        named = [_entity(tables, key.split("__"), fact) for key in keys]
        return exp.func("per", exp.column(metric), *named, dialect=None)
    path = [str(one) for one in (words[2] if kind == "TimeDimension" and len(words) > 2 else ())]
    if kind == "Dimension" and len(words) > 1:
        path = [str(one) for one in words[1]]
    steps = [*path, *str(words[0]).split("__")]
    if kind == "Entity":
        return _entity(tables, [*(str(one) for one in (words[1] if len(words) > 1 else ())), *steps[len(path) :]], fact)
    if kind == "TimeDimension" and len(words) > 1 and words[1]:
        grain = str(words[1])
    column, table, name = _dimension(tables, steps, fact)
    return _cut(column, grain or _grain_of(table, name))


def _cut(column: exp.Expr, grain: str) -> exp.Expr:
    """Return a time cut to its period, as the semantic layer has every time."""
    if grain in ("", "second"):
        return column
    if grain == "day":
        return exp.Cast(this=column, to=exp.DataType.build("date"))
    if grain not in _UNITS:
        raise UncarriedError(f"`{grain}` is no period here")
    cast = exp.Cast(this=column, to=exp.DataType.build("timestamp"))
    return exp.TimestampTrunc(this=cast, unit=exp.var(grain.upper()))


def _grain_of(table: Table, name: str) -> str:
    said: Json = next((d for d in table.said.get("dimensions") or () if d["name"] == name), {})
    return str((said.get("type_params") or {}).get("time_granularity") or "") if said.get("type") == "time" else ""


def _read(call: str) -> tuple[str, list[Any], str]:
    """Return a call in a template as its name, its arguments, and the grain that `.grain('month')` adds."""
    grain = ""
    try:
        node: ast.expr = ast.parse(call, mode="eval").body
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "grain":
            grain, node = str(ast.literal_eval(node.args[0])), node.func.value
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            words = [ast.literal_eval(one) for one in node.args]
            named = {one.arg: ast.literal_eval(one.value) for one in node.keywords}
            kind = node.func.id
            return kind, _in_order(kind, words, named), grain
    except (SyntaxError, ValueError, IndexError) as error:
        raise UncarriedError(f"`{call}` is not read") from error
    raise UncarriedError(f"`{call}` is not read")


def _in_order(kind: str, words: list[Any], named: dict[str | None, Any]) -> list[Any]:
    orders = {
        "Dimension": ("name", "entity_path"), "TimeDimension": ("time_dimension_name", "time_granularity_name",
        "entity_path"), "Entity": ("entity_name", "entity_path"), "Metric": ("metric_name", "group_by"),
    }  # fmt: skip
    if kind not in orders or not set(named) <= set(orders[kind]):
        raise UncarriedError(f"`{kind}` is not read")
    found = [*words, *[None] * (len(orders[kind]) - len(words))]
    for key, value in named.items():
        found[orders[kind].index(str(key))] = value
    while found and found[-1] is None:
        found.pop()
    return [() if one is None else one for one in found]


def _dimension(tables: Tables, steps: list[str], fact: str) -> tuple[exp.Expr, Table, str]:
    """Return a dimension as a name of ours, with the table and the field that it is."""
    *path, name = steps
    here = tables.tables[fact]
    if not path and name == "metric_time":
        if here.time is None:
            raise UncarriedError("its rows have no time")
        return exp.column(here.time, table=fact), here, here.time
    roles: list[str] = []
    for index, entity in enumerate(path):
        here = _step(tables, here, entity, path[index + 1] if index + 1 < len(path) else name, roles)
    if name not in here.fields:
        raise UncarriedError(f"`{'__'.join(steps)}` is nothing that `{fact}` reaches")
    return _column(roles or [fact], name), here, name


def _step(tables: Tables, here: Table, entity: str, then: str, roles: list[str]) -> Table:
    """Follow an entity to the table that has what comes next; stay where that is here."""
    own = [e for e in here.said.get("entities") or () if e["name"] == entity and e["type"] != "foreign"]
    primary = here.said.get("primary_entity")
    if (own or primary == entity) and _has(here, then):
        return here
    targets = tables.targets(entity, here)
    fitting = [table for table, _ in targets if _has(table, then)]
    if len(fitting) != 1:
        raise UncarriedError(f"`{entity}__{then}` is nothing, or several things, that `{here.name}` reaches")
    roles.append(tables.role_name(entity, fitting[0].name, len(targets)))
    return fitting[0]


def _has(table: Table, name: str) -> bool:
    return name in table.fields or any(one["name"] == name for one in table.said.get("entities") or ())


def _entity(tables: Tables, steps: list[str], fact: str) -> exp.Expr:
    """Return the field that an entity is, as seen from a dataset: the key itself, wherever it may lead."""
    *path, name = steps
    here = tables.tables[fact]
    roles: list[str] = []
    for index, entity in enumerate(path):
        here = _step(tables, here, entity, path[index + 1] if index + 1 < len(path) else name, roles)
    said = next((one for one in here.said.get("entities") or () if one["name"] == name), None)
    if said is None:
        raise UncarriedError(f"`{'__'.join(steps)}` is no entity of `{here.name}`")
    return _column(roles or [fact], tables.field(here.name, said.get("expr"), name))


def _column(heads: list[str], name: str) -> exp.Expr:
    """Return a dotted name of any length."""
    return exp.Column(
        this=exp.to_identifier(name),
        **dict(zip(("table", "db", "catalog"), map(exp.to_identifier, reversed(heads)), strict=False)),
    )
