"""A shop whose data holds every trap: keys that are unknown, keys that lead nowhere, days without rows, two clocks."""

# ruff: noqa: E501 - tables and models read better whole

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from sqlglot import exp

from freehold.engines import Relation, Session, open_engine
from freehold.estate.reading import read_documents
from freehold.foundation import LOCAL
from freehold.metrics import Catalogue, Policy, Scope, asked, compiled
from freehold.metrics.model import Dataset
from freehold.metrics.reading import models_of

MODEL = Path(__file__).parent / "shop.yaml"


def catalogue_from(text: str) -> Catalogue:
    """Return the models of files in the short form, or Ossie's, without contracts."""
    found = [model for document in read_documents(text.encode(), "m.yaml") for model in models_of(document)]
    return Catalogue({model.name: model for model in found})


def shop_catalogue() -> Catalogue:
    """Return the models of the shop."""
    return catalogue_from(MODEL.read_text())


@dataclass
class Shop:
    """The models, and an engine that holds their data."""

    catalogue: Catalogue
    session: Session
    dialect: str
    policies: dict[str, Policy] = field(default_factory=dict)

    def scope(self, fewest: int = 1) -> Scope:
        """Return what questions are compiled against."""
        return Scope(self.catalogue, _table, self.dialect, lambda d: self.policies.get(d.name), fewest)

    def ask(self, *metrics: str, fewest: int = 1, **said: Any) -> list[tuple[Any, ...]]:
        """Answer a question; numbers come as floats, so that engines can be compared."""
        made = compiled(self.scope(fewest), asked(metrics, **said))
        return plain(self.session.rows(made.sql))

    def truth(self, sql: str) -> list[tuple[Any, ...]]:
        """Return what a query written by hand says, in the order of all its columns but unknown ones last."""
        return plain(self.session.rows(sql))


def _table(dataset: Dataset) -> exp.Table:
    return exp.table_(dataset.source, "shop")


def said(**words: Any) -> dict[str, Any]:
    """Return the words of a question: `metrics`, and what `asked` takes."""
    return words


