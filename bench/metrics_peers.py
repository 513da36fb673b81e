"""Peers beside us for bench/metrics.py: their SQL for the same question, compiled in environments of their own.

The question is one that all of them answer: three metrics of two facts by a key one join away. The fuller one of
bench/metrics.py, by a key two joins away, MetricFlow refuses: the way to it has another name from each fact.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from checks import PEERS, python_of

HERE = Path(__file__).parent
PACKAGES = {
    "metricflow": ["metricflow==0.213.0"],
    "boring-semantic-layer": ["boring-semantic-layer==0.3.18", "ibis-framework[duckdb]==11.0.0"],
}
METRICS, BY = ["revenue", "orders", "shipping"], ["channel"]
MANY = 80


def interpreter(peer: str, *, may_install: bool) -> str | None:
    """Return the interpreter of a peer, or None where it is not there and is not to be installed."""
    if not may_install and not (PEERS / peer / "bin" / "python").exists():
        return None
    return python_of(peer, PACKAGES[peer])


def metricflow(python: str, times: int) -> dict[str, dict[str, Any]]:
    """Return what MetricFlow makes of the question, of the fuller one, and of 80 derived metrics."""
    questions = {
        "asked": {"metrics": METRICS, "group_by": ["item_order__channel"]},
        "fuller": {"metrics": METRICS, "group_by": ["metric_time__month", "buyer__country", "item_order__channel"]},
        "many": {"metrics": [f"d{i}" for i in range(MANY)], "group_by": ["metric_time__month"]},
    }
    said = json.dumps({"manifest": _manifest(), "questions": questions})
    script = HERE.parent / "tests" / "metrics" / "metricflow_asked.py"
    done = subprocess.run(
        [python, str(script), "--times", str(times)], input=said, capture_output=True, text=True, check=True
    )
    answered = json.loads(done.stdout)
    assert not answered["wrong"], answered["wrong"]
    return dict(answered["answers"])


def bsl(python: str, times: int) -> dict[str, Any]:
    """Return what boring-semantic-layer makes of the question."""
    command = [python, str(HERE / "peers" / "bsl_metrics.py")]
    return dict(
        json.loads(subprocess.run(command, input=str(times), capture_output=True, text=True, check=True).stdout)
    )


def _manifest() -> dict[str, Any]:
    def relation(name: str) -> dict[str, str]:
        return {"alias": name, "schema_name": "main"}

    def time(name: str) -> dict[str, Any]:
        return {"name": name, "type": "time", "type_params": {"time_granularity": "day"}}

    def measure(name: str, agg: str, expr: str) -> dict[str, Any]:
        return {"name": f"{name}_measure", "agg": agg, "expr": expr, "create_metric": False}

    orders = {
        "name": "orders", "node_relation": relation("orders"), "defaults": {"agg_time_dimension": "ordered_at"},
        "entities": [{"name": "item_order", "type": "primary", "expr": "order_id"},
                     {"name": "buyer", "type": "foreign", "expr": "customer_id"}],
        "dimensions": [{"name": "channel", "type": "categorical"}, time("ordered_at")],
        "measures": [measure("orders", "count", "order_id"), measure("shipping", "sum", "shipping")],
    }  # fmt: skip
    items = {
        "name": "items", "node_relation": relation("items"), "defaults": {"agg_time_dimension": "sold_at"},
        "entities": [{"name": "item", "type": "primary", "expr": "item_id"},
                     {"name": "item_order", "type": "foreign", "expr": "order_id"}],
        "dimensions": [time("sold_at")], "measures": [measure("revenue", "sum", "amount")],
    }  # fmt: skip
    customers = {
        "name": "customers", "node_relation": relation("customers"), "measures": [],
        "entities": [{"name": "buyer", "type": "primary", "expr": "customer_id"}],
        "dimensions": [{"name": "country", "type": "categorical"}],
    }  # fmt: skip
    metrics: list[dict[str, Any]] = [
        {"name": name, "type": "simple", "type_params": {"measure": {"name": f"{name}_measure"}}} for name in METRICS
    ]
    metrics += [_derived(i) for i in range(MANY)]
    spine = {"node_relation": relation("days"), "primary_column": {"name": "day", "time_granularity": "day"}}
    return {
        "semantic_models": [orders, items, customers],
        "metrics": metrics,
        "project_configuration": {"time_spine_table_configurations": [], "time_spines": [spine]},
    }


def _derived(number: int) -> dict[str, Any]:
    template = f"{{{{ Dimension('item_order__channel') }}}} <> 'x{number % 5}'"
    inputs = [{"name": name, "alias": f"{name}_{number}"} for name in METRICS]
    expression = f"(revenue_{number} - {number}) / NULLIF(orders_{number}, 0) + shipping_{number} * {number}"
    return {
        "name": f"d{number}", "type": "derived", "type_params": {"expr": expression, "metrics": inputs},
        "filter": {"where_filters": [{"where_sql_template": template}]},
    }  # fmt: skip
