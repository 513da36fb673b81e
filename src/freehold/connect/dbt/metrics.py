"""What metrics mean, so that two of one name, or of one meaning, can be told."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from freehold.connect.dbt.model import Measure, Metric, Project

_FILLING = {"total", "sum", "of", "the", "number", "num", "count", "cnt", "all"}
_DEEPEST = 20


@dataclass(frozen=True, slots=True)
class Definition:
    """What a metric comes to: `key` is equal for two that mean the same, `told` is for a person.

    `models` are the unique ids of the nodes it is computed from.
    """

    metric: Metric
    key: str
    told: str
    models: tuple[str, ...]


def definitions(project: Project) -> tuple[Definition, ...]:
    """Return what every metric of a project means, those left out that cannot be followed to measures."""
    measures: dict[str, list[Measure]] = {}
    for measure in project.measures:
        measures.setdefault(measure.name, []).append(measure)
    by_name = {metric.name: metric for metric in project.metrics.values()}
    found = (_defined(metric, by_name, measures, project, 0) for metric in project.metrics.values())
    return tuple(one for one in found if one is not None)


def measures_named(metric: Metric, metrics: Mapping[str, Metric]) -> tuple[str, ...]:
    """Return the measures that a metric is computed from, those of the metrics it is made of among them."""
    by_name = {one.name: one for one in metrics.values()}
    found: dict[str, None] = {}
    waiting, seen = [metric], {metric.name}
    while waiting:
        one = waiting.pop()
        said = one.parameters
        if name := _name(said.get("measure")):
            found[name] = None
        for part in said.get("input_measures") or ():
            found[_name(part)] = None
        for part in _parts(said):
            if part in by_name and part not in seen:
                seen.add(part)
                waiting.append(by_name[part])
    return tuple(name for name in found if name)


def plain_name(name: str) -> str:
    """Return a name as it is compared: `Total revenue` and `revenue` are the same word."""
    words = [w for w in re.split(r"[^a-z0-9]+", name.lower()) if w]
    kept = [w for w in words if w not in _FILLING]
    return "_".join(kept or words)


def _defined(
    metric: Metric, metrics: Mapping[str, Metric], measures: Mapping[str, list[Measure]], project: Project, depth: int
) -> Definition | None:
    said = metric.parameters
    aggregated = said.get("metric_aggregation_params") or {}
    if metric.kind in ("derived", "ratio"):
        return _made_of_others(metric, metrics, measures, project, depth)
    if aggregated:
        expression = str(aggregated.get("expr") or said.get("expr") or metric.name)
        one = Measure(metric.name, str(aggregated.get("agg")), expression, "", str(aggregated.get("semantic_model")))
    else:
        named = measures.get(_name(said.get("measure")), [])
        if len(named) != 1:
            return None
        one = named[0]
    measure_filter = _filter(said.get("measure"))
    where = " AND ".join(f for f in (metric.filter, measure_filter) if f)
    over = project.nodes[one.model].label if one.model in project.nodes else one.semantic_model
    told = f"{one.aggregate}({_spaced(one.expression)}) of {over}"
    extra = _extra(metric)
    key = f"{one.aggregate.lower()}({_spaced(one.expression).lower()})|{one.model or one.semantic_model}"
    return Definition(
        metric,
        f"{key}|{_spaced(where).lower()}|{extra}",
        told + (f" where {_spaced(where)}" if where else "") + (f", {extra}" if extra else ""),
        (one.model,) if one.model else (),
    )


def _made_of_others(
    metric: Metric, metrics: Mapping[str, Metric], measures: Mapping[str, list[Measure]], project: Project, depth: int
) -> Definition | None:
    if depth >= _DEEPEST:
        return None
    said = metric.parameters
    ratio = metric.kind == "ratio"
    inputs = [said.get("numerator"), said.get("denominator")] if ratio else list(said.get("metrics") or ())
    parts: list[tuple[str, Definition, str]] = []
    for one in inputs:
        found = metrics.get(_name(one))
        defined = _defined(found, metrics, measures, project, depth + 1) if found else None
        if defined is None:
            return None
        alias = str((one or {}).get("alias") or "") if isinstance(one, Mapping) else ""
        shifted = _shift(one)
        parts.append((alias or _name(one), defined, f"[{_filter(one)}|{shifted}]"))
    expression = " / ".join(name for name, *_ in parts) if ratio else _spaced(str(said.get("expr") or ""))
    key = expression.lower()
    for number, (name, defined, besides) in enumerate(parts):
        key = re.sub(rf"\b{re.escape(name.lower())}\b", f"<{number}>", key)
        key += f";{number}={defined.key}{besides}"
    told = f"{metric.kind}: {expression}" + (f" where {_spaced(metric.filter)}" if metric.filter else "")
    models = tuple(dict.fromkeys(model for _, defined, _ in parts for model in defined.models))
    return Definition(metric, f"{metric.kind}|{key}|{_spaced(metric.filter).lower()}", told, models)


def _extra(metric: Metric) -> str:
    """Return what else decides the value of a cumulative or conversion metric."""
    if metric.kind in ("simple", ""):
        return ""
    said = {k: v for k, v in metric.parameters.items() if k not in ("measure", "input_measures") and v}
    return f"{metric.kind} {_flat(said)}".strip()


def _flat(said: Any) -> str:
    if isinstance(said, Mapping):
        return " ".join(f"{k} {_flat(v)}" for k, v in sorted(said.items()) if v)
    if isinstance(said, list | tuple):
        return " ".join(_flat(v) for v in said)
    return str(said)


def _parts(said: Mapping[str, Any]) -> Iterable[str]:
    for one in (said.get("numerator"), said.get("denominator"), *(said.get("metrics") or ())):
        if name := _name(one):
            yield name


def _name(said: object) -> str:
    if isinstance(said, Mapping):
        return str(said.get("name") or "")
    return str(said or "")


def _filter(said: object) -> str:
    found = (said.get("filter") or {}) if isinstance(said, Mapping) else {}
    templates = (f.get("where_sql_template") for f in found.get("where_filters") or ())
    return " AND ".join(_spaced(str(t)) for t in templates if t)


def _shift(said: object) -> str:
    if not isinstance(said, Mapping):
        return ""
    return " ".join(f"{k} {_flat(said[k])}" for k in ("offset_window", "offset_to_grain") if said.get(k))


def _spaced(text: str) -> str:
    return " ".join(text.split())
