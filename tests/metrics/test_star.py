"""A star as retailers have it: three channels, returns, dates by key, customers who move, an inventory, and bad keys.

Dates are rows of a table, which facts have keys of; some keys are unknown, some lead nowhere, some days have no row.
"""

# ruff: noqa: E501 - the queries are read beside each other

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from sqlglot import exp

from freehold.engines import Relation, Session, open_engine
from freehold.foundation import LOCAL, FreeholdError, Problems
from freehold.metrics import Scope, asked, compiled
from freehold.metrics.model import Dataset

from .conftest import Shop, catalogue_from, plain, said
from .rolled import Rolled, rollup

MODEL = Path(__file__).with_name("star.yaml").read_text()
FIRST, DAYS, SK = date(2020, 1, 1), 730, 2_450_000
STORE = "r.store_sales s LEFT JOIN r.dates d ON s.date_sk = d.date_sk LEFT JOIN r.item i ON s.item_sk = i.item_sk LEFT JOIN r.customer c ON s.customer_sk = c.customer_sk LEFT JOIN r.store t ON s.store_sk = t.store_sk LEFT JOIN r.promotion p ON s.promo_sk = p.promo_sk"
WEB = "r.web_sales w LEFT JOIN r.dates d ON w.sold_sk = d.date_sk LEFT JOIN r.dates h ON w.shipped_sk = h.date_sk LEFT JOIN r.item i ON w.item_sk = i.item_sk LEFT JOIN r.customer b ON w.bill_customer_sk = b.customer_sk LEFT JOIN r.customer g ON w.ship_customer_sk = g.customer_sk"
CATALOG = "r.catalog_sales k LEFT JOIN r.dates d ON k.sold_sk = d.date_sk LEFT JOIN r.item i ON k.item_sk = i.item_sk"
RETURNS = (
    "r.store_returns e LEFT JOIN r.dates d ON e.returned_sk = d.date_sk LEFT JOIN r.item i ON e.item_sk = i.item_sk"
)
PAID = "SUM(s.price * s.quantity)"
MONTH = "CAST(DATE_TRUNC('month', d.d_date) AS DATE)"
DOUBLE = "DOUBLE PRECISION"


def money(number: int) -> Decimal:
    """Return a price of two digits."""
    return Decimal(number) / 100


def key(number: int, of: int, step: int) -> int | None:
    """Return the key of one of `of` rows; one in 41 is unknown, one in 53 leads nowhere."""
    if number % 41 == 0:
        return None
    return 900_000 + number if number % 53 == 0 else 1 + number * step % of


def day(number: int, step: int) -> int | None:
    """Return the key of a day; the first half of July 2020 has none."""
    if number % 67 == 0:
        return None
    found = number * step % DAYS
    return SK + (found + 15 if 182 <= found < 197 else found)


