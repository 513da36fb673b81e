"""Semantic models as Apache Ossie has them: written so that other tools read them and nothing of ours is lost.

What the standard has no key for travels in `custom_extensions` of the vendor FREEHOLD and comes back from there. A
metric that the standard cannot say (one that looks over time, a balance, a conversion, a share) is not written as
something that it is not: it stands whole in the extension of its model, where another tool sees no number instead of a
wrong one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlglot import exp

from freehold.estate.document import Document
from freehold.foundation import FreeholdError
from freehold.metrics.catalogue import Catalogue
from freehold.metrics.expressions import aggregate_of, is_ours, parts_of, per_of
from freehold.metrics.model import Dataset, Field, Metric, Model
from freehold.metrics.widening import VENDOR, ends_of, widened

VERSION = "0.2.0.dev0"
_STANDARD = ("name", "description", "datatype", "synonyms", "ai_context", "custom_extensions", "dimension")


def to_ossie(catalogue: Catalogue, models: Sequence[str], documents: Mapping[str, Document]) -> dict[str, Any]:
    """Return models as one document of Ossie.

    Args:
        catalogue: all models, resolved: fields that come from contracts are written out for other tools.
        models: the names of those to write.
        documents: the files they stand in, by the name of the (first) model.
    """
    said = {str(part["name"]): part for d in documents.values() for part in _parts(d)}
    written = [_model(catalogue, catalogue.models[name], said[name]) for name in models]
    return {"version": VERSION, "semantic_model": written}


def _parts(document: Document) -> Sequence[Mapping[str, Any]]:
    parts: Sequence[Mapping[str, Any]] = document.value.get("semantic_model", [document.value])
    return parts


def _model(catalogue: Catalogue, model: Model, said: Mapping[str, Any]) -> dict[str, Any]:
    opened = widened(said)
    metrics, ours = [], {}
    for name, metric in model.metrics.items():
        spoken = _entry(opened.get("metrics"), name)
        plain = _standing_alone(catalogue, metric)
        if plain is None:
            ours[name] = _of_others_too(spoken)
        else:
            metrics.append(_metric(name, metric, spoken, plain))
    extra = {key: opened[key] for key in ("timezone", "calendar", "rollups") if key in opened}
    if ours:
        extra["metrics"] = ours
    return _compact(
        name=model.name,
        description=opened.get("description"),
        ai_context=said.get("ai_context"),
        datasets=[_dataset(d, _entry(opened.get("datasets"), d.name)) for d in model.datasets.values()],
        relationships=[
            _compact(
                **{"from": j.source, "to": j.target}, name=j.name, from_columns=list(j.columns),
                to_columns=list(j.target_columns), ai_context=spoken.get("ai_context"),
                custom_extensions=_extensions(spoken, {}),
            )
            for j, spoken in _joins(model, opened)
        ],
        metrics=metrics,
        custom_extensions=_extensions(said, extra),
    )  # fmt: skip


def _joins(model: Model, opened: Mapping[str, Any]) -> list[tuple[Any, Mapping[str, Any]]]:
    each = [widened(one) for one in opened.get("relationships") or ()]
    return [
        (join, next((one for one in each if ends_of(one)[0] == (join.source, join.columns)), {}))
        for join in model.joins
    ]


def _dataset(dataset: Dataset, said: Mapping[str, Any]) -> dict[str, Any]:
    extra = {key: said[key] for key in ("time", "timezone", "valid", "sql") if key in said}
    spoken = said.get("fields") or {}
    own = set(spoken) if isinstance(spoken, Mapping) else {str(f["name"]) for f in spoken}
    own -= set(said.get("from_contract", ()))
    borrowed = [name for name in dataset.fields if name not in own]
    keys = [list(key) for key in dataset.keys]
    if borrowed:
        extra["from_contract"] = borrowed
    return _compact(
        name=dataset.name,
        source=said.get("sql", dataset.source),  # the standard takes a query here, too
        primary_key=said.get("primary_key") or (keys[0] if keys else None),
        unique_keys=said.get("unique_keys") or keys[1:] or None,
        description=dataset.description or None,
        ai_context=_context(said),
        fields=[_field(f, _entry(spoken, f.name)) for f in dataset.fields.values()],
        custom_extensions=_extensions(said, extra),
    )


def _field(field: Field, said: Mapping[str, Any]) -> dict[str, Any]:
    text = field.expression.sql() if field.expression is not None else field.column or field.name
    return _compact(
        name=field.name,
        expression=_ansi(text),
        dimension={"is_time": field.is_time} if field.is_time or said.get("is_time") is not None else None,
        label=field.label or None,
        description=field.description or None,
        datatype=field.type or None,
        ai_context=_context(said),
        custom_extensions=_extensions(said, {}),
    )


def _metric(name: str, metric: Metric, said: Mapping[str, Any], plain: str) -> dict[str, Any]:
    extra = {key: value for key, value in said.items() if key not in _STANDARD}
    if extra.get("expression") == plain:
        del extra["expression"]
    return _compact(
        name=name,
        expression=_ansi(plain),
        description=metric.words.get("description"),
        datatype=said.get("datatype"),
        ai_context=_context(said),
        custom_extensions=_extensions(said, extra),
    )


def _of_others_too(said: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a file says of a metric, with what other vendors add to it."""
    kept = {key: value for key, value in said.items() if key != "name"}
    others = _others(kept.pop("custom_extensions", ()))
    return kept | ({"custom_extensions": others} if others else {})


