"""boring-semantic-layer: the question of bench/metrics.py as its SQL, and the CPU it takes to compile. Run by that.

On stdin stands how often to compile; on stdout one JSON object with `sql`, `cpu_ms` and `version`.
"""

from __future__ import annotations

import importlib.metadata
import json
import sys
import time
from typing import Any

import ibis
from boring_semantic_layer import to_semantic_table


def model() -> Any:
    connection = ibis.duckdb.connect()
    connection.raw_sql(
        "CREATE TABLE orders (order_id BIGINT, customer_id BIGINT, channel VARCHAR, shipping DECIMAL(18, 2))"
    )
    connection.raw_sql("CREATE TABLE items (item_id BIGINT, order_id BIGINT, amount DECIMAL(18, 2))")
    orders = (
        to_semantic_table(connection.table("orders"), name="orders")
        .with_dimensions(order_id=lambda t: t.order_id, channel=lambda t: t.channel)
        .with_measures(orders=lambda t: t.order_id.count(), shipping=lambda t: t.shipping.sum())
    )
    items = (
        to_semantic_table(connection.table("items"), name="items")
        .with_dimensions(item_id=lambda t: t.item_id)
        .with_measures(revenue=lambda t: t.amount.sum())
    )
    return items.join_one(orders, on=lambda item, order: item.order_id == order.order_id)


def compiled(joined: Any) -> str:
    asked = joined.group_by("orders.channel").aggregate("items.revenue", "orders.orders", "orders.shipping")
    return str(ibis.to_sql(asked.to_untagged(), dialect="duckdb"))


def main() -> None:
    joined, sql, best = model(), "", float("inf")
    for _ in range(int(sys.stdin.read())):
        began = time.process_time()
        sql = compiled(joined)
        best = min(best, time.process_time() - began)
    version = importlib.metadata.version("boring-semantic-layer")
    json.dump({"sql": sql, "cpu_ms": round(best * 1000, 2), "version": version}, sys.stdout)


if __name__ == "__main__":
    main()
