"""A small estate with SLOs, and what a ledger tells of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from freehold.estate import load_estate
from freehold.estate.model import Estate
from freehold.ledger import Event, Ledger

START = datetime(2011, 3, 1, tzinfo=UTC)
ASSET = "shop.orders.lines"
OTHER = "shop.orders.days"

ESTATE = """\
apiVersion: freehold.dev/v1
kind: Estate
metadata: {id: shop}
spec:
  connections: {here: {url: "duckdb:///shop.db"}}
  environments: {prod: {connection: here}}
  defaults: {timezone: UTC, calendar: office}
---
apiVersion: freehold.dev/v1
kind: Calendar
metadata: {id: office}
spec: {working_days: mon-fri, hours: "08:00-18:00"}
"""
PRODUCT = """\
apiVersion: v1.0.0
kind: DataProduct
id: shop.orders
status: active
outputPorts:
  - {name: lines, version: 1.0.0, contractId: shop.orders.lines}
  - {name: days, version: 1.0.0, contractId: shop.orders.days}
"""
CONTRACT = """\
apiVersion: v3.1.0
kind: DataContract
id: shop.orders.%s
version: 1.0.0
status: active
schema:
  - name: %s
    properties: [{name: sold_on, logicalType: date}]
slaProperties:
  - {property: latency, value: 1, unit: d}
"""
CONTRACTS = {f"shop/contracts/{name}.odcs.yaml": CONTRACT % (name, name) for name in ("lines", "days")}


def slo_file(indicator: str = "freshness", service: str = ASSET, method: str = "", **more: Any) -> str:
    """Return the file of an SLO; `more`: target, window, value, hours, calendar."""
    method = method or ("Timeslices" if indicator in ("freshness", "availability") else "Occurrences")
    hours = f"\n  annotations: {{freehold.dev/hours: {more['hours']}}}" if "hours" in more else ""
    value = f", op: lte, value: {more['value']}" if "value" in more else ""
    rolling = ", isRolling: false" if more.get("calendar") else ""
    return f"""\
apiVersion: openslo/v1
kind: SLO
metadata:
  name: {more.get("id", "orders")}{hours}
spec:
  service: {service}
  indicatorRef: {indicator}
  timeWindow: [{{duration: {more.get("window", "30d")}{rolling}}}]
  budgetingMethod: {method}
  objectives: [{{target: {more.get("target", 0.99)}{value}}}]
"""


def estate(root: Path, files: Mapping[str, str]) -> Estate:
    """Write and load a shop with two outputs, and these files."""
    root.mkdir(exist_ok=True)
    for path, text in {"estate.yaml": ESTATE, "shop/orders.odps.yaml": PRODUCT, **CONTRACTS, **files}.items():
        place = root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, encoding="utf-8")
    return load_estate(root)


def observe(ledger: Ledger, day: float, data_day: float | None, asset: str = ASSET, **more: Any) -> None:
    """Record how far the data of an asset reached on a day; it may be a day old."""
    at, reaches = (None if d is None else START + timedelta(days=d) for d in (day, data_day))
    said = {
        "asset": asset,
        "data_time": f"{reaches:%Y-%m-%dT%H:%M:%SZ}" if reaches else None,
        "target_s": 86_400,
        **more,
    }
    ledger.append(Event("freshness.observed", said, occurred_at=at, env="prod", subject=asset, product="shop.orders"))
