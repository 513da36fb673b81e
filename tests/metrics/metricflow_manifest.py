"""A model of ours as MetricFlow has it: a semantic manifest, and questions in MetricFlow's names.

MetricFlow joins datasets by entities of one name. Each relationship becomes one, called by its role: a foreign entity
of the dataset it leaves, a primary or unique one of the dataset it leads to. What MetricFlow has no words for is not
said as something else: it is left out, and `Manifest.unsaid` holds why.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from sqlglot import exp

from freehold.metrics import Catalogue, asked
from freehold.metrics.expressions import aggregate_of, is_ours, parts_of
from freehold.metrics.lowering import fact_of, lower
from freehold.metrics.model import Dataset, Metric, Model
from freehold.metrics.paths import place_of
from freehold.metrics.query import Query, key_of
from freehold.metrics.timing import period

AGGREGATIONS = {
    exp.Sum: "sum", exp.Avg: "average", exp.Min: "min", exp.Max: "max", exp.Median: "median", exp.Count: "count",
    exp.PercentileCont: "percentile",
}  # fmt: skip
GRAINS = ("hour", "day", "week", "month", "quarter", "year")
UNITS = {"months": "month", "days": "day", "hours": "hour"}


class UnsaidError(Exception):
    """MetricFlow has no words for it; the message says what."""


@dataclass
class Manifest:
    """A semantic manifest in the making, and the metrics that MetricFlow cannot be told of, with the reason."""

    model: Model
    catalogue: Catalogue
    schema: str = "shop"
    moments: str = "hour"  # what instants are cut to: MetricFlow wants a spine as fine as that
    measures: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    metrics: list[dict[str, Any]] = field(default_factory=list)
    unsaid: dict[str, str] = field(default_factory=dict)
    entities: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def said(self) -> dict[str, Any]:
        """Return the manifest, as dbt writes it into semantic_manifest.json."""
        for name, metric in self.model.metrics.items():
            try:
                self.metrics.append(self._metric(metric))
            except UnsaidError as error:
                self.unsaid[name] = str(error)
        return {
            "semantic_models": [self._semantic_model(d) for d in self.model.datasets.values()],
            "metrics": [one for one in self.metrics if not self._stands_on_unsaid(one)],
            "project_configuration": {
                "time_spine_table_configurations": [],
                "time_spines": [
                    {
                        "node_relation": {"alias": f"{grain}s", "schema_name": self.schema},
                        "primary_column": {"name": grain, "time_granularity": grain},
                    }
                    for grain in ("day", "hour")
                ],
            },
        }

    def _stands_on_unsaid(self, metric: dict[str, Any]) -> bool:
        params = metric["type_params"]
        inner = params.get("cumulative_type_params") or {}
        parts = [
            params.get("numerator"),
            params.get("denominator"),
            inner.get("metric"),
            *(params.get("metrics") or ()),
        ]
        missing = [one["name"] for one in parts if one and one["name"] in self.unsaid]
        if missing:
            self.unsaid[metric["name"]] = f"it stands on {missing[0]}: {self.unsaid[missing[0]]}"
        return bool(missing)

    # -- datasets ------------------------------------------------------------------------------------------------------

    def _semantic_model(self, dataset: Dataset) -> dict[str, Any]:
        return {
            "name": dataset.name,
            "node_relation": {"alias": dataset.source, "schema_name": self.schema},
            "defaults": {"agg_time_dimension": named(dataset.time)} if dataset.time else None,
            "primary_entity": primary_of(self.model, dataset) if dataset.validity else None,
            "entities": [*self._entities(dataset), *self.entities.get(dataset.name, ())],
            "dimensions": [self._dimension(dataset, name) for name in dataset.fields],
            "measures": self.measures.get(dataset.name, []),
        }

    def _entities(self, dataset: Dataset) -> Iterable[dict[str, Any]]:
        roles = [(j.name, j.target_columns[0]) for j in self.model.joins if j.target == dataset.name]
        if dataset.validity:
            yield from ({"name": name, "type": "natural", "expr": column} for name, column in roles)
        else:
            key = dataset.keys[0]
            own = exp.func("concat", *(exp.column(k) for k in key)).sql() if len(key) > 1 else key[0]
            named = roles or [(primary_of(self.model, dataset), own)]
            for index, (name, column) in enumerate(named):
                yield {"name": name, "type": "unique" if index else "primary", "expr": column}
        for join in self.model.joins:
            if join.source == dataset.name:
                yield {"name": join.name, "type": "foreign", "expr": join.columns[0]}

    def _dimension(self, dataset: Dataset, name: str) -> dict[str, Any]:
        said = dataset.fields[name]
        expr = said.expression.sql("duckdb") if said.expression is not None else said.column or said.name
        params: dict[str, Any] | None = None
        if said.type in ("Date", "DateTime", "DateTimeTz"):
            params = {"time_granularity": "day" if said.is_interval_of_days else self.moments}
            if dataset.validity and name in (dataset.validity.start, dataset.validity.end):
                is_start = name == dataset.validity.start
                params["validity_params"] = {"is_start": is_start, "is_end": not is_start}
        kind = "time" if params else "categorical"
        return {"name": named(name), "type": kind, "expr": expr, "type_params": params}

    # -- metrics -------------------------------------------------------------------------------------------------------

    def _metric(self, metric: Metric) -> dict[str, Any]:
        if metric.conversion is not None:
            return self._conversion(metric)
        tree = metric.expression
        aggregate = aggregate_of(tree)
        if metric.spans:
            return self._cumulative(metric, aggregate)
        if aggregate is not None:
            params = {"measure": {"name": self._measure(metric, metric.name, aggregate), **self._filling(metric)}}
            return self._made(metric, "simple", params)
        if isinstance(tree, exp.Div) and all(isinstance(side, exp.Column) for side in (tree.this, tree.expression)):
            sides = {"numerator": self._input(metric, tree.this), "denominator": self._input(metric, tree.expression)}
            return self._made(metric, "ratio", sides)
        inputs: dict[str, dict[str, Any]] = {}
        said = self._derived(metric, tree, inputs)
        if metric.fill is not None:
            return self._filled(metric)
        return self._made(metric, "derived", {"expr": said.sql("duckdb"), "metrics": list(inputs.values())})

    def _filled(self, metric: Metric) -> dict[str, Any]:
        """Say a metric that fills: only of a measure can that be said."""
        inner = aggregate_of(self.catalogue.metric(metric.expression.sql()).expression)
        if inner is None:
            raise UnsaidError("only a simple metric is filled")
        params = {"measure": {"name": self._measure(metric, metric.name, inner), **self._filling(metric)}}
        return self._made(metric, "simple", params)

    @staticmethod
    def _filling(metric: Metric) -> dict[str, Any]:
        return {"join_to_timespine": True, "fill_nulls_with": metric.fill} if metric.fill is not None else {}

    def _made(self, metric: Metric, kind: str, params: dict[str, Any]) -> dict[str, Any]:
        made = {"name": metric.name, "type": kind, "type_params": params}
        if metric.filter is not None:
            fact = next(iter(self.facts(metric)))
            made["filter"] = {"where_filters": [{"where_sql_template": self.template(metric.filter, fact)}]}
        return made

    def facts(self, metric: Metric) -> dict[str, None]:
        """Return the datasets whose rows a metric counts."""
        shapes = lower(self.catalogue, asked([metric.id], ["month"])).branches
        return {shape.fact: None for shape in shapes}

    def _measure(self, metric: Metric, name: str, aggregate: exp.Expr) -> str:
        """Add a measure of an aggregate, and return its name."""
        inner, own = (
            (aggregate.this, aggregate.expression.this) if isinstance(aggregate, exp.Filter) else (aggregate, None)
        )
        fact = fact_of(self.model, inner, metric.name)
        kind = AGGREGATIONS.get(type(inner))
        if kind is None:
            raise UnsaidError(f"no aggregation is {type(inner).__name__}")
        value, made = inner.this, {"name": f"{name}_measure", "agg": kind, "create_metric": False}
        if isinstance(value, exp.Distinct):
            value, made["agg"] = value.expressions[0], "count_distinct"
        text = self._local(fact, value)
        made["expr"] = f"CASE WHEN {self._local(fact, own)} THEN {text} END" if own is not None else text
        if isinstance(inner, exp.PercentileCont):
            made["agg_params"] = {"percentile": float(inner.expression.name)}
        if metric.snapshot is not None:
            made["non_additive_dimension"] = {
                "name": named(metric.snapshot.over.split(".")[-1]),
                "window_choice": "max" if metric.snapshot.take == "last" else "min",
                "window_groupings": [self._entity_of(fact, one) for one in metric.snapshot.per],
            }
        self.measures.setdefault(fact, []).append(made)
        return str(made["name"])

    def _entity_of(self, fact: str, field: str) -> str:
        """Return the name of an entity that is a field, adding it."""
        name = field.split(".")[-1]
        self.entities.setdefault(fact, []).append({"name": f"by_{name}", "type": "foreign", "expr": name})
        return f"by_{name}"

    def _local(self, fact: str, tree: exp.Expr) -> str:
        """Return an expression over the columns of one dataset, as SQL."""
        if isinstance(tree, exp.Star) or (isinstance(tree, exp.Column) and isinstance(tree.this, exp.Star)):
            return "1"

        def column(node: exp.Expr) -> exp.Expr:
            if not isinstance(node, exp.Column):
                return node
            place = place_of(self.model, fact, parts_of(node))
            if place.path:
                raise UnsaidError("a measure is over columns of one dataset")
            inner = place.field.expression
            return exp.paren(inner.copy()) if inner is not None else exp.column(place.field.column or place.field.name)

        return tree.copy().transform(column).sql("duckdb")

    def _input(self, metric: Metric, node: exp.Expr, **more: Any) -> dict[str, Any]:
        name = ".".join(parts_of(node))
        return {"name": name, "alias": f"{metric.name}_of_{name}", **more}

    def _derived(self, metric: Metric, tree: exp.Expr, inputs: dict[str, dict[str, Any]]) -> exp.Expr:
        """Return an expression over aliases of other metrics, adding those to the inputs."""
        if is_ours(tree, "share_of"):
            raise UnsaidError("there is no share of a whole")
        if is_ours(tree, "prior"):
            inner, length = tree.expressions
            if not isinstance(inner, exp.Column):
                raise UnsaidError("only a metric has an offset")
            unit, amount = period(length.name).unit
            made = self._input(metric, inner, offset_window={"count": amount, "granularity": UNITS[unit]})
            made["alias"] += "_before"
        elif isinstance(tree, exp.Column):
            made = self._input(metric, tree)
        elif aggregate_of(tree) is not None:
            raise UnsaidError("a derived metric is over metrics")
        else:
            copied = tree.copy()
            for key, part in tree.args.items():
                if isinstance(part, exp.Expr):
                    copied.set(key, self._derived(metric, part, inputs))
            if isinstance(copied, exp.Div):
                copied.set("this", exp.cast(copied.this, "double"))
                copied.set("expression", exp.func("nullif", copied.expression, exp.Literal.number(0)))
            return copied
        inputs[made["alias"]] = made
        return exp.column(made["alias"])

    def _cumulative(self, metric: Metric, aggregate: exp.Expr | None) -> dict[str, Any]:
        if aggregate is not None:
            raise UnsaidError("written over an aggregate")
        inner = self.catalogue.metric(metric.expression.sql())
        if aggregate_of(inner.expression) is None or inner.filter is not None:
            raise UnsaidError("only a simple metric is cumulated")
        said: dict[str, Any] = {"metric": {"name": inner.name}, "period_agg": "last"}
        if metric.window is not None:
            unit, amount = metric.window.unit
            said["window"] = {"count": amount, "granularity": UNITS[unit]}
        if metric.to_date is not None:
            if metric.to_date.startswith("fiscal"):
                raise UnsaidError("no fiscal year without a column for it in the spine")
            said["grain_to_date"] = metric.to_date
        params = {"cumulative_type_params": said, "measure": {"name": f"{inner.name}_measure"}}
        return self._made(metric, "cumulative", params)

    def _conversion(self, metric: Metric) -> dict[str, Any]:
        conversion = metric.conversion
        assert conversion is not None
        entity = f"{metric.name}_entity"
        for one in conversion.entity:
            dataset, column = one.split(".")
            self.entities.setdefault(dataset, []).append({"name": entity, "type": "foreign", "expr": column})
        base, converted = (
            self._counted(metric, f"{metric.name}_{what}", tree)
            for what, tree in (("base", conversion.base), ("converted", conversion.converted))
        )
        unit, amount = conversion.within.unit
        params = {
            "base_measure": base, "conversion_measure": converted, "entity": entity,
            "calculation": "conversion_rate" if conversion.count == "rate" else "conversions",
            "window": {"count": amount, "granularity": UNITS[unit]},
        }  # fmt: skip
        return self._made(metric, "conversion", {"conversion_type_params": params})

    def _counted(self, metric: Metric, name: str, tree: exp.Expr) -> dict[str, Any]:
        """Return one side of a conversion: a measure, and the filter that decides which of its rows are events."""
        if not isinstance(tree, exp.Filter):
            return {"name": self._measure(metric, name, tree)}
        fact = fact_of(self.model, tree.this, metric.name)
        said = self.template(tree.expression.this, fact)
        return {
            "name": self._measure(metric, name, tree.this),
            "filter": {"where_filters": [{"where_sql_template": said}]},
        }

    # -- questions -----------------------------------------------------------------------------------------------------

    def question(self, said: dict[str, Any]) -> dict[str, Any]:
        """Return a question of ours in MetricFlow's names.

        Raises:
            UnsaidError: it asks for what MetricFlow has no words for.
        """
        query = asked(**said)
        for name in query.metrics:
            metric = self.catalogue.metric(name)
            if metric.model != self.model.name or metric.name in self.unsaid:
                raise UnsaidError(self.unsaid.get(metric.name, "it is of another model"))
        if query.compare or query.having is not None or query.zone:
            raise UnsaidError("a question has no zone, comparison or condition on its answer")
        facts = list(dict.fromkeys(f for name in query.metrics for f in self.facts(self.catalogue.metric(name))))
        found: dict[str, Any] = {"metrics": list(query.metrics)}
        found["group_by"] = [self._key(query, key.text, facts) for key in query.by]
        if query.where is not None:
            found["where"] = [self.template(query.where, facts[0])]
        if query.start:
            found["start"] = query.start.isoformat()
        if query.end:
            found["end"] = (query.end - timedelta(seconds=1)).isoformat()
        return found

    def _key(self, query: Query, text: str, facts: Sequence[str]) -> str:
        key = key_of(text)
        if key.grain and key.grain.startswith("fiscal"):
            raise UnsaidError("no fiscal year without a column for it in the spine")
        if key.is_time:
            return f"metric_time__{key.grain}"
        name = self.name_of(facts[0], key.parts)
        return f"{name}__{key.grain}" if key.grain else name

    def name_of(self, fact: str, parts: tuple[str, ...]) -> str:
        """Return what MetricFlow calls a field as seen from a fact: the entities on the way, and the field."""
        place = place_of(self.model, fact, parts)
        own = primary_of(self.model, self.model.datasets[fact])
        return "__".join([*([j.name for j in place.path] or [own]), named(place.field.name)])

    def template(self, condition: exp.Expr, fact: str) -> str:
        """Return a condition with its names in MetricFlow's templates."""
        held: dict[str, str] = {}

        def held_one(node: exp.Expr) -> exp.Expr:
            if is_ours(node, "per"):
                metric, *keys = node.expressions
                if len(keys) != 1:
                    raise UnsaidError("a metric per several things, or over everything, in a filter")
                (key,) = keys
                entity = self.name_of(fact, parts_of(key)).rsplit("__", 1)[0]
                text = f"Metric('{metric.sql()}', ['{entity}'])"
                if "__" in entity:
                    raise UnsaidError("a metric per something that is two joins away")
            elif isinstance(node, exp.Column):
                place = place_of(self.model, fact, parts_of(node))
                name = self.name_of(fact, parts_of(node))
                is_time = place.field.type in ("Date", "DateTime", "DateTimeTz")
                *way, entity, last = name.split("__")
                path = f", entity_path={way}" if way else ""
                text = (
                    f"TimeDimension('{entity}__{last}', 'day'{path})"
                    if is_time
                    else f"Dimension('{entity}__{last}'{path})"
                )
            else:
                return node
            held[f"held_{len(held)}"] = "{{ " + text + " }}"
            return exp.column(f"held_{len(held) - 1}")

        said = condition.copy().transform(held_one).sql("duckdb")
        return re.sub(r"held_\d+", lambda found: held[found[0]], said)


def named(name: str) -> str:
    """Return what MetricFlow may call a field: names of grains are its own."""
    return f"{name}_field" if name in GRAINS else name


def primary_of(model: Model, dataset: Dataset) -> str:
    """Return the name of a dataset's primary entity: the first role it plays, or one made from its name."""
    roles = [] if dataset.validity else [j.name for j in model.joins if j.target == dataset.name]
    return roles[0] if roles else f"{dataset.name}_row"
