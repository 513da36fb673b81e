"""An estate in which something goes wrong: one source, two models of it, and any number of models below those."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from freehold.delivery.graph import Graph
from freehold.delivery.lineage import EstateLineage, estate_lineage
from freehold.estate import load_estate
from freehold.estate.model import Estate
from freehold.foundation import Clock, SimulatedClock
from freehold.ledger import Event, Ledger
from freehold.reliability.incidents import Gathered, gather

START = datetime(2024, 3, 4, 6, tzinfo=UTC)
RAW, LINES, OTHER = "shop.orders.raw", "shop.orders.lines", "shop.orders.other"
_ESTATE = """apiVersion: freehold.dev/v1
kind: Estate
metadata: {id: troubled, name: Troubled shop}
spec:
  connections: {warehouse: {url: "duckdb:///warehouse.db"}}
  environments: {prod: {connection: warehouse, protected: true}, dev: {connection: warehouse}}
---
apiVersion: freehold.dev/v1
kind: Team
metadata: {id: sales}
spec:
  roles: {owner: ["user:idp/ana"], dataops-lead: ["user:idp/lee"]}
"""
_PRODUCT = """apiVersion: v1.0.0
kind: DataProduct
id: shop.orders
status: active
team: {name: sales}
customProperties: [{property: "freehold:tier", value: TIER}]
inputPorts: [{name: raw, contractId: shop.orders.raw, version: 1.0.0}]
"""
_CONTRACT = """apiVersion: v3.1.0
kind: DataContract
id: shop.orders.raw
version: 1.0.0
status: active
servers: [{server: landing, type: local, path: "landing/{date}.csv", format: csv}]
schema:
  - name: raw
    properties:
      - {name: sold_on, logicalType: date}
      - {name: price, logicalType: number}
      - {name: note, logicalType: string}
"""


def troubled_estate(root: Path, below: int = 3, tier: int = 1) -> Estate:
    """Return an estate of which `below` assets are built from the prices of a source, and one from its notes."""
    product = root / "shop" / "orders"
    files = {
        root / "estate.yaml": _ESTATE,
        product / "product.odps.yaml": _PRODUCT.replace("TIER", str(tier)),
        product / "contracts" / "raw.odcs.yaml": _CONTRACT,
        product / "models" / "lines.sql": "select sold_on, price from {{ source('orders', 'raw') }}",
        product / "models" / "other.sql": "select sold_on, note from {{ source('orders', 'raw') }}",
        **{
            product
            / "models"
            / f"sum_{n}.sql": "select sold_on, sum(price) as total from {{ ref('lines') }} group by 1"
            for n in range(below)
        },
    }
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():  # others may be reading it: it is never empty for a moment
            path.write_text(text, "utf-8")
    return load_estate(root)


def below_of(count: int) -> list[str]:
    """Return the ids of the assets built from the prices."""
    return [f"shop.orders.sum_{n}" for n in range(count)]


class Troubled:
    """A troubled estate with its ledger, and alerts as whoever raises them tells them."""

    def __init__(self, root: Path, below: int = 3, tier: int = 1, clock: Clock | None = None) -> None:
        self.estate = troubled_estate(root, below, tier)
        self.clock = clock or SimulatedClock(START)
        self.ledger = Ledger.open("sqlite:///state.db", root=root, clock=self.clock)
        self.graph = Graph.of(self.estate, "prod")

    def lineage(self) -> EstateLineage:
        """Return its columns."""
        return estate_lineage(self.graph, self.estate, "duckdb")

    def alert(self, asset: str, *, hours: float = 0, column: str = "", kind: str = "check", page: bool = True,
              env: str = "prod", **said: Any) -> str:  # fmt: skip
        """Raise an alert some hours after the start; return its id."""
        at = START + timedelta(hours=hours)
        id_ = f"{asset}|{column}|{kind}|{hours}"
        data = {
            "alert_id": id_, "rule": f"{asset}:{kind}", "asset": asset, "column": column or None, "kind": kind,
            "page": page, "is_breach": True, "is_held": False, "began_at": f"{at:%Y-%m-%dT%H:%M:%SZ}",
            "reason": "it is wrong", "evidence": f"evidence-{id_}", **said,
        }  # fmt: skip
        self.tell("alert.raised", data, at, asset, env=env)
        return id_

    def alerts(self, assets: Iterable[str], **said: Any) -> list[str]:
        """Raise an alert on each of some assets."""
        return [self.alert(asset, **said) for asset in assets]

    def resolve(self, alert: str, *, hours: float = 1) -> None:
        """Tell that what an alert was about is wrong no more."""
        at = START + timedelta(hours=hours)
        self.tell("alert.resolved", {"alert_id": alert, "evidence": f"pass-{alert}"}, at, alert.partition("|")[0])

    def tell(self, type: str, data: dict[str, Any], at: datetime, subject: str, env: str = "prod") -> None:
        """Record an event."""
        product = subject.rpartition(".")[0]
        self.ledger.append(Event(type, data, occurred_at=at, env=env, subject=subject, product=product))

    def publish(self, asset: str, *, hours: float) -> None:
        """Tell that an asset was published."""
        data = {"asset": asset, "deployment": f"d-{hours}", "epoch": 1}
        self.tell("asset.published", data, START + timedelta(hours=hours), asset)

    def apply(self, *resources: str, hours: float, word: str = "changed") -> None:
        """Tell that files of the estate changed."""
        at = START + timedelta(hours=hours)
        self.tell("estate.applied", {"estate": "troubled", "resources": {}, word: list(resources)}, at, "troubled")

    def turn(self, env: str = "prod", **said: Any) -> Gathered:
        """Gather what is new."""
        return gather(self.estate, self.ledger, env, lambda: self.graph, lineage=self.lineage, **said)

    def told(self, *types: str) -> list[dict[str, Any]]:
        """Return what events of some types hold."""
        return [json.loads(json.dumps(dict(event.data), default=str)) for event in self.ledger.read(types=types)]

    def close(self) -> None:
        """Close the ledger."""
        self.ledger.close()
