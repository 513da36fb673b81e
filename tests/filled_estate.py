"""An estate of two tables that others fill: one with a contract that promises much, one with hardly any."""

from __future__ import annotations

from pathlib import Path

FEED = "shop.orders.feed"
ESTATE = """\
apiVersion: freehold.dev/v1
kind: Estate
metadata: {id: shop}
spec:
  connections: {here: {url: "duckdb:///shop.db"}}
  environments: {prod: {connection: here}}
"""
PRODUCT = """\
apiVersion: v1.0.0
kind: DataProduct
id: shop.orders
status: active
inputPorts:
  - {name: feed, version: 1.0.0, contractId: shop.orders.feed}
  - {name: names, version: 1.0.0, contractId: shop.orders.names}
"""
CONTRACT = """\
apiVersion: v3.1.0
kind: DataContract
id: shop.orders.feed
version: 1.0.0
status: active
schema: [{name: feed, properties: [{name: id, logicalType: integer}, {name: sold, logicalType: string}]}]
servers: [{server: warehouse, type: postgres, host: localhost, port: 5432, database: shop, schema: landing}]
slaProperties: [{property: latency, value: 2, unit: h}, {property: timeOfAvailability, value: "07:00"}]
customProperties: [{property: "freehold:arrives", value: {days: mon-sun, grace: 30m}}]
"""
NAMES = """\
apiVersion: v3.1.0
kind: DataContract
id: shop.orders.names
version: 1.0.0
status: active
servers: [{server: warehouse, type: postgres, host: localhost, port: 5432, database: shop, schema: landing}]
"""


def write(root: Path) -> Path:
    """Write its files."""
    files = {"estate.yaml": ESTATE, "shop/orders.odps.yaml": PRODUCT, "shop/feed.odcs.yaml": CONTRACT,
             "shop/names.odcs.yaml": NAMES}  # fmt: skip
    for name, text in files.items():
        (root / name).parent.mkdir(exist_ok=True, parents=True)
        (root / name).write_text(text, encoding="utf-8")
    return root