def plain(rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Return rows in one order, with numbers as floats of 9 digits and days as days."""
    found = [tuple(_value(v) for v in row) for row in rows]
    return sorted(found, key=lambda row: tuple((v is None, str(type(v)), v if v is not None else 0) for v in row))


def _value(value: Any) -> Any:
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float | Decimal):
        return float(f"{float(value):.9g}")
    if isinstance(value, datetime):
        value = value.replace(tzinfo=None)
        return value.date() if value.time() == datetime.min.time() else value
    return value


def tables() -> dict[str, pa.Table]:
    """Return the shop's data: small, and the same every time."""
    start = datetime(2011, 1, 1)  # noqa: DTZ001 - the shop writes local times
    customers = range(1, 41)
    orders = [i for i in range(1, 401) if i % 5]
    items = range(1, 1501)
    far = [d for d in range(120) if d not in range(40, 47)]  # a week without a row
    when = {i: start + timedelta(days=far[i * 113 // 401], hours=i * 7 % 24, minutes=i % 60) for i in range(1, 401)}
    return {
        "customers": pa.table({
            "customer_id": pa.array(customers, pa.int64()),
            "country": [("US", "DE", "FR", None)[i % 4] for i in customers],
            "segment": ["a" if i % 2 else "b" for i in customers],
            "signed_up": pa.array([date(2010, 1, 1) + timedelta(days=i * 11) for i in customers], pa.date32()),
        }),
        "orders": pa.table({
            "order_id": pa.array(orders, pa.int64()),
            "buyer_id": pa.array([None if i % 11 == 0 else 999 if i % 13 == 0 else 1 + i % 40 for i in orders], pa.int64()),
            "receiver_id": pa.array([1 + i * 3 % 40 for i in orders], pa.int64()),
            "channel": ["web" if i % 3 else "phone" for i in orders],
            "shipping": pa.array([Decimal(i % 7) * Decimal("1.50") for i in orders], pa.decimal128(10, 2)),
            "ordered_at": pa.array([when[i] for i in orders], pa.timestamp("us")),
            "instant": pa.array([when[i].replace(tzinfo=UTC) for i in orders], pa.timestamp("us", tz="UTC")),
        }),
        "items": pa.table({
            "item_id": pa.array(items, pa.int64()),
            "order_id": pa.array([None if i % 97 == 0 else 1 + i % 400 for i in items], pa.int64()),
            "product_id": pa.array([i % 20 for i in items], pa.int64()),
            "amount": pa.array([Decimal(i % 97) - (Decimal(30) if i % 10 == 0 else 0) for i in items], pa.decimal128(10, 2)),
            "quantity": pa.array([i % 3 + 1 for i in items], pa.int32()),
            "sold_on": pa.array([when[1 + i % 400].date() for i in items], pa.date32()),
        }),
        "products": pa.table({
            "product_id": pa.array(range(18), pa.int64()),
            "family": ["books" if i % 3 else "toys" for i in range(18)],
        }),
        "tickets": pa.table({
            "ticket_id": pa.array(range(1, 101), pa.int64()),
            "customer_id": pa.array([1 + i * 7 % 50 for i in range(1, 101)], pa.int64()),
            "minutes_spent": pa.array([i % 30 for i in range(1, 101)], pa.int64()),
            "opened_at": pa.array([start + timedelta(days=i) for i in range(1, 101)], pa.timestamp("us")),
        }),
        "prices": pa.table({  # slowly changing: a product has a price from a day until another
            "product_id": pa.array([i % 20 for i in range(60)], pa.int64()),
            "band": [("low", "mid", "high")[i // 20] for i in range(60)],
            "valid_from": pa.array([date(2011, 1, 1) + timedelta(days=(i // 20) * 35) for i in range(60)], pa.date32()),
            "valid_to": pa.array(
                [date(2011, 1, 1) + timedelta(days=(i // 20 + 1) * 35) if i // 20 < 2 else None for i in range(60)], pa.date32()
            ),
        }),
        "balances": pa.table({
            "account": [("x", "y", "z")[i % 3] for i in range(180)],
            "customer_id": pa.array([1 + i % 3 for i in range(180)], pa.int64()),
            "day": pa.array([date(2011, 1, 1) + timedelta(days=i // 3) for i in range(180)], pa.date32()),
            "balance": pa.array([Decimal(100 + i * 7 % 53) for i in range(180)], pa.decimal128(12, 2)),
        }).filter(pa.array([not (i % 3 == 2 and i // 3 % 31 > 24) for i in range(180)])),
        "visits": pa.table({
            "visit_id": pa.array(range(1, 301), pa.int64()),
            "visitor_id": pa.array([None if i % 29 == 0 else 1 + i * 17 % 60 for i in range(1, 301)], pa.int64()),
            "page": ["home" if i % 2 else "shop" for i in range(1, 301)],
            "visited_at": pa.array([start + timedelta(hours=i * 9) for i in range(1, 301)], pa.timestamp("us")),
        }),
    }  # fmt: skip


def loaded(session: Session) -> None:
    """Put the shop's data into a schema of an engine."""
    with session.transaction():
        session.run("CREATE SCHEMA shop")
        for name, table in tables().items():
            session.load(Relation("shop", name), table)


@pytest.fixture(scope="session")
def duckdb_shop() -> Iterator[Session]:
    """The shop in DuckDB."""
    engine = open_engine("duckdb://")
    session = engine.session(LOCAL)
    loaded(session)
    yield session
    session.close()
    engine.close()


@pytest.fixture(scope="session")
def postgres_shop(postgres: Any) -> Iterator[Session]:
    """The shop in PostgreSQL."""
    url = postgres.fresh()
    engine = open_engine(url)
    session = engine.session(LOCAL)
    loaded(session)
    yield session
    session.close()
    engine.close()
    postgres.drop(url)


@pytest.fixture(params=["duckdb", "postgres"])
def shop(request: pytest.FixtureRequest) -> Shop:
    """The shop in each engine."""
    session = request.getfixturevalue(f"{request.param}_shop")
    return Shop(shop_catalogue(), session, request.param)


@pytest.fixture
def small(duckdb_shop: Session) -> Shop:
    """The shop in DuckDB alone."""
    return Shop(shop_catalogue(), duckdb_shop, "duckdb")