def tables() -> dict[str, pa.Table]:
    """Return the star; the same every time."""
    days = [FIRST + timedelta(days=n) for n in range(DAYS)]
    store, web, catalog = range(1, 4001), range(1, 2001), range(1, 1501)
    sold = {n: day(n, 17) for n in store}
    return {
        "dates": pa.table({
            "date_sk": [SK + n for n in range(DAYS)], "d_date": pa.array(days, pa.date32()),
            "d_year": [d.year for d in days], "d_moy": [d.month for d in days],
            "is_holiday": [d.month == 12 and d.day > 20 for d in days], "day_name": [d.strftime("%A") for d in days],
        }),
        "item": pa.table({
            "item_sk": range(1, 61), "item_id": [f"I{n // 2}" for n in range(60)],
            "category": [("Books", "Music", "Shoes", None)[n % 4] for n in range(60)],
            "brand": [f"brand {n % 7}" for n in range(60)], "list_price": [money(500 + n * 37) for n in range(60)],
        }),
        "customer": pa.table({
            "customer_sk": range(1, 301), "customer_id": [f"C{n}" for n in range(300)],
            "birth_year": [None if n % 17 == 0 else 1950 + n % 50 for n in range(300)],
            "preferred": [n % 3 == 0 for n in range(300)], "first_sk": [day(n, 29) for n in range(1, 301)],
        }),
        "residence": pa.table({
            "customer_sk": [n for n in range(1, 301) for _ in range(1 + n % 2)],
            "town": [("Fairview", "Midway", "Oak Grove")[(n + m) % 3] for n in range(1, 301) for m in range(1 + n % 2)],
            "valid_from": pa.array([date(2020, 1, 1) if m == 0 else date(2020, 9, 1 + n % 28) for n in range(1, 301) for m in range(1 + n % 2)], pa.date32()),
            "valid_to": pa.array([date(2020, 9, 1 + n % 28) if n % 2 and m == 0 else None for n in range(1, 301) for m in range(1 + n % 2)], pa.date32()),
        }),
        "store": pa.table({"store_sk": range(1, 9), "state": [("TN", "OH", "TX")[n % 3] for n in range(8)], "floor": [1000 + 100 * n for n in range(8)]}),
        "promotion": pa.table({"promo_sk": range(1, 5), "channel": ["mail", "tv", "mail", None]}),
        "store_sales": pa.table({
            "ticket": [n // 3 for n in store], "item_sk": [1 + n % 59 for n in store],
            "date_sk": pa.array([sold[n] for n in store], pa.int64()), "customer_sk": pa.array([key(n // 3, 300, 7) for n in store], pa.int64()),
            "address_sk": list(store), "store_sk": pa.array([key(n // 3, 8, 3) for n in store], pa.int64()),
            "promo_sk": pa.array([1 + n % 4 if n % 5 == 0 else None for n in store], pa.int64()), "quantity": [1 + n % 9 for n in store],
            "price": [money(200 + n * 13 % 3000) for n in store], "cost": [money(150 + n * 7 % 1500) for n in store],
            "coupon": pa.array([money(n % 300) if n % 10 == 0 else None for n in store], pa.decimal128(10, 2)),
        }),
        "store_returns": pa.table({
            "ticket": [n // 3 for n in store if n % 8 == 0], "item_sk": [1 + n % 59 for n in store if n % 8 == 0],
            "returned_sk": pa.array([None if sold[n] is None or n % 31 == 0 else min(SK + DAYS - 1, sold[n] + n % 40) for n in store if n % 8 == 0], pa.int64()),
            "customer_sk": pa.array([key(n // 3, 300, 7) for n in store if n % 8 == 0], pa.int64()),
            "quantity": [1 for n in store if n % 8 == 0], "amount": [money(100 + n * 13 % 3000) for n in store if n % 8 == 0],
            "reason": [("broken", "late", None)[n % 3] for n in store if n % 8 == 0],
        }),
        "web_sales": pa.table({
            "web_order": [n // 2 for n in web], "item_sk": pa.array([1 + n % 61 if n % 97 else None for n in web], pa.int64()),
            "sold_sk": pa.array([day(n, 11) for n in web], pa.int64()),
            "shipped_sk": pa.array([None if day(n, 11) is None else min(SK + DAYS - 1, (day(n, 11) or 0) + n % 30) for n in web], pa.int64()),
            "bill_customer_sk": pa.array([key(n // 2, 300, 11) for n in web], pa.int64()),
            "ship_customer_sk": pa.array([key(n // 2, 300, 11) if n % 6 else key(n, 300, 5) for n in web], pa.int64()),
            "site": [("north", "south")[n % 2] for n in web], "quantity": [1 + n % 4 for n in web],
            "price": [money(300 + n * 19 % 4000) for n in web], "cost": [money(200 + n * 3 % 2000) for n in web],
        }),
        "catalog_sales": pa.table({
            "catalog_order": [n // 2 for n in catalog], "item_sk": [1 + n % 58 for n in catalog], "sold_sk": pa.array([day(n, 13) for n in catalog], pa.int64()),
            "shipped_sk": pa.array([day(n, 13) for n in catalog], pa.int64()), "bill_customer_sk": pa.array([key(n, 300, 13) for n in catalog], pa.int64()),
            "center": [("east", "west", None)[n % 3] for n in catalog], "quantity": [1 + n % 6 for n in catalog], "price": [money(250 + n * 23 % 5000) for n in catalog],
        }),
        "inventory": pa.table({
            "date_sk": [SK + week * 7 for week in range(104) for item in range(1, 31) for w in range(2)],
            "item_sk": [item for week in range(104) for item in range(1, 31) for w in range(2)],
            "warehouse": [("W1", "W2")[w] for week in range(104) for item in range(1, 31) for w in range(2)],
            "on_hand": pa.array([None if (week + item) % 37 == 0 else 50 + (week * item * 7 + w) % 200 for week in range(104) for item in range(1, 31) for w in range(2)], pa.int64()),
        }).filter(pa.array([not (item == 5 and w and week % 4 > 1) for week in range(104) for item in range(1, 31) for w in range(2)])),
    }  # fmt: skip


CASES = {
    "a total, with rows whose day is unknown": (said(metrics=["store_revenue"]), f"SELECT {PAID} FROM {STORE}"),
    "by month of a date that rows have the key of": (
        said(metrics=["store_revenue", "tickets"], by=["month"]),
        f"SELECT {MONTH}, {PAID}, COUNT(DISTINCT s.ticket) FROM {STORE} GROUP BY 1",
    ),
    "a stretch of such days": (
        said(metrics=["store_revenue"], by=["category"], start="2020-03-15", end="2020-06"),
        f"SELECT i.category, {PAID} FROM {STORE} WHERE d.d_date BETWEEN '2020-03-15' AND '2020-06-30' GROUP BY 1",
    ),
    "all three channels by category": (
        said(metrics=["store_revenue", "web_revenue", "catalog_revenue"], by=["category"]),
        f"SELECT k, MAX(a), MAX(b), MAX(c) FROM (SELECT i.category k, {PAID} a, NULL::NUMERIC b, NULL::NUMERIC c FROM {STORE} GROUP BY 1 UNION ALL "
        f"SELECT i.category, NULL, SUM(w.price * w.quantity), NULL FROM {WEB} GROUP BY 1 UNION ALL SELECT i.category, NULL, NULL, "
        f"SUM(k.price * k.quantity) FROM {CATALOG} GROUP BY 1) u GROUP BY 1",
    ),
    "all three channels as one number, by month": (
        said(metrics=["revenue"], by=["month"]),
        f"SELECT k, SUM(a) FROM (SELECT {MONTH} k, {PAID} a FROM {STORE} GROUP BY 1 UNION ALL SELECT {MONTH}, SUM(w.price * w.quantity) FROM {WEB} "
        f"GROUP BY 1 UNION ALL SELECT {MONTH}, SUM(k.price * k.quantity) FROM {CATALOG} GROUP BY 1) u GROUP BY 1",
    ),
    "the part of one channel in all": (
        said(metrics=["web_part"]),
        f"SELECT CAST((SELECT SUM(price * quantity) FROM r.web_sales) AS {DOUBLE}) / ((SELECT SUM(price * quantity) FROM r.web_sales) + (SELECT "
        "SUM(price * quantity) FROM r.store_sales) + (SELECT SUM(price * quantity) FROM r.catalog_sales))",
    ),
    "sales and returns by the month of each": (
        said(metrics=["store_revenue", "returned", "net_revenue"], by=["month"]),
        f"SELECT k, SUM(a), SUM(b), COALESCE(SUM(a), 0) - COALESCE(SUM(b), 0) FROM (SELECT {MONTH} k, {PAID} a, NULL::NUMERIC b FROM {STORE} GROUP BY 1 "
        f"UNION ALL SELECT {MONTH}, NULL, SUM(e.amount) FROM {RETURNS} GROUP BY 1) u GROUP BY 1",
    ),
    "the rate of returns by brand": (
        said(metrics=["return_rate"], by=["brand"]),
        f"SELECT i.brand, CAST(SUM(e.q) AS {DOUBLE}) / SUM(s.quantity) FROM {STORE} LEFT JOIN (SELECT ticket, item_sk, SUM(quantity) q FROM "
        "r.store_returns GROUP BY 1, 2) e ON e.ticket = s.ticket AND e.item_sk = s.item_sk GROUP BY 1",
    ),
    "returns by the store that sold, over a key of two fields": (
        said(metrics=["returned"], by=["sale.store.state"]),
        "SELECT t.state, SUM(e.amount) FROM r.store_returns e LEFT JOIN r.store_sales s ON e.ticket = s.ticket AND e.item_sk = s.item_sk LEFT JOIN "
        "r.store t ON s.store_sk = t.store_sk GROUP BY 1",
    ),
    "returns by the month of the sale": (
        said(metrics=["returned"], by=["sale.store_sold.d_date:month"]),
        f"SELECT {MONTH}, SUM(e.amount) FROM r.store_returns e LEFT JOIN r.store_sales s ON e.ticket = s.ticket AND e.item_sk = s.item_sk LEFT JOIN "
        "r.dates d ON s.date_sk = d.date_sk GROUP BY 1",
    ),
    "one date by its other role": (
        said(metrics=["web_revenue"], by=["web_shipped.d_date:month"], where="web_sold.d_year = 2020"),
        f"SELECT CAST(DATE_TRUNC('month', h.d_date) AS DATE), SUM(w.price * w.quantity) FROM {WEB} WHERE d.d_year = 2020 GROUP BY 1",
    ),
    "both dates at once": (
        said(metrics=["web_orders"], by=["web_sold.d_year", "web_shipped.d_year"]),
        f"SELECT d.d_year, h.d_year, COUNT(DISTINCT w.web_order) FROM {WEB} GROUP BY 1, 2",
    ),
    "a value over two roles of one date": (
        said(metrics=["days_to_ship"], by=["site"]),
        f"SELECT w.site, AVG(h.d_year * 372 + h.d_moy * 31 - d.d_year * 372 - d.d_moy * 31) FROM {WEB} GROUP BY 1",
    ),
    "who pays and who receives": (
        said(metrics=["web_revenue"], by=["billed.preferred", "shipped_to.preferred"]),
        f"SELECT b.preferred, g.preferred, SUM(w.price * w.quantity) FROM {WEB} GROUP BY 1, 2",
    ),
    "sent to somebody else": (
        said(metrics=["shipped_elsewhere"], by=["site"]),
        f"SELECT w.site, COUNT(*) FROM {WEB} WHERE w.bill_customer_sk <> w.ship_customer_sk GROUP BY 1",
    ),
    "by where the customer lived then": (
        said(metrics=["store_revenue", "shoppers"], by=["lived.town"]),
        f"SELECT v.town, {PAID}, COUNT(DISTINCT s.customer_sk) FROM {STORE} LEFT JOIN r.residence v ON v.customer_sk = s.customer_sk AND d.d_date >= "
        "v.valid_from AND (v.valid_to IS NULL OR d.d_date < v.valid_to) GROUP BY 1",
    ),
    "by where the customer lived then, by month": (
        said(metrics=["store_revenue"], by=["month", "lived.town"], where="store.state = 'TN'"),
        f"SELECT {MONTH}, v.town, {PAID} FROM {STORE} LEFT JOIN r.residence v ON v.customer_sk = s.customer_sk AND d.d_date >= v.valid_from AND "
        "(v.valid_to IS NULL OR d.d_date < v.valid_to) WHERE t.state = 'TN' GROUP BY 1, 2",
    ),
    "by when a customer first bought": (
        said(metrics=["store_revenue"], by=["first_bought.d_date:quarter"]),
        f"SELECT CAST(DATE_TRUNC('quarter', f.d_date) AS DATE), {PAID} FROM {STORE} LEFT JOIN r.dates f ON c.first_sk = f.date_sk GROUP BY 1",
    ),
    "margins by state": (
        said(metrics=["profit", "margin"], by=["state"]),
        f"SELECT t.state, SUM((s.price - s.cost) * s.quantity), CAST(SUM((s.price - s.cost) * s.quantity) AS {DOUBLE}) / {PAID} FROM {STORE} GROUP BY 1",
    ),
    "what a ticket is worth": (
        said(metrics=["ticket_value"], by=["store_sold.day_name"]),
        f"SELECT d.day_name, CAST({PAID} AS {DOUBLE}) / COUNT(DISTINCT s.ticket) FROM {STORE} GROUP BY 1",
    ),
    "the part of holidays": (
        said(metrics=["holiday_share"], by=["category"]),
        f"SELECT i.category, CAST(SUM(CASE WHEN d.is_holiday THEN s.price * s.quantity END) AS {DOUBLE}) / {PAID} FROM {STORE} GROUP BY 1",
    ),
    "sold below the list, a filter over two tables": (
        said(metrics=["below_list"], by=["brand"]),
        f"SELECT i.brand, {PAID} FROM {STORE} WHERE s.price < 0.9 * i.list_price GROUP BY 1",
    ),
    "a median, by promotion": (
        said(metrics=["median_price"], by=["promotion.channel"]),
        f"SELECT p.channel, PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY CAST(s.price AS {DOUBLE})) FROM {STORE} GROUP BY 1",
    ),
    "coupons, 0 on days without": (
        said(metrics=["coupons"], by=["day"], start="2020-07-01", end="2020-07-31"),
        "SELECT CAST(x AS DATE), COALESCE(SUM(s.coupon), 0) FROM GENERATE_SERIES(TIMESTAMP '2020-07-01', TIMESTAMP '2020-07-31', INTERVAL '1 day') g(x) "
        "LEFT JOIN r.dates d ON d.d_date = CAST(x AS DATE) LEFT JOIN r.store_sales s ON s.date_sk = d.date_sk GROUP BY 1",
    ),
    "stock at the last count of each month": (
        said(metrics=["on_hand"], by=["month", "warehouse"], end="2020-06"),
        "SELECT m, n.warehouse, SUM(n.on_hand) FROM (SELECT DATE_TRUNC('month', d.d_date) m, MAX(n.date_sk) sk FROM r.inventory n JOIN r.dates d ON "
        "n.date_sk = d.date_sk WHERE d.d_date < '2020-07-01' GROUP BY 1) l JOIN r.inventory n ON n.date_sk = l.sk GROUP BY 1, 2",
    ),
    "stock today": (
        said(metrics=["on_hand"], by=["category"]),
        "SELECT i.category, SUM(n.on_hand) FROM r.inventory n JOIN r.item i ON n.item_sk = i.item_sk WHERE n.date_sk = (SELECT MAX(date_sk) FROM "
        "r.inventory) GROUP BY 1",
    ),
    "7 days by day, over two weeks without rows": (
        said(metrics=["revenue_7d"], by=["day"], start="2020-06-25", end="2020-07-25"),
        f"SELECT CAST(x AS DATE), {PAID} FROM GENERATE_SERIES(TIMESTAMP '2020-06-25', TIMESTAMP '2020-07-25', INTERVAL '1 day') g(x) JOIN r.dates d ON "
        "d.d_date <= CAST(x AS DATE) AND d.d_date > CAST(x - INTERVAL '7 days' AS DATE) JOIN r.store_sales s ON s.date_sk = d.date_sk GROUP BY 1",
    ),
    "since the year began, by month": (
        said(metrics=["revenue_ytd"], by=["month"], start="2021-01", end="2021-12"),
        f"SELECT m.d_date, {PAID} FROM r.dates m JOIN r.dates d ON d.d_year = m.d_year AND d.d_moy <= m.d_moy JOIN r.store_sales s ON s.date_sk = "
        "d.date_sk WHERE EXTRACT(DAY FROM m.d_date) = 1 AND m.d_year = 2021 GROUP BY 1",
    ),
    "ever, by year": (
        said(metrics=["revenue_ever"], by=["year"]),
        f"SELECT m.d_date, {PAID} FROM r.dates m JOIN r.dates d ON d.d_year <= m.d_year JOIN r.store_sales s ON s.date_sk = d.date_sk WHERE m.d_moy = 1 "
        "AND EXTRACT(DAY FROM m.d_date) = 1 GROUP BY 1",
    ),
    "against the month before": (
        said(metrics=["growth"], by=["month"], start="2020-02", end="2021-12"),
        f"WITH m AS (SELECT {MONTH} k, {PAID} v FROM {STORE} GROUP BY 1) SELECT a.k, CAST(a.v AS {DOUBLE}) / b.v - 1 FROM m a LEFT JOIN m b ON b.k = "
        "CAST(a.k - INTERVAL '1 month' AS DATE) WHERE a.k >= '2020-02-01'",
    ),
    "against the year before, by quarter": (
        said(metrics=["year_on_year"], by=["quarter"], start="2021-01", end="2021-12"),
        f"WITH m AS (SELECT CAST(DATE_TRUNC('quarter', d.d_date) AS DATE) k, {PAID} v FROM {STORE} GROUP BY 1) SELECT a.k, a.v - b.v FROM m a JOIN m b "
        "ON b.k = CAST(a.k - INTERVAL '1 year' AS DATE)",
    ),
    "the share of a category in its month": (
        said(metrics=["category_share"], by=["month", "category"]),
        f"SELECT k, c, CAST(v AS {DOUBLE}) / SUM(v) OVER (PARTITION BY k) FROM (SELECT {MONTH} k, i.category c, {PAID} v FROM {STORE} GROUP BY 1, 2) g",
    ),
    "who came often": (
        said(metrics=["loyal", "shoppers"], by=["preferred"]),
        f"SELECT c.preferred, COUNT(DISTINCT CASE WHEN o.n >= 5 THEN s.customer_sk END), COUNT(DISTINCT s.customer_sk) FROM {STORE} LEFT JOIN (SELECT "
        "c.customer_sk k, COUNT(DISTINCT s.ticket) n FROM r.store_sales s JOIN r.customer c ON s.customer_sk = c.customer_sk GROUP BY 1) o ON o.k = "
        "s.customer_sk GROUP BY 1",
    ),
    "bought online, then in a store": (
        said(metrics=["came_back"], by=["site"]),
        f"SELECT w.site, CAST(COUNT(CASE WHEN EXISTS (SELECT 1 FROM r.store_sales s JOIN r.dates o ON s.date_sk = o.date_sk WHERE s.customer_sk = "
        f"w.bill_customer_sk AND o.d_date >= d.d_date AND o.d_date < d.d_date + 30) THEN 1 END) AS {DOUBLE}) / COUNT(*) FROM {WEB} GROUP BY 1",
    ),
    "the best brands of a category": (
        said(metrics=["store_revenue"], by=["brand"], where="category = 'Books'", order=["-store_revenue"], limit=3),
        f"SELECT i.brand, {PAID} v FROM {STORE} WHERE i.category = 'Books' GROUP BY 1 ORDER BY v DESC LIMIT 3",
    ),
    "weeks that begin on Sunday": (
        said(metrics=["store_revenue"], by=["week"], start="2020-02-01", end="2020-02-29"),
        f"SELECT CAST(DATE_TRUNC('week', d.d_date + INTERVAL '1 day') - INTERVAL '1 day' AS DATE), {PAID} FROM {STORE} WHERE d.d_date BETWEEN "
        "'2020-02-01' AND '2020-02-29' GROUP BY 1",
    ),
}  # fmt: skip

REFUSED = {
    "sales by the reason of their return": (said(metrics=["store_revenue"], by=["reason"]), "FH-N303"),
    "stock by who buys": (said(metrics=["on_hand"], by=["customer.preferred"]), "FH-N303"),
    "two roles of one customer": (said(metrics=["web_revenue"], by=["customer.preferred"]), "FH-N302"),
    "two roles of one date": (said(metrics=["web_revenue"], by=["d_year"]), "FH-N302"),
    "a channel's field asked of all": (said(metrics=["revenue"], by=["site"]), "FH-N303"),
    "days of stock: a balance beside a window, without time": (said(metrics=["growth"]), "FH-N208"),
}


@pytest.fixture(scope="module", params=["duckdb", "postgres"])
def star(request: pytest.FixtureRequest) -> Iterator[tuple[Session, str]]:
    """The star in each engine."""
    server = request.getfixturevalue("postgres") if request.param == "postgres" else None
    url = server.fresh() if server else "duckdb://"
    engine = open_engine(url)
    session = engine.session(LOCAL)
    with session.transaction():
        session.run("CREATE SCHEMA r")
        for name, table in tables().items():
            session.load(Relation("r", name), table)
    yield session, request.param
    session.close()
    engine.close()
    if server:
        server.drop(url)


def _table(dataset: Dataset) -> exp.Table:
    return exp.table_(dataset.source, "r")


def answer(session: Session, dialect: str, asks: dict[str, Any]) -> list[tuple[Any, ...]]:
    """Return what metrics say."""
    return plain(session.rows(compiled(Scope(catalogue_from(MODEL), _table, dialect), asked(**asks)).sql))


@pytest.mark.parametrize("case", CASES)
def test_a_star_says_what_a_query_written_by_hand_does(star: tuple[Session, str], case: str) -> None:
    """Every group and value is the same, on both engines."""
    session, dialect = star
    asks, truth = CASES[case]
    expected = plain(session.rows(truth))

    found = answer(session, dialect, asks)

    assert found
    assert sorted(map(repr, expected)) == sorted(map(repr, found))


class Star(Shop):
    """The star, asked as the shop is."""

    def scope(self, fewest: int = 1) -> Scope:
        """Return what questions are compiled against."""
        return Scope(self.catalogue, _table, self.dialect, lambda d: self.policies.get(d.name), fewest)


@pytest.fixture(scope="module")
def rolled_star(star: tuple[Session, str]) -> Rolled:
    """The star with a rollup of each channel, and of what came back."""
    session, dialect = star
    keys = ("item.category", "item.brand")
    sold = ("store_units", "profit", "store_revenue", "coupons", "holiday_revenue", "below_list", "growth")
    return Rolled.built(
        Star(catalogue_from(MODEL), session, dialect),
        rollup("stores", sold, ("day", *keys, "store.state", "promotion.channel", "lived.town"), model="retail"),
        rollup("web", ("web_revenue", "shipped_elsewhere"), ("day", *keys, "web_shipped.d_year"), model="retail"),
        rollup("catalogs", ("catalog_revenue",), ("month", *keys), model="retail"),
        rollup("returns", ("returned", "returned_units"), ("day", *keys, "reason"), model="retail"),
    )


@pytest.mark.parametrize("case", CASES)
def test_a_star_says_the_same_from_rollups(rolled_star: Rolled, case: str) -> None:
    """A fact that is dated by a key, and joined as a row was then, says the same summed up by day or month."""
    asks = {**CASES[case][0]}
    metrics = asks.pop("metrics")

    found = rolled_star.ask(*metrics, **asks)

    assert sorted(map(repr, rolled_star.shop.ask(*metrics, **asks))) == sorted(map(repr, found))


def test_rollups_of_a_star_are_read(rolled_star: Rolled) -> None:
    """Each of four facts from its own, revenue of three of them at once."""
    uses = rolled_star.uses("revenue", "return_rate", "year_on_year", by=["month", "item.category"])

    assert {"stores", "web", "catalogs", "returns"} == {use.rollup for use in uses}


@pytest.mark.parametrize("case", REFUSED)
def test_what_a_star_cannot_say_is_refused_by_type(case: str) -> None:
    """No number comes of rows that would be counted several times, or of names that mean several things."""
    asks, code = REFUSED[case]

    with pytest.raises(FreeholdError, match=code):
        compiled(Scope(catalogue_from(MODEL), _table), asked(**asks))


def test_a_time_that_stands_nowhere_is_told_with_its_place() -> None:
    """`time: sold.day` is judged by the joins of the model."""
    text = MODEL.replace("time: store_sold.d_date", "time: store_sold.d_day")

    with pytest.raises(Problems) as caught:
        catalogue_from(text)

    (error,) = caught.value.errors
    assert (error.code, error.where.line if error.where else 0) == ("FH-N402", 7)
    assert "`d_day`" in error.problem
