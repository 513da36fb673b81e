"""Checks from the `quality` rules of a contract: library metrics, SQL, text and custom engines."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from freehold.estate.model import Property, QualityRule
from freehold.foundation import near
from freehold.quality.drafting import Drafts, judged
from freehold.quality.judging import OPERATORS

AGGREGATES = ("min", "max", "avg", "sum", "stddev", "distinct")
_METRICS = {
    "nullValues": ("nulls", "empty values of {on}"),
    "missingValues": ("missing", "missing values of {on}"),
    "invalidValues": ("invalid", "invalid values of {on}"),
    "duplicateValues": ("duplicates", "repeated values of {on}"),
    "rowCount": ("row_count", "the number of rows"),
}
_OLD_NAMES = {"nullCheck": "nullValues", "duplicateCount": "duplicateValues", "validValues": "invalidValues"}
_TABLES = re.compile(r"\b(?:from|join)\s+([a-z_][\w$]*(?:\.[a-z_][\w$]*)*)", re.I)


def draft_rules(drafts: Drafts) -> None:
    """Add the checks of every rule: of the object first, then column by column."""
    for rule in drafts.schema.quality:
        _draft_rule(drafts, rule, None)
    for prop in drafts.schema.columns:
        for rule in prop.quality:
            _draft_rule(drafts, rule, prop)


def _draft_rule(drafts: Drafts, rule: QualityRule, prop: Property | None) -> None:
    kind = rule.kind or ("library" if rule.metric else "text")
    if kind == "library":
        _draft_metric(drafts, rule, prop)
    elif kind == "sql":
        _draft_sql(drafts, rule, prop)
    elif kind == "custom":
        _draft_custom(drafts, rule, prop)
    else:
        _skip(drafts, rule, prop, "text", "documentation: read by people, judged by nobody")


def _draft_metric(drafts: Drafts, rule: QualityRule, prop: Property | None) -> None:
    metric = _OLD_NAMES.get(rule.metric or "", rule.metric or "")
    if metric not in _METRICS:
        fix = near(metric, _METRICS) or f"Use one of {', '.join(_METRICS)}."
        _settle(drafts, rule, prop, "invalid", f"there is no metric `{metric}`. {fix}")
        return
    kind, thing = _METRICS[metric]
    columns = _columns(drafts, rule, prop)
    if not columns and metric != "rowCount":
        _settle(drafts, rule, prop, kind, f"`{metric}` needs a column: put the rule under a property")
        return
    unit = rule.unit if rule.unit == "percent" else "rows"
    operator, threshold = rule.operator or "mustBe", rule.threshold if rule.operator else 0
    said = thing.format(on=", ".join(f"`{c}`" for c in columns))
    arguments = dict(rule.arguments)
    if metric == "duplicateValues":
        arguments["columns"] = columns
    _add(
        drafts, rule, prop, kind, f"{said}: {judged(operator, threshold, unit)}",
        columns=columns, operator=operator, threshold=threshold, unit=unit, arguments=arguments,
    )  # fmt: skip


def _columns(drafts: Drafts, rule: QualityRule, prop: Property | None) -> tuple[str, ...]:
    """Return the columns a metric is about: its own, or those `arguments.properties` names for the object."""
    more = rule.arguments.get("properties") or ()
    listed = (more,) if isinstance(more, str) else tuple(more)
    names = (*((prop.name,) if prop else ()), *(n for n in listed if not prop or n != prop.name))
    if not names and rule.column:
        names = (rule.column,)
    return tuple(drafts.column_of(str(n)) for n in names)


def _draft_sql(drafts: Drafts, rule: QualityRule, prop: Property | None) -> None:
    query = rule.query or ""
    operator, threshold = rule.operator or "mustBe", rule.threshold if rule.operator else 0
    schema = drafts.schema
    arguments = {
        "query": query,
        "object": schema.name,
        "aliases": tuple(sorted({schema.name, schema.physical_name or schema.name, drafts.asset})),
        "references": _assets_in(query, drafts),
    }
    unit = rule.unit if rule.unit == "percent" else "rows"
    claim = rule.description or rule.name or f"the query's value {judged(operator, threshold, unit)}"
    _add(
        drafts, rule, prop, "sql", claim.strip(),
        columns=(prop.column,) if prop else (), operator=operator, threshold=threshold, unit=unit,
        arguments=arguments,
    )  # fmt: skip


def _assets_in(query: str, drafts: Drafts) -> dict[str, str]:
    """Return the assets a query names beside the object itself, by the name it uses for them."""
    own = {drafts.schema.name, drafts.schema.physical_name, drafts.asset}
    named = dict.fromkeys(name for name in _TABLES.findall(query) if name not in own)
    found = {name: drafts.resolve(name, drafts.contract) for name in named}
    return {name: asset for name, asset in found.items() if asset}


def _draft_custom(drafts: Drafts, rule: QualityRule, prop: Property | None) -> None:
    if (rule.engine or "").lower() != "freehold":
        _skip(drafts, rule, prop, "custom", f"written for {rule.engine or 'another engine'}; run it there")
        return
    said = _said_by(rule)
    if isinstance(said, str):
        _settle(drafts, rule, prop, "custom", said)
        return
    operator = next((name for name in OPERATORS if name in said), rule.operator)
    threshold = said.get(operator) if operator in said else rule.threshold
    if said.get("expression"):
        _draft_expression(drafts, rule, prop, said, operator, threshold)
        return
    wanted = str(said.get("aggregate") or said.get("metric") or "")
    column = drafts.column_of(str(said["column"])) if said.get("column") else (prop.column if prop else "")
    if wanted not in AGGREGATES or not column or operator is None:
        _settle(drafts, rule, prop, "aggregate", _what_lacks(wanted, column, operator))
        return
    unit = "percent" if (said.get("unit") or rule.unit) == "percent" else "rows"
    _add(
        drafts, rule, prop, "aggregate", f"{wanted} of `{column}` {judged(operator, threshold, unit)}",
        columns=(column,), operator=operator, threshold=threshold, unit=unit, arguments={"aggregate": wanted},
    )  # fmt: skip


def _draft_expression(
    drafts: Drafts, rule: QualityRule, prop: Property | None, said: Mapping[str, Any], operator: str | None, limit: Any
) -> None:
    expression = str(said["expression"])
    _add(
        drafts, rule, prop, "expression", rule.description or f"every row satisfies {expression}",
        columns=(prop.column,) if prop else (), operator=operator or "mustBe", threshold=limit if operator else 0,
        unit="percent" if (said.get("unit") or rule.unit) == "percent" else "rows",
        arguments={"expression": expression},
    )  # fmt: skip


def _said_by(rule: QualityRule) -> dict[str, Any] | str:
    """Return what a rule for our own engine says, or what is wrong with it."""
    said: Any = rule.implementation
    if isinstance(said, str):
        import yaml

        try:
            said = yaml.safe_load(said)
        except yaml.YAMLError as error:
            return f"its implementation is no YAML: {str(error).splitlines()[0]}"
    if said is not None and not isinstance(said, Mapping):
        return "its implementation is no mapping like {aggregate: avg, mustBeBetween: [1, 2]}"
    ours = {k.removeprefix("freehold:"): v for k, v in rule.custom.items() if k.startswith("freehold:")}
    return {**ours, **(said or {})}


def _what_lacks(wanted: str, column: str, operator: str | None) -> str:
    if wanted not in AGGREGATES:
        return f"there is no aggregate `{wanted}`. {near(wanted, AGGREGATES) or 'Use ' + ', '.join(AGGREGATES) + '.'}"
    return (
        "it names no column" if not column else f"it has no operator: {operator}; write mustBe… in its implementation"
    )


def _skip(drafts: Drafts, rule: QualityRule, prop: Property | None, kind: str, reason: str) -> None:
    claim = rule.description or rule.name or f"a rule for {rule.engine or 'people'}"
    _add(drafts, rule, prop, kind, claim.strip(), arguments={"skipped": reason})


def _settle(drafts: Drafts, rule: QualityRule, prop: Property | None, kind: str, reason: str) -> None:
    claim = rule.description or rule.name or f"a {rule.kind} rule"
    _add(drafts, rule, prop, kind, claim.strip(), arguments={"error": reason})


def _add(drafts: Drafts, rule: QualityRule, prop: Property | None, kind: str, claim: str, **fields: Any) -> None:
    drafts.add(
        kind,
        claim,
        rule.where,
        rule=rule,
        custom=prop.custom if prop else drafts.schema.custom,
        on=prop.name if prop else None,
        **fields,
    )