def _standing_alone(catalogue: Catalogue, metric: Metric) -> str | None:
    """Return a metric as one expression over aggregates of fields, filters inside; None where that cannot say it."""
    try:
        return _inlined(catalogue, metric, (), ()).sql()
    except _NotSaidError:
        return None


class _NotSaidError(Exception):
    """Something that an expression of the standard cannot say."""


def _inlined(catalogue: Catalogue, metric: Metric, filters: tuple[exp.Expr, ...], trail: tuple[str, ...]) -> exp.Expr:
    if metric.spans or metric.snapshot is not None or metric.conversion is not None or metric.id in trail:
        raise _NotSaidError
    narrowed = (*filters, metric.filter) if metric.filter is not None else filters
    tree = _expanded(catalogue, metric, metric.expression, narrowed, (*trail, metric.id))
    return exp.Coalesce(this=tree, expressions=[exp.Literal.number(metric.fill)]) if metric.fill is not None else tree


def _expanded(
    catalogue: Catalogue, metric: Metric, node: exp.Expr, filters: tuple[exp.Expr, ...], trail: tuple[str, ...]
) -> exp.Expr:
    from freehold.metrics.branches import over

    aggregate = aggregate_of(node)
    if aggregate is not None:
        if any(is_ours(n, "per") for f in filters for n in f.walk()):
            raise _NotSaidError
        if per_of(aggregate) is not None:
            raise _NotSaidError
        inner = aggregate.this if isinstance(aggregate, exp.Filter) else aggregate
        own = (aggregate.expression.this,) if isinstance(aggregate, exp.Filter) else ()
        conditions = (*filters, *own)
        if isinstance(inner.this, exp.Column) and isinstance(inner.this.this, exp.Star) and conditions:
            return exp.Count(this=exp.Case(ifs=[exp.If(this=exp.and_(*conditions), true=exp.Literal.number(1))]))
        copied = node.copy() if not conditions else inner.copy()
        return over(copied, exp.and_(*conditions)) if conditions else copied
    if isinstance(node, exp.Column):
        try:
            other = catalogue.metric(".".join(parts_of(node)), within=metric.model)
        except FreeholdError as error:
            raise _NotSaidError from error
        if other.model != metric.model:
            raise _NotSaidError
        value = _inlined(catalogue, other, filters, trail)
        return value if aggregate_of(value) is not None else exp.Paren(this=value)
    if isinstance(node, exp.Anonymous):
        raise _NotSaidError
    args = {
        name: _expanded(catalogue, metric, part, filters, trail) if isinstance(part, exp.Expr) else part
        for name, part in node.args.items()
    }
    made = type(node)(**args)
    if isinstance(made, exp.Div) and not isinstance(made.expression, exp.Nullif):
        made.set("expression", exp.Nullif(this=made.expression, expression=exp.Literal.number(0)))
    return made


def _entry(said: Any, name: str) -> Mapping[str, Any]:
    """Return what a file says of one of its parts, whether they stand in a mapping or in a list."""
    if isinstance(said, Mapping):
        found = said.get(name)
        if isinstance(found, Mapping):
            return widened(found)
        return {} if found is None else {"expression": found}
    return next((widened(one) for one in said or () if one.get("name") == name), {})


def _context(said: Mapping[str, Any]) -> Any:
    context = said.get("ai_context")
    if context is not None:
        return context
    return {"synonyms": list(said["synonyms"])} if said.get("synonyms") else None


def _extensions(said: Mapping[str, Any], extra: Mapping[str, Any]) -> list[dict[str, str]] | None:
    found = _others(said.get("custom_extensions") or ())
    if extra:
        found.append({"vendor_name": VENDOR, "data": json.dumps(extra, ensure_ascii=False, default=str)})
    return found or None


def _others(extensions: Sequence[Mapping[str, str]]) -> list[dict[str, str]]:
    return [dict(one) for one in extensions if one.get("vendor_name") != VENDOR]


def _ansi(text: str) -> dict[str, Any]:
    return {"dialects": [{"dialect": "ANSI_SQL", "expression": text}]}


def _compact(**said: Any) -> dict[str, Any]:
    return {key: value for key, value in said.items() if value not in (None, [], {})}
