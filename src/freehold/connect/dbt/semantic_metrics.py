"""Metrics of dbt's semantic layer as metrics of ours: what is carried says the same number, what is not is named."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlglot import exp

from freehold.connect.dbt.semantic_filters import condition
from freehold.connect.dbt.semantic_models import Json, Tables, UncarriedError
from freehold.estate.reading import read_documents
from freehold.estate.writing import inline
from freehold.foundation import FreeholdError, Problems
from freehold.metrics import Catalogue, Scope, asked, compiled
from freehold.metrics.model import Dataset, Model
from freehold.metrics.reading import models_of

_AGGREGATES = {"sum": "SUM", "min": "MIN", "max": "MAX", "count": "COUNT", "average": "AVG", "median": "MEDIAN"}
_PERIODS = ("day", "week", "month", "quarter", "year")
_DEEPEST = 30


@dataclass(frozen=True, slots=True)
class Carried:
    """Semantic models and metrics as one file of ours.

    Attributes:
        text: the file; empty where no metric was carried.
        metrics: the metrics that it has under the names that dbt gives them.
        left: what was not carried, with the reason.
        otherwise: what was carried and may say another number than dbt's tool, with how.
    """

    text: str
    metrics: tuple[str, ...]
    left: Mapping[str, str] = field(default_factory=dict)
    otherwise: Mapping[str, str] = field(default_factory=dict)


NOTHING = Carried("", ())


def carried(said: Json, name: str, dialect: str, source: Callable[[Json], str]) -> Carried:
    """Return a semantic manifest as a file of metrics.

    Args:
        said: `semantic_models`, `metrics`, and perhaps `saved_queries` and `project_configuration`, as dbt writes them.
        name: what the model is called.
        dialect: of the expressions, as sqlglot names it.
        source: gives what a dataset reads, by its `node_relation`.
    """
    left = dict(_besides(said))
    models = []
    for one in said.get("semantic_models") or ():
        try:
            Tables([one], dialect, source)
            models.append(one)
        except UncarriedError as error:
            left[f"semantic model {one['name']}"] = str(error)
    tables = Tables(models, dialect, source)
    reading = _Reading(tables, {str(m["name"]): m for m in said.get("metrics") or ()})
    for metric in reading.said:
        try:
            reading.metric(metric)
        except UncarriedError as error:
            left[metric] = str(error)
    try:
        kept = _sound(name, tables, reading.done, left)
    except Problems as problems:  # of datasets and joins, on which all stands
        return Carried("", (), left | {"semantic models": problems.errors[0].problem})
    if not any(metric in reading.said for metric in kept):
        return Carried("", (), left)
    shown = tuple(metric for metric in reading.said if metric in kept)
    otherwise = {metric: reading.otherwise[metric] for metric in shown if metric in reading.otherwise}
    return Carried(_text(name, tables, kept, left, otherwise), shown, left, otherwise)


def _besides(said: Json) -> Iterator[tuple[str, str]]:
    for query in said.get("saved_queries") or ():
        yield f"saved query {query['name']}", "a question is asked, and not kept"
    for spine in (said.get("project_configuration") or {}).get("time_spines") or ():
        for one in spine.get("custom_granularities") or ():
            yield f"granularity {one['name']}", "calendars of one's own are not there"


def _sound(name: str, tables: Tables, made: Mapping[str, Json], left: dict[str, str]) -> dict[str, Json]:
    """Return the metrics that can be asked, noting why the others cannot; what stands on those goes with them."""
    kept = dict(made)
    while True:
        model, wrong = _read(name, tables, kept)
        catalogue = Catalogue({model.name: model})
        wrong |= {metric: why for metric in model.metrics if (why := _unaskable(catalogue, f"{name}.{metric}"))}
        if not wrong:
            return kept
        for metric, why in wrong.items():
            left[metric.split("__")[0]] = why
            del kept[metric]


def _read(name: str, tables: Tables, metrics: Mapping[str, Json]) -> tuple[Model, dict[str, str]]:
    """Return the model of a file, and what is wrong with single metrics, which are left out of it."""
    wrong: dict[str, str] = {}
    for metric, said in metrics.items():
        try:
            _model(name, tables, {metric: said})
        except Problems as problems:
            wrong[metric] = problems.errors[0].problem
    return _model(name, tables, {m: s for m, s in metrics.items() if m not in wrong}), wrong


def _model(name: str, tables: Tables, metrics: Mapping[str, Json]) -> Model:
    (document,) = read_documents(_text(name, tables, metrics, {}, {}).encode(), "metrics.yaml")
    return models_of(document)[0]


def _unaskable(catalogue: Catalogue, metric: str) -> str:
    """Return why a metric can be asked by no period, and not without one; empty where it can."""
    why = ""
    for by in (*((period,) for period in _PERIODS), ()):
        try:
            compiled(Scope(catalogue, _somewhere), asked([metric], by))
        except FreeholdError as error:
            why = why or error.problem
        else:
            return ""
    return why


def _somewhere(dataset: Dataset) -> exp.Table:
    return exp.to_table(dataset.name)


def _text(
    name: str, tables: Tables, metrics: Mapping[str, Json], left: Mapping[str, str], otherwise: Mapping[str, str]
) -> str:
    lines = ["# Carried from dbt's semantic layer."]
    lines += ["# Carried, and may say another number:"] if otherwise else []
    lines += [f"#   {metric}: {how}" for metric, how in otherwise.items()]
    lines += ["# Not carried:"] if left else []
    lines += [f"#   {one}: {' '.join(why.split())}" for one, why in left.items()]
    lines += [f"name: {inline(name)}", *tables.lines()]
    lines += ["metrics:"] if metrics else []
    lines += [f"  {inline(metric)}: {inline(dict(said))}" for metric, said in metrics.items()]
    return "\n".join(lines) + "\n"


class _Reading:
    """The metrics of a manifest, turned into ours one after the other. Parts that have no name get one with `__`."""

    def __init__(self, tables: Tables, said: Mapping[str, Json]) -> None:
        self.tables = tables
        self.said = said
        self.done: dict[str, Json] = {}
        self.otherwise: dict[str, str] = {}
        self.facts: dict[str, tuple[str, ...]] = {}
        self._measures = {
            str(measure["name"]): (str(table.said["name"]), measure)
            for table in tables.tables.values()
            for measure in table.said.get("measures") or ()
        }
        self._open: list[str] = []

    def metric(self, name: str) -> str:
        """Turn a metric, and those it stands on, and return its name."""
        if name in self.done:
            return name
        if name not in self.said:
            raise UncarriedError(f"there is no metric `{name}`")
        if name in self._open or len(self._open) > _DEEPEST:
            raise UncarriedError("it stands on itself")
        self._open.append(name)
        try:
            said = self.said[name]
            kinds = {"simple": self._simple, "ratio": self._ratio, "derived": self._derived,
                     "cumulative": self._cumulative, "conversion": self._conversion}  # fmt: skip
            kind = str(said.get("type"))
            if kind not in kinds:
                raise UncarriedError(f"`{kind}` is no type of metric that is known")
            made = kinds[kind](name, said.get("type_params") or {})
            self.done[name] = self._told(name, said, made)
        finally:
            self._open.pop()
        return name

    def _told(self, name: str, said: Json, made: dict[str, Any]) -> dict[str, Any]:
        made = self._narrowed(made, said.get("filter"), self.facts[name])
        for key, word in (("description", "description"), ("label", "label")):
            if said.get(key) and said[key] != name:
                made[word] = str(said[key]).strip()
        return made

    def _narrowed(self, made: dict[str, Any], filter_: Json | None, facts: Sequence[str]) -> dict[str, Any]:
        """Return a metric with one more filter, which has to mean the same for each of its facts."""
        texts = dict.fromkeys(condition(self.tables, filter_, fact) for fact in facts)
        if len(texts) > 1:
            raise UncarriedError(f"its filter is {' and '.join(f'`{t}`' for t in texts)}, by the fact that is counted")
        text = next(iter(texts), "")
        if text:
            made["filter"] = f"({made['filter']}) AND ({text})" if made.get("filter") else text
        return made

    # -- simple --------------------------------------------------------------------------------------------------------

    def _simple(self, name: str, params: Json) -> dict[str, Any]:
        if params.get("metric_aggregation_params"):
            given = params["metric_aggregation_params"]
            measure = {**given, "name": name, "expr": params.get("expr")}
            return self._filled(name, self._measured(name, str(given["semantic_model"]), measure), params)
        return self._of_measure(name, params.get("measure") or {})

    def _of_measure(self, name: str, given: Json) -> dict[str, Any]:
        measure = str(given.get("name"))
        if measure not in self._measures:
            raise UncarriedError(f"there is no measure `{measure}`")
        made = self._measured(name, *self._measures[measure])
        made = self._narrowed(made, given.get("filter"), self.facts[name])
        return self._filled(name, made, given)

    def _filled(self, name: str, made: dict[str, Any], given: Json) -> dict[str, Any]:
        if given.get("fill_nulls_with") is not None:
            made["fill"] = given["fill_nulls_with"]
            if not given.get("join_to_timespine"):
                self.otherwise[name] = "periods without rows are shown, too"
        elif given.get("join_to_timespine"):
            self.otherwise[name] = "periods without rows are not shown"
        return made

    def _measured(self, name: str, model: str, measure: Json) -> dict[str, Any]:
        """Return the aggregate that a measure is, and note whose rows it counts."""
        if model not in self.tables.tables:
            raise UncarriedError(f"its semantic model `{model}` is not carried")
        fact = self.tables.dated(model, measure.get("agg_time_dimension"))
        made: dict[str, Any] = {"expression": self._aggregate(fact, measure)}
        if measure.get("non_additive_dimension"):
            made["non_additive"] = self._snapshot(fact, measure["non_additive_dimension"])
        self.facts[name] = (fact,)
        return made

    def _aggregate(self, fact: str, measure: Json) -> str:
        kind, expr = str(measure["agg"]).lower(), measure.get("expr")
        tree = self.tables.parsed(expr if expr is not None else measure["name"])
        if kind in ("count", "sum") and tree == exp.Literal.number(1):
            return f"COUNT({fact}.*)"
        if kind == "sum_boolean":
            tree = exp.Case(ifs=[exp.If(this=tree, true=exp.Literal.number(1))], default=exp.Literal.number(0))
            expr, kind = tree.sql(), "sum"
        column = f"{fact}.{self.tables.field(fact, expr, str(measure['name']))}"
        if kind == "count_distinct":
            return f"COUNT(DISTINCT {column})"
        if kind == "percentile":
            return self._percentile(column, measure.get("agg_params") or {})
        if kind not in _AGGREGATES:
            raise UncarriedError(f"`{kind}` is no aggregate that is known")
        return f"{_AGGREGATES[kind]}({column})"

    @staticmethod
    def _percentile(column: str, params: Json) -> str:
        if params.get("use_approximate_percentile"):
            raise UncarriedError("an approximate percentile is another number in every warehouse")
        if params.get("use_discrete_percentile"):
            return f"PERCENTILE_DISC({params['percentile']}) WITHIN GROUP (ORDER BY {column})"
        return f"PERCENTILE({column}, {params['percentile']})"

    def _snapshot(self, fact: str, said: Json) -> dict[str, Any]:
        table = self.tables.tables[fact]
        entities = {str(e["name"]): e for e in table.said.get("entities") or ()}
        found: dict[str, Any] = {"over": f"{fact}.{said['name']}"}
        found["take"] = "last" if str(said.get("window_choice")).lower() == "max" else "first"
        per = [str(one) for one in said.get("window_groupings") or ()]
        if missing := [one for one in per if one not in entities]:
            raise UncarriedError(f"`{missing[0]}` is no entity of `{table.said['name']}`")
        if per:
            found["per"] = [f"{fact}.{self.tables.field(fact, entities[one].get('expr'), one)}" for one in per]
        return found

    # -- made of others ------------------------------------------------------------------------------------------------

    def _ratio(self, name: str, params: Json) -> dict[str, Any]:
        sides = [params.get("numerator") or {}, params.get("denominator") or {}]
        if str(sides[0].get("name")) == str(sides[1].get("name")):
            unnamed = [s for s in sides if s.get("filter") and not s.get("alias")]
            if unnamed:
                self.otherwise[name] = "MetricFlow loses the filter of a side without an alias; here it is kept"
        parts = [self._input(name, side, side_name) for side, side_name in zip(sides, ("above", "below"), strict=True)]
        return {"expression": f"{parts[0]} / {parts[1]}"}

    def _derived(self, name: str, params: Json) -> dict[str, Any]:
        inputs = {str(one.get("alias") or one.get("name")): one for one in params.get("metrics") or ()}
        parts = {alias: self._input(name, one, alias) for alias, one in inputs.items()}
        tree = self.tables.parsed(params.get("expr"))
        if isinstance(tree, exp.Column) and tree.name in parts and not tree.table:
            return {"expression": parts[tree.name]}
        for column in list(tree.find_all(exp.Column)):
            if column.table or column.name not in parts:
                raise UncarriedError(f"`{column.sql()}` is none of the metrics it is made of")
            column.replace(self.tables.parsed(parts[column.name]))
        if tree.find(exp.Add, exp.Sub) and len(self.facts[name]) > 1:
            self.otherwise[name] = "where one of its facts has no rows, the others count; MetricFlow says nothing there"
        return {"expression": tree.sql(normalize_functions=False)}

    def _input(self, name: str, said: Json, as_: str) -> str:
        """Return a metric as it enters another one: by its name, narrowed, or as it was before."""
        other = self.metric(str(said.get("name")))
        self.facts[name] = tuple(dict.fromkeys((*self.facts.get(name, ()), *self.facts[other])))
        if said.get("offset_to_grain"):
            raise UncarriedError(f"`{other}` as it was when the {said['offset_to_grain']} began has no words here")
        if other in self.otherwise:
            self.otherwise.setdefault(name, f"as {other}: {self.otherwise[other]}")
        if said.get("filter"):
            part = f"{name}__{as_}"
            self.done[part] = self._narrowed({"expression": other}, said["filter"], self.facts[other])
            other = part
        window = said.get("offset_window")
        return f"prior({other}, '{_length(window)}')" if window else other

    def _cumulative(self, name: str, params: Json) -> dict[str, Any]:
        said = params.get("cumulative_type_params") or {}
        window = said.get("window") or params.get("window")
        to_date = said.get("grain_to_date") or params.get("grain_to_date")
        made: dict[str, Any]
        if (said.get("metric") or {}).get("name"):
            made = {"expression": self._input(name, said["metric"], "of")}
        else:
            made = self._of_measure(name, params.get("measure") or {})
        if to_date:
            made["to_date"] = str(to_date).lower()
        elif window:
            made["window"] = _length(window)
        else:
            made["cumulative"] = True
        period = str(said.get("period_agg") or "first").lower()
        if period != "last":
            self.otherwise[name] = f"by more than a day it is as of the last day; MetricFlow takes the {period}"
        return made

    def _conversion(self, name: str, params: Json) -> dict[str, Any]:
        said = params.get("conversion_type_params") or {}
        if said.get("constant_properties"):
            raise UncarriedError("events of a conversion share no property here but their entity")
        (base, base_fact), (converted, other) = (
            self._events(f"{name}__{side}", said, side) for side in ("base", "conversion")
        )
        entity = [self._entity(fact, str(said["entity"])) for fact in (base_fact, other)]
        window = said.get("window")
        made: dict[str, Any] = {"base": base, "converted": converted, "entity": entity}
        made["within"] = _length(window) if window else "1000 years"
        is_rate = str(said.get("calculation") or "conversion_rate").lower() == "conversion_rate"
        made |= {"each": "converted"} | ({} if is_rate else {"count": "conversions"})
        self.facts[name] = (base_fact,)
        self.otherwise[name] = "by the time of each event; MetricFlow cuts times to the granularity that is declared"
        return {"conversion": made}

    def _events(self, part: str, said: Json, side: str) -> tuple[str, str]:
        """Return the count of one side's events, with its filter inside, and whose rows it counts."""
        metric = self.said.get(str((said.get(f"{side}_metric") or {}).get("name")), {})
        given = said.get(f"{side}_measure") or (metric.get("type_params") or {}).get("measure") or {}
        made = self._of_measure(part, given)
        (fact,) = self.facts[part]
        made = self._narrowed(made, metric.get("filter"), (fact,))
        made = self._narrowed(made, (said.get(f"{side}_metric") or {}).get("filter"), (fact,))
        if made.keys() - {"expression", "filter"} or not made["expression"].startswith("COUNT("):
            raise UncarriedError(f"`{made['expression']}` is no count of events")
        return made["expression"] + (f" FILTER (WHERE {made['filter']})" if "filter" in made else ""), fact

    def _entity(self, fact: str, name: str) -> str:
        found = next((e for e in self.tables.tables[fact].said.get("entities") or () if e["name"] == name), None)
        if found is None:
            raise UncarriedError(f"`{name}` is no entity of `{fact}`")
        return f"{fact}.{self.tables.field(fact, found.get('expr'), name)}"


def _length(window: Json) -> str:
    return f"{window['count']} {str(window['granularity']).lower().removesuffix('s')}"
