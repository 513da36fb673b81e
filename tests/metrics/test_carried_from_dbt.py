"""Metrics carried from dbt's semantic layer: the file of ours says the number that MetricFlow says of the original."""

# ruff: noqa: E501 - metrics and questions are read beside each other

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from freehold.connect.dbt.semantic_metrics import Carried, carried
from freehold.engines import open_engine
from freehold.foundation import LOCAL
from freehold.metrics import asked, compiled

from .conftest import Shop, catalogue_from, loaded, said, shop_catalogue
from .metricflow_manifest import Manifest
from .oracle import metricflow
from .test_beside_metricflow import OTHERWISE, SAME, Rows, _rounded, run, spines

pytestmark = pytest.mark.oracle
CONVERTED = {
    "each that follows counts once, by page": said(metrics=["orders_led_to"], by=["page"]),
    "each that follows counts once, by month": said(metrics=["orders_led_to"], by=["month"]),
    "each that follows counts once": said(metrics=["orders_led_to", "visits"]),
    "the rate of them, under a filter of the base": said(metrics=["shop_rate"], by=["month"]),
    "under a condition": said(metrics=["orders_led_to"], by=["month"], where="page = 'home'"),
}
HAND = {
    "by_channel": ("simple", {"measure": {"name": "orders_measure"}}, "{{ Dimension('item_order__channel') }} = 'web'"),
    "of_2011": (
        "simple", {"measure": {"name": "revenue_measure"}},
        "{{ TimeDimension('metric_time', 'month') }} >= '2011-02-01' AND {{ Dimension('item_order__channel') }} <> 'x'",
    ),
    "of_us": (
        "simple", {"measure": {"name": "revenue_measure"}},
        "{{ Dimension('buyer__country', entity_path=['item_order']) }} IN ('US', 'DE')",
    ),
    "with_buyer": ("simple", {"measure": {"name": "orders_measure"}}, "{{ Entity('buyer') }} IS NOT NULL"),
    "signed_early": (
        "simple", {"measure": {"name": "shipping_measure"}}, "{{ TimeDimension('buyer__signed_up', 'year') }} <= '2010-01-01'",
    ),
    "share_with_alias": (
        "ratio", {"numerator": {"name": "orders", "alias": "us", "filter": "{{ Dimension('buyer__country') }} = 'US'"},
                  "denominator": {"name": "orders"}}, None,
    ),
    "more_than_before": (
        "derived", {"expr": "(now - before) / NULLIF(before, 0)", "metrics": [{"name": "revenue", "alias": "now"},
                    {"name": "revenue", "alias": "before", "offset_window": {"count": 2, "granularity": "month"}}]}, None,
    ),
    "ever_of_us": (
        "cumulative", {"measure": {"name": "revenue_measure"}, "cumulative_type_params": {"period_agg": "last",
                       "metric": {"name": "of_us"}}}, None,
    ),
}  # fmt: skip
ASKED_BY_HAND = {
    "a filter in its template": said(metrics=["by_channel"], by=["month"]),
    "a filter on the time of the metric": said(metrics=["of_2011"], by=["month"]),
    "a filter over a path of entities": said(metrics=["of_us"], by=["channel"]),
    "a filter on a date cut to years": said(metrics=["signed_early"], by=["channel"]),
    "a share with an alias": said(metrics=["share_with_alias"], by=["channel"]),
    "a derived metric with an offset": said(metrics=["more_than_before"], by=["month"], end="2011-04"),
    "counted up, of a filtered one": said(metrics=["ever_of_us"], by=["month"], end="2011-04"),
}


@dataclass(frozen=True)
class Both:
    """What was carried, over the data of the original, and MetricFlow's SQL for the original."""

    shop: Shop
    carried: Carried
    theirs: dict[str, dict[str, str]]
    questions: dict[str, dict[str, Any]]


def _filter(text: str | None) -> dict[str, Any] | None:
    return {"where_filters": [{"where_sql_template": text}]} if text else None


def by_hand() -> list[dict[str, Any]]:
    """Return metrics as people write them for dbt, whose parts no model of ours gives."""
    made: list[dict[str, Any]] = []
    for name, (kind, params, text) in HAND.items():
        sides = {k: {**v, "filter": _filter(v.get("filter"))} if k == "numerator" else v for k, v in params.items()}
        made.append({"name": name, "type": kind, "type_params": sides, "filter": _filter(text)})
    return made


def original() -> tuple[Manifest, dict[str, Any]]:
    """Return the shop as dbt has it: conversions as MetricFlow counts them among the metrics."""
    catalogue = shop_catalogue()
    manifest = Manifest(catalogue.models["shop"], catalogue)
    found = manifest.said()
    for name, other in (("orders_led_to", "bought"), ("shop_rate", "shop_bought")):
        said_ = next(m for m in found["metrics"] if m["name"] == other)
        params = dict(said_["type_params"]["conversion_type_params"])
        params["calculation"] = "conversions" if name == "orders_led_to" else "conversion_rate"
        params["window"] = {"count": 30, "granularity": "day"}  # so that several come between
        found["metrics"].append({**said_, "name": name, "type_params": {"conversion_type_params": params}})
    found["metrics"] += by_hand()
    return manifest, found


@pytest.fixture(scope="module")
def both() -> Iterator[Both]:
    """The shop in DuckDB, what was carried of it, and MetricFlow's SQL for every question."""
    engine = open_engine("duckdb://")
    session = engine.session(LOCAL)
    loaded(session)
    spines(session)
    manifest, found = original()
    done = carried(found, "shop", "duckdb", lambda node: str(node["alias"]))
    shop = Shop(catalogue_from(done.text), session, "duckdb")
    asks = {**SAME, **{"the last day of a stretch": OTHERWISE["the last day of a stretch"]}}
    questions = {name: manifest.question(one) for name, one in asks.items()}
    for name, one in {**CONVERTED, **ASKED_BY_HAND}.items():
        stand_in = {**one, "metrics": ["bought" if name in CONVERTED else "orders"]}
        questions[name] = {**manifest.question(stand_in), "metrics": one["metrics"]}
    yield Both(shop, done, metricflow(found, questions), questions)
    session.close()
    engine.close()


def ours(both: Both, asks: dict[str, Any]) -> Rows:
    """Return what the carried file says."""
    scope = both.shop.scope()
    return _rounded(both.shop.session.rows(compiled(scope, asked(**asks)).sql))


@pytest.mark.parametrize("case", [*SAME, *CONVERTED, *ASKED_BY_HAND])
def test_what_was_carried_says_the_number_of_the_original(both: Both, case: str) -> None:
    """MetricFlow on dbt's own manifest, and our file made from it, agree on every group and value."""
    asks = {**SAME, **CONVERTED, **ASKED_BY_HAND}[case]

    found = ours(both, asks)

    assert found
    assert found == run(both.shop.session, both.theirs[case], both.questions[case])
