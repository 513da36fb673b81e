"""Metrics of dbt's semantic layer: carried with the same meaning, or named with the reason; nothing in between."""

# ruff: noqa: E501 - metrics are read beside what becomes of them

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from dbt_real import dbt_here

from freehold.cli import cli
from freehold.connect.dbt.semantic_metrics import Carried, carried
from freehold.estate import load_estate
from freehold.estate.explaining import schema_errors
from freehold.estate.reading import read_documents


def manifest(*metrics: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return a semantic manifest of orders, customers and their grades, with some metrics."""
    orders = {
        "name": "orders",
        "node_relation": {"alias": "orders", "schema_name": "main", "relation_name": '"db"."main"."orders"'},
        "defaults": {"agg_time_dimension": "ordered_at"},
        "entities": [
            {"name": "order", "type": "primary", "expr": "order_id"},
            {"name": "customer", "type": "foreign", "expr": "customer_id"},
        ],
        "dimensions": [
            {"name": "ordered_at", "type": "time", "type_params": {"time_granularity": "day"}},
            {"name": "shipped_at", "type": "time", "type_params": {"time_granularity": "day"}},
            {"name": "channel", "type": "categorical"},
        ],
        "measures": [
            {"name": "orders", "agg": "count", "expr": "order_id"},
            {"name": "revenue", "agg": "sum", "expr": "amount * (1 - discount)"},
            {"name": "shipped", "agg": "count", "expr": "1", "agg_time_dimension": "shipped_at"},
            {"name": "web", "agg": "sum_boolean", "expr": "channel = 'web'"},
            {"name": "p95", "agg": "percentile", "expr": "amount", "agg_params": {"percentile": 0.95}},
            {"name": "d50", "agg": "percentile", "expr": "amount",
             "agg_params": {"percentile": 0.5, "use_discrete_percentile": True}},
            {"name": "a50", "agg": "percentile", "expr": "amount",
             "agg_params": {"percentile": 0.5, "use_approximate_percentile": True}},
        ],
    }  # fmt: skip
    customers = {
        "name": "customers",
        "node_relation": {"alias": "customers", "schema_name": "main", "relation_name": '"db"."main"."customers"'},
        "entities": [{"name": "customer", "type": "primary", "expr": "customer_id"}],
        "dimensions": [{"name": "country", "type": "categorical"}],
        "measures": [{"name": "customers", "agg": "count", "expr": "customer_id"}],
    }
    grades = {
        "name": "grades",
        "node_relation": {"alias": "grades", "schema_name": "main", "relation_name": '"db"."main"."grades"'},
        "entities": [{"name": "customer", "type": "unique", "expr": "customer_ref"}],
        "dimensions": [{"name": "grade", "type": "categorical"}],
        "measures": [],
    }
    return {"semantic_models": [orders, customers, grades], "metrics": list(metrics), **more}


def metric(kind: str, where: str | None = None, **params: Any) -> dict[str, Any]:
    """Return a metric called `m`."""
    found: dict[str, Any] = {"name": "m", "type": kind, "type_params": params}
    return found | ({"filter": {"where_filters": [{"where_sql_template": where}]}} if where else {})


def simple(measure: str = "orders", where: str | None = None, **given: Any) -> dict[str, Any]:
    """Return a simple metric called `m`."""
    return metric("simple", where, measure={"name": measure, **given})


BASE = {**simple(), "name": "base"}
OTHER = {**simple("shipped"), "name": "other"}


def carry(*metrics: dict[str, Any], **more: Any) -> Carried:
    """Return what is carried of a manifest."""
    done = carried(manifest(*metrics, **more), "shop", "duckdb", lambda node: str(node["alias"]))
    if done.text:
        (document,) = read_documents(done.text.encode(), "shop.yaml")
        assert schema_errors(document, "SemanticModel") == []
    return done


SAID = {
    "a count": (simple(), 'm: {expression: "COUNT(orders.order_id)"}'),
    "an expression": (simple("revenue"), 'revenue: {expression: "amount * (1 - discount)"}'),
    "another time": (simple("shipped"), 'm: {expression: "COUNT(orders_by_shipped_at.*)"}'),
    "a condition that is summed": (simple("web"), "web: {expression: CASE WHEN channel = 'web' THEN 1 ELSE 0 END}"),
    "a percentile": (simple("p95"), 'm: {expression: "PERCENTILE(orders.amount, 0.95)"}'),
    "a percentile that is a value": (simple("d50"), "PERCENTILE_DISC(0.5) WITHIN GROUP (ORDER BY orders.amount)"),
    "a filter of its own": (simple(where="{{ Dimension('order__channel') }} = 'web'"), "filter: orders.channel = 'web'"),
    "a filter across an entity that leads to two models": (
        simple(where="{{ Dimension('customer__grade') }} = 'a'"), "filter: customer_grades.grade = 'a'",
    ),
    "a filter on a time": (
        simple(where="{{ TimeDimension('order__shipped_at', 'month') }} > '2011-01-01'"),
        "TIMESTAMP_TRUNC(CAST(orders.shipped_at AS TIMESTAMP), MONTH)",
    ),
    "a grain behind a point": (
        simple(where="{{ Dimension('order__shipped_at').grain('day') }} > '2011-01-01'"), "CAST(orders.shipped_at AS DATE)",
    ),
    "a filter on a metric per customer": (
        simple(where="{{ Metric('base', group_by=['customer']) }} > 3"), "PER(base, orders.customer_id) > 3",
    ),
    "a key": (simple(where="{{ Entity('customer') }} IS NOT NULL"), "NOT orders.customer_id IS NULL"),
    "a rolling window": (
        metric("cumulative", measure={"name": "orders"},
               cumulative_type_params={"window": {"count": 7, "granularity": "days"}, "period_agg": "last"}),
        "window: 7 day",
    ),
    "to date": (
        metric("cumulative", cumulative_type_params={"metric": {"name": "base"}, "grain_to_date": "month"}),
        "m: {expression: base, to_date: month}",
    ),
    "new style, without measures": (
        metric("simple", expr="amount", metric_aggregation_params={"semantic_model": "orders", "agg": "average"}),
        'm: {expression: "AVG(orders.amount)"}',
    ),
    "filled": (simple(fill_nulls_with=0, join_to_timespine=True), "fill: 0"),
    "an offset": (
        metric("derived", expr="a - b", metrics=[{"name": "base", "alias": "a"}, {"name": "base", "alias": "b",
               "offset_window": {"count": 1, "granularity": "month"}}]),
        "base - prior(base, '1 month')",
    ),
    "a conversion": (
        metric("conversion", conversion_type_params={"base_measure": {"name": "orders"}, "conversion_measure":
               {"name": "shipped"}, "entity": "customer", "window": {"count": 7, "granularity": "day"}}),
        "entity: [orders.customer_id, orders_by_shipped_at.customer_id], within: \"7 day\", each: converted",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", SAID)
def test_what_is_carried_has_our_words(case: str) -> None:
    """The file holds it in our words, and conforms to our schema."""
    said, text = SAID[case]

    done = carry(BASE, OTHER, said)

    assert done.left == {}
    assert "m" in done.metrics
    assert text.replace('"', "") in done.text.replace('"', "")


LEFT = {
    "as it was when a period began": (
        metric("derived", expr="a", metrics=[{"name": "base", "alias": "a", "offset_to_grain": "month"}]),
        "has no words here",
    ),
    "an approximate percentile": (simple("a50"), "another number in every warehouse"),
    "a dimension that nothing reaches": (simple(where="{{ Dimension('order__colour') }} = 'red'"), "order__colour"),
    "a filter that is a program": (simple(where="{% if true %} 1 = 1 {% endif %}"), "more Jinja than names"),
    "a filter that calls what nobody knows": (simple(where="{{ var('x') }} = 1"), "`var` is not read"),
    "a filter with a column outside its templates": (simple(where="amount > 3"), "`amount` in a filter is no dimension"),
    "a measure that is not there": (simple("gone"), "no measure `gone`"),
    "a metric that is not there": (metric("derived", expr="a", metrics=[{"name": "a"}]), "no metric `a`"),
    "a circle": (metric("derived", expr="m", metrics=[{"name": "m"}]), "stands on itself"),
    "a type nobody knows": (metric("oracle"), "`oracle` is no type"),
    "a window on a window": (
        metric("cumulative", cumulative_type_params={"metric": {"name": "rolling"}, "grain_to_date": "month"}),
        "has another",
    ),
    "a query in a filter": (
        simple(where="{{ Entity('order') }} IN (SELECT order_id FROM other)"), "in a filter is no dimension",
    ),
    "events that share a property": (
        metric("conversion", conversion_type_params={"base_measure": {"name": "orders"}, "conversion_measure":
               {"name": "shipped"}, "entity": "customer", "constant_properties": [{"base_property": "channel"}]}),
        "share no property",
    ),
    "a conversion of money": (
        metric("conversion", conversion_type_params={"base_measure": {"name": "revenue"}, "conversion_measure":
               {"name": "shipped"}, "entity": "customer"}),
        "is no count of events",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", LEFT)
def test_what_cannot_be_carried_is_named_with_the_reason(case: str) -> None:
    """It is in no file as something else; what stands beside it is carried all the same."""
    said, why = LEFT[case]
    rolling = metric("cumulative", measure={"name": "orders"},
                     cumulative_type_params={"window": {"count": 7, "granularity": "day"}})  # fmt: skip

    done = carry(BASE, {**rolling, "name": "rolling"}, said)

    assert why in done.left["m"]
    assert "m" not in done.metrics
    assert f"#   m: {done.left['m']}" in done.text
    assert "base" in done.metrics


def test_what_stands_on_what_was_left_is_left_too() -> None:
    """A ratio over a metric that was not carried is none."""
    gone = {**simple("a50"), "name": "gone"}

    done = carry(BASE, gone, metric("ratio", numerator={"name": "gone"}, denominator={"name": "base"}))

    assert done.metrics == ("base",)
    assert "another number" in done.left["m"]


US = {"where_filters": [{"where_sql_template": "{{ Dimension('customer__country') }} = 'US'"}]}
OTHERWISE = {
    "a share of a metric in itself, without an alias": (
        metric("ratio", numerator={"name": "base", "filter": US}, denominator={"name": "base"}), "loses the filter",
    ),
    "cumulative, of the first day": (metric("cumulative", measure={"name": "orders"}), "takes the first"),
    "a sum over two facts": (
        metric("derived", expr="a + b", metrics=[{"name": "base", "alias": "a"}, {"name": "other", "alias": "b"}]),
        "the others count",
    ),
    "filled, but only where there are rows": (simple(fill_nulls_with=0), "periods without rows are shown, too"),
}  # fmt: skip


@pytest.mark.parametrize("case", OTHERWISE)
def test_what_may_say_another_number_is_named(case: str) -> None:
    """It is carried, and the file says how the other tool differs."""
    said, how = OTHERWISE[case]

    done = carry(BASE, OTHER, said)

    assert how in done.otherwise["m"]
    assert how in done.text


def test_questions_and_calendars_that_have_no_place_are_named() -> None:
    """Saved queries and granularities of one's own are not metrics, and are not forgotten."""
    spine = {"custom_granularities": [{"name": "season"}]}

    done = carry(BASE, saved_queries=[{"name": "weekly"}], project_configuration={"time_spines": [spine]})

    assert set(done.left) == {"saved query weekly", "granularity season"}


def test_a_manifest_without_metrics_gives_no_file() -> None:
    """An estate has no empty file of metrics."""
    assert carry() == Carried("", ())


def test_a_manifest_that_dbt_did_not_write_is_refused_with_its_file(project: Path) -> None:
    """What is missing is told, and no estate is begun."""
    broken = manifest(BASE)
    del broken["semantic_models"][1]["entities"][0]["type"]
    (project / "target" / "semantic_manifest.json").write_text(json.dumps(broken))

    done = CliRunner().invoke(cli, ["init", "--from-dbt", str(project)])

    assert done.exit_code != 0
    assert "FH-X113" in str(done.exception)
    assert "semantic_manifest.json" in str(done.exception)
    assert "`type` is missing" in str(done.exception)
    assert not (project / "freehold").exists()


PROJECT = {
    "dbt_project.yml": 'name: shop\nversion: "1.0"\nprofile: shop\nmodels: {shop: {+materialized: table}}\n',
    "models/orders.sql": (
        "select i as order_id, 1 + i % 7 as buyer_id, case when i % 3 = 0 then 'web' else 'phone' end as channel, "
        "i * 1.5 as amount, timestamp '2011-01-01' + interval (i) hour as ordered_at from range(1, 2000) t(i)"
    ),
    "models/customers.sql": "select i as customer_id, ['US', 'DE', 'FR'][1 + i % 3] as country from range(1, 7) t(i)",
    "models/days.sql": "select cast(d as date) as day from range(date '2011-01-01', date '2012-01-01', interval 1 day) t(d)",
    "models/schema.yml": """
models:
  - name: days
    time_spine: {standard_granularity_column: day}
    columns: [{name: day, granularity: day}]
semantic_models:
  - name: orders
    model: ref('orders')
    defaults: {agg_time_dimension: ordered_at}
    entities: [{name: order, type: primary, expr: order_id}, {name: buyer, type: foreign, expr: buyer_id}]
    dimensions:
      - {name: channel, type: categorical}
      - {name: ordered_at, type: time, type_params: {time_granularity: day}}
    measures: [{name: revenue, agg: sum, expr: amount, create_metric: true}, {name: orders, agg: count, expr: order_id}]
  - name: customers
    model: ref('customers')
    entities: [{name: buyer, type: primary, expr: customer_id}]
    dimensions: [{name: country, type: categorical}]
metrics:
  - {name: order_count, label: Orders, type: simple, type_params: {measure: orders}}
  - name: us_share
    label: Share of the US
    type: ratio
    type_params:
      numerator: {name: revenue, alias: us, filter: "{{ Dimension('buyer__country') }} = 'US'"}
      denominator: revenue
  - {name: average_order, label: Average order, type: ratio, type_params: {numerator: revenue, denominator: order_count}}
""",
}


@pytest.mark.dbt
def test_metrics_of_a_real_project_are_answered(tmp_path: Path) -> None:
    """What dbt parses is carried by `init --from-dbt`, and answered over what dbt built."""
    import duckdb

    database = tmp_path / "shop.db"
    for path, text in PROJECT.items():
        file = tmp_path / "shop" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    profile = {"shop": {"target": "dev", "outputs": {"dev": {"type": "duckdb", "path": str(database)}}}}
    (tmp_path / "profiles.yml").write_text(json.dumps(profile))
    subprocess.run(
        [str(dbt_here()), "run", "--profiles-dir", str(tmp_path)], cwd=tmp_path / "shop", check=True,
        capture_output=True, env={**os.environ, "DBT_SEND_ANONYMOUS_USAGE_STATS": "false"},
    )  # fmt: skip
    done = CliRunner().invoke(cli, ["init", "--from-dbt", str(tmp_path / "shop")], catch_exceptions=False)
    estate = tmp_path / "shop" / "freehold"
    text = (estate / "estate.yaml").read_text().replace("duckdb:///.freehold/warehouse.db", f"duckdb:///{database}")
    (estate / "estate.yaml").write_text(text)

    asked = ["-C", str(estate), "query", "us_share,average_order", "--by", "channel", "--format", "csv"]
    answer = CliRunner().invoke(cli, asked, catch_exceptions=False)

    assert "Carried 4 metrics of the semantic layer." in done.output
    assert load_estate(estate).findings == ()
    with duckdb.connect(str(database), read_only=True) as connection:
        truth = connection.execute(
            "SELECT channel, SUM(amount) FILTER (WHERE country = 'US')::DOUBLE / SUM(amount), SUM(amount)::DOUBLE / "
            "COUNT(*) FROM orders LEFT JOIN customers ON buyer_id = customer_id GROUP BY 1 ORDER BY 1"
        ).fetchall()
    rows = [line.split(",") for line in answer.stdout.splitlines()[1:]]
    assert [(c, float(a), float(b)) for c, a, b in rows] == [
        (c, pytest.approx(a), pytest.approx(b)) for c, a, b in truth
    ]
