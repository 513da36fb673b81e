"""A small shop as an estate of values: one source by day, and one asset of every kind behind it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from freehold.delivery import Delivery
from freehold.engines import Engine, open_engine
from freehold.estate.model import (
    Connection,
    Contract,
    Environment,
    Estate,
    ModelFile,
    Port,
    Product,
    Property,
    QualityRule,
    SchemaObject,
    Server,
)
from freehold.foundation import SeededIds, SimulatedClock, Where
from freehold.ledger import Ledger

HERE = Where("shop.yaml", 1, 1)
START = datetime(2024, 1, 1, tzinfo=UTC)

LINES = """
{{ config(materialized='incremental', incremental_strategy='microbatch', event_time='sold_on', batch_size='day') }}
select sold_on, sku, buyer, quantity, price, quantity * price as amount from {{ source('orders', 'raw') }}
"""
DAILY = """
{{ config(materialized='incremental', incremental_strategy='microbatch', event_time='sold_on', batch_size='day') }}
select sold_on, sum(amount) as revenue, count(*) as lines from {{ ref('lines') }} group by sold_on
"""
TOTALS = "select sku, sum(quantity) as quantity, sum(amount) as revenue from {{ ref('lines') }} group by sku"
BUYERS = """
{{ config(materialized='incremental', unique_key='buyer') }}
select buyer, sum(amount) as spent, count(*) as lines from {{ ref('lines') }} l
{% if is_incremental() %}
where buyer in (
  select buyer from {{ ref('lines') }}
  where sold_on >= '{{ var("interval_start") }}' and sold_on < '{{ var("interval_end") }}'
)
{% endif %}
group by buyer
"""
LATEST = "{{ config(materialized='view') }} select * from {{ ref('daily') }} order by sold_on desc limit 3"


def column(name: str, logical: str, **more: Any) -> Property:
    """Return a column of a contract."""
    return Property(name, HERE, logical_type=logical, **more)


def contract(
    id_: str, columns: Iterable[Property], *, path: str = "", quality: tuple[QualityRule, ...] = ()
) -> Contract:
    """Return a contract of one object, named as the last part of the id."""
    schema = SchemaObject(id_.rpartition(".")[2], HERE, properties=tuple(columns), quality=quality)
    servers = (Server("landing", "local", HERE, {"path": path, "format": "csv"}),) if path else ()
    return Contract(id_, HERE, "v3.1.0", version="1.0.0", objects=(schema,), servers=servers)


RAW = contract(
    "shop.orders.raw",
    [
        column("sold_on", "date", required=True),
        column("sku", "string", required=True),
        column("buyer", "string"),
        column("quantity", "integer", required=True),
        column("price", "number", required=True, options={"minimum": 0}),
    ],
    path="landing/{date}.csv",
    quality=(
        QualityRule(
            "library",
            HERE,
            metric="rowCount",
            operator="mustBeGreaterOrEqualTo",
            threshold=2,
            custom={"freehold:scope": "interval"},
        ),
    ),
)
DAILY_CONTRACT = contract(
    "shop.orders.daily",
    [
        column("sold_on", "date", required=True, unique=True),
        column("revenue", "number", required=True, options={"maximum": 10_000}),
        column("lines", "integer"),
    ],
)

MODELS = {"lines": LINES, "daily": DAILY, "totals": TOTALS, "buyers": BUYERS, "latest": LATEST}


def shop(
    root: Path, models: Mapping[str, str] = MODELS, contracts: Iterable[Contract] = (RAW, DAILY_CONTRACT)
) -> Estate:
    """Return the estate; `root` is where its files are."""
    kept = {c.id: c for c in contracts}
    product = Product(
        "shop.orders",
        HERE,
        name="Orders",
        version="1.0.0",
        status="active",
        domain="shop",
        tier=1,
        input_ports=(Port("raw", HERE, contract_id="shop.orders.raw"),),
        output_ports=tuple(Port(name, HERE, contract_id=f"shop.orders.{name}") for name in models),
    )
    files = {
        f"shop.orders.{name}": ModelFile(f"shop.orders.{name}", "shop.orders", f"models/{name}.sql", "sql", text)
        for name, text in models.items()
    }
    return Estate(
        id="shop",
        root=root,
        name="Shop",
        state_url="sqlite:///state.db",
        connections={"warehouse": Connection("warehouse", "duckdb:///warehouse.db", HERE)},
        environments={"prod": Environment("prod", "warehouse", HERE, protected=True)},
        defaults={},
        products={"shop.orders": product},
        contracts=kept,
        models=files,
        teams={},
        calendars={},
        hashes=dict(models),
    )


def write_day(root: Path, on: date, rows: Iterable[tuple[Any, ...]]) -> Path:
    """Write the file of one day: (sku, buyer, quantity, price) rows."""
    path = root / "landing" / f"{on}.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = ["sold_on,sku,buyer,quantity,price", *(",".join([str(on), *map(str, row)]) for row in rows)]
    fresh = root / f"{on}.part"  # in its place whole: a process that is killed here leaves no half of a file
    fresh.write_text("\n".join(lines) + "\n")
    fresh.replace(path)
    return path


def ordinary_day(index: int) -> list[tuple[Any, ...]]:
    """Return the rows of an ordinary day."""
    return [("a", f"b{index % 3}", 1, 2.5), ("b", f"b{index % 2}", index + 1, 1.0), ("c", "b9", 2, 10.0)]


def days(count: int, start: date = date(2024, 1, 1)) -> list[date]:
    """Return days in a row."""
    return [start + timedelta(days=i) for i in range(count)]


URL_FILE = "postgres.url"  # in the folder of a shop whose warehouse is in PostgreSQL


def open_warehouse(root: Path) -> Engine:
    """Open the warehouse of the shop in a folder: the database that the folder names, else a DuckDB file."""
    if (root / URL_FILE).exists():
        return open_engine((root / URL_FILE).read_text())
    return open_engine("duckdb:///warehouse.db", root=str(root), threads=1)


@dataclass
class Shop:
    """A running shop: its folder, warehouse, ledger and delivery."""

    root: Path
    engine: Engine
    ledger: Ledger
    clock: SimulatedClock
    delivery: Delivery
    _opened: list[Delivery] = field(default_factory=list)

    @classmethod
    def open(cls, root: Path, estate: Estate | None = None, jobs: int = 1, seed: int = 7) -> Shop:
        """Open the shop in a folder; what is there stays."""
        engine = open_warehouse(root)
        clock = SimulatedClock(START)
        ids = SeededIds(seed, START)
        ledger = Ledger.open("sqlite:///state.db", root=root, clock=clock, ids=ids)
        delivery = Delivery(estate or shop(root), engine, ledger, clock=clock, ids=ids, jobs=jobs)
        return cls(root, engine, ledger, clock, delivery, [delivery])

    def with_estate(self, estate: Estate) -> Delivery:
        """Return a delivery of another version of the estate, on the same warehouse and ledger."""
        delivery = Delivery(
            estate, self.engine, self.ledger, clock=self.clock, ids=SeededIds(len(self._opened) + 100, START), jobs=1
        )
        self._opened.append(delivery)
        return delivery

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Ask the warehouse as a consumer would."""
        session = self.delivery.session("test")
        try:
            return session.rows(sql)
        finally:
            session.close()

    def close(self) -> None:
        """Close everything."""
        for delivery in self._opened:
            delivery.close()
        self.ledger.close()
        self.engine.close()
