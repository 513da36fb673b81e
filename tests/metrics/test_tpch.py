"""TPC-H at scale factor 0.1: what its questions measure, as metrics, beside SQL written by hand.

21 of the 22 can be asked; what of each is no number (a supplier's address, the name of the cheapest offer) is left out,
as the page beside-metricflow says. The 13th counts customers by how many orders they have: a metric as a
key, which there is not.
"""

# ruff: noqa: E501 - the queries are read beside each other

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlglot import exp

from freehold.engines import Session, open_engine
from freehold.foundation import LOCAL, FreeholdError
from freehold.metrics import Scope, asked, compiled
from freehold.metrics.model import Dataset

from .conftest import catalogue_from, plain, said
from .oracle import tool

pytestmark = pytest.mark.oracle
TABLES = ("lineitem", "orders", "customer", "supplier", "part", "partsupp", "nation", "region")
LINES = "t.lineitem JOIN t.orders ON l_orderkey = o_orderkey"
SOLD = f"{LINES} JOIN t.customer ON o_custkey = c_custkey JOIN t.supplier ON l_suppkey = s_suppkey"
NATIONS = f"{SOLD} JOIN t.nation cn ON c_nationkey = cn.n_nationkey JOIN t.nation sn ON s_nationkey = sn.n_nationkey"
OFFERS = "t.partsupp JOIN t.part ON ps_partkey = p_partkey JOIN t.supplier ON ps_suppkey = s_suppkey JOIN t.nation ON s_nationkey = n_nationkey"
NET = "l_extendedprice * (1 - l_discount)"
SUPPLIER, CUSTOMER = "line_supplier.supplier_nation", "buyer.customer_nation"
PACKED = (
    ("Brand#12", "SM CASE", "SM BOX", "SM PACK", "SM PKG", 1, 11, 5), ("Brand#23", "MED BAG", "MED BOX", "MED PKG", "MED PACK", 10, 20, 10),
    ("Brand#34", "LG CASE", "LG BOX", "LG PACK", "LG PKG", 20, 30, 15),
)  # fmt: skip


def packed(brand: str, quantity: str, size: str, container: str) -> str:
    """Return the three kinds of parcels of the 19th query as one condition."""
    kinds = (
        f"({brand} = '{b}' AND {container} IN ('{c1}', '{c2}', '{c3}', '{c4}') AND {quantity} BETWEEN {low} AND {high} AND {size} BETWEEN 1 AND {most})"
        for b, c1, c2, c3, c4, low, high, most in PACKED
    )
    return " OR ".join(kinds)


CASES = {
    "1 prices by status": (
        said(metrics=["quantity", "base_price", "revenue", "charge", "mean_quantity", "mean_price", "mean_discount", "lines"],
             by=["l_returnflag", "l_linestatus"], where="lineitem.l_shipdate <= '1998-09-02'"),
        f"SELECT l_returnflag, l_linestatus, SUM(l_quantity), SUM(l_extendedprice), SUM({NET}), SUM({NET} * (1 + l_tax)), "
        "AVG(l_quantity), AVG(l_extendedprice), AVG(l_discount), COUNT(*) FROM t.lineitem WHERE l_shipdate <= '1998-09-02' GROUP BY 1, 2",
    ),
    "2 the least cost of each part": (
        said(metrics=["least_cost"], by=["p_partkey"],
             where="p_size = 15 AND p_type LIKE '%BRASS' AND region.r_name = 'EUROPE'"),
        f"SELECT p_partkey, MIN(ps_supplycost) FROM {OFFERS} JOIN t.region ON n_regionkey = r_regionkey WHERE p_size = 15 "
        "AND p_type LIKE '%BRASS' AND r_name = 'EUROPE' GROUP BY 1",
    ),
    "3 orders not yet shipped": (
        said(metrics=["revenue"], by=["o_orderkey", "o_orderdate", "o_shippriority"], order=["-revenue", "o_orderdate"], limit=10,
             where="buyer.c_mktsegment = 'BUILDING' AND orders.o_orderdate < '1995-03-15' AND lineitem.l_shipdate > '1995-03-15'"),
        f"SELECT o_orderkey, o_orderdate, o_shippriority, SUM({NET}) r FROM {SOLD} WHERE c_mktsegment = 'BUILDING' AND o_orderdate < "
        "'1995-03-15' AND l_shipdate > '1995-03-15' GROUP BY 1, 2, 3 ORDER BY r DESC, o_orderdate LIMIT 10",
    ),
    "4 orders with late lines": (
        said(metrics=["orders_with_late_lines"], by=["o_orderpriority"], start="1993-07-01", end="1993-09"),
        "SELECT o_orderpriority, COUNT(*) FROM t.orders WHERE o_orderdate >= '1993-07-01' AND o_orderdate < '1993-10-01' AND EXISTS "
        "(SELECT 1 FROM t.lineitem WHERE l_orderkey = o_orderkey AND l_commitdate < l_receiptdate) GROUP BY 1",
    ),
    "5 sold within a nation": (
        said(metrics=["revenue"], by=[f"{SUPPLIER}.n_name"],
             where=f"{SUPPLIER}.nation_region.r_name = 'ASIA' AND {SUPPLIER}.n_nationkey = {CUSTOMER}.n_nationkey AND "
             "orders.o_orderdate >= '1994-01-01' AND orders.o_orderdate < '1995-01-01'"),
        f"SELECT sn.n_name, SUM({NET}) FROM {NATIONS} JOIN t.region ON sn.n_regionkey = r_regionkey WHERE r_name = 'ASIA' AND "
        "c_nationkey = s_nationkey AND o_orderdate >= '1994-01-01' AND o_orderdate < '1995-01-01' GROUP BY 1",
    ),
    "6 discounts given": (
        said(metrics=["discounts"], start="1994", end="1994", where="l_discount BETWEEN 0.05 AND 0.07 AND l_quantity < 24"),
        "SELECT SUM(l_extendedprice * l_discount) FROM t.lineitem WHERE l_shipdate >= '1994-01-01' AND l_shipdate < '1995-01-01' "
        "AND l_discount BETWEEN 0.05 AND 0.07 AND l_quantity < 24",
    ),
    "7 between two nations": (
        said(metrics=["revenue"], by=[f"{SUPPLIER}.n_name", f"{CUSTOMER}.n_name", "year"], start="1995", end="1996",
             where=f"({SUPPLIER}.n_name = 'FRANCE' AND {CUSTOMER}.n_name = 'GERMANY') OR ({SUPPLIER}.n_name = 'GERMANY' AND {CUSTOMER}.n_name = 'FRANCE')"),
        f"SELECT sn.n_name, cn.n_name, DATE_TRUNC('year', l_shipdate), SUM({NET}) FROM {NATIONS} WHERE l_shipdate BETWEEN '1995-01-01' AND "
        "'1996-12-31' AND ((sn.n_name, cn.n_name) = ('FRANCE', 'GERMANY') OR (sn.n_name, cn.n_name) = ('GERMANY', 'FRANCE')) GROUP BY 1, 2, 3",
    ),
    "8 a nation's share of a market": (
        said(metrics=["brazilian_share"], by=["o_orderdate:year"],
             where=f"{CUSTOMER}.nation_region.r_name = 'AMERICA' AND line_part.p_type = 'ECONOMY ANODIZED STEEL' AND "
             "orders.o_orderdate BETWEEN '1995-01-01' AND '1996-12-31'"),
        f"SELECT DATE_TRUNC('year', o_orderdate), CAST(SUM(CASE WHEN sn.n_name = 'BRAZIL' THEN {NET} END) AS DOUBLE) / SUM({NET}) FROM {NATIONS} "
        "JOIN t.region ON cn.n_regionkey = r_regionkey JOIN t.part ON l_partkey = p_partkey WHERE r_name = 'AMERICA' AND p_type = "
        "'ECONOMY ANODIZED STEEL' AND o_orderdate BETWEEN '1995-01-01' AND '1996-12-31' GROUP BY 1",
    ),
    "9 profit by nation and year": (
        said(metrics=["profit"], by=[f"{SUPPLIER}.n_name", "o_orderdate:year"], where="line_part.p_name LIKE '%green%'"),
        f"SELECT sn.n_name, DATE_TRUNC('year', o_orderdate), SUM({NET} - ps_supplycost * l_quantity) FROM {NATIONS} JOIN t.partsupp ON "
        "ps_partkey = l_partkey AND ps_suppkey = l_suppkey JOIN t.part ON p_partkey = l_partkey WHERE p_name LIKE '%green%' GROUP BY 1, 2",
    ),
    "10 who returned most": (
        said(metrics=["revenue"], by=["c_custkey", f"{CUSTOMER}.n_name"], order=["-revenue"], limit=20,
             where="l_returnflag = 'R' AND orders.o_orderdate >= '1993-10-01' AND orders.o_orderdate < '1994-01-01'"),
        f"SELECT c_custkey, cn.n_name, SUM({NET}) r FROM {NATIONS} WHERE l_returnflag = 'R' AND o_orderdate >= '1993-10-01' AND "
        "o_orderdate < '1994-01-01' GROUP BY 1, 2 ORDER BY r DESC LIMIT 20",
    ),
    "11 the stock that matters": (
        said(metrics=["stock_share", "stock_value"], by=["ps_partkey"], where="supplier_nation.n_name = 'GERMANY'", having="stock_share > 0.001"),
        f"WITH g AS (SELECT ps_partkey k, SUM(ps_supplycost * ps_availqty) v FROM {OFFERS} WHERE n_name = 'GERMANY' GROUP BY 1) "
        "SELECT k, CAST(v AS DOUBLE) / (SELECT SUM(v) FROM g), v FROM g WHERE v > 0.001 * (SELECT SUM(v) FROM g)",
    ),
    "12 urgent lines by way of shipping": (
        said(metrics=["urgent_lines", "other_lines"], by=["l_shipmode"],
             where="l_shipmode IN ('MAIL', 'SHIP') AND l_commitdate < l_receiptdate AND l_shipdate < l_commitdate AND "
             "l_receiptdate >= '1994-01-01' AND l_receiptdate < '1995-01-01'"),
        f"SELECT l_shipmode, COUNT(*) FILTER (WHERE o_orderpriority IN ('1-URGENT', '2-HIGH')), COUNT(*) FILTER (WHERE o_orderpriority NOT IN "
        f"('1-URGENT', '2-HIGH')) FROM {LINES} WHERE l_shipmode IN ('MAIL', 'SHIP') AND l_commitdate < l_receiptdate AND l_shipdate < "
        "l_commitdate AND l_receiptdate >= '1994-01-01' AND l_receiptdate < '1995-01-01' GROUP BY 1",
    ),
    "14 the part of promotions": (
        said(metrics=["promoted_share"], start="1995-09", end="1995-09"),
        f"SELECT 100 * CAST(SUM(CASE WHEN p_type LIKE 'PROMO%' THEN {NET} END) AS DOUBLE) / SUM({NET}) FROM t.lineitem JOIN t.part ON "
        "l_partkey = p_partkey WHERE l_shipdate >= '1995-09-01' AND l_shipdate < '1995-10-01'",
    ),
    "15 the best supplier": (
        said(metrics=["revenue"], by=["s_suppkey", "s_name"], start="1996-01", end="1996-03", order=["-revenue"], limit=1),
        f"WITH r AS (SELECT l_suppkey k, SUM({NET}) v FROM t.lineitem WHERE l_shipdate >= '1996-01-01' AND l_shipdate < '1996-04-01' GROUP BY 1) "
        "SELECT k, s_name, v FROM r JOIN t.supplier ON k = s_suppkey WHERE v = (SELECT MAX(v) FROM r)",
    ),
    "16 suppliers of parts, without those complained of": (
        said(metrics=["offering_suppliers"], by=["p_brand", "p_type", "p_size"],
             where="p_brand <> 'Brand#45' AND NOT p_type LIKE 'MEDIUM POLISHED%' AND p_size IN (49, 14, 23, 45, 19, 3, 36, 9) AND "
             "NOT s_comment LIKE '%Customer%Complaints%'"),
        "SELECT p_brand, p_type, p_size, COUNT(DISTINCT ps_suppkey) FROM t.partsupp JOIN t.part ON ps_partkey = p_partkey WHERE p_brand <> "
        "'Brand#45' AND p_type NOT LIKE 'MEDIUM POLISHED%' AND p_size IN (49, 14, 23, 45, 19, 3, 36, 9) AND ps_suppkey NOT IN (SELECT s_suppkey "
        "FROM t.supplier WHERE s_comment LIKE '%Customer%Complaints%') GROUP BY 1, 2, 3",
    ),
    "17 small orders of a part": (
        said(metrics=["small_price_a_year"], where="p_brand = 'Brand#23' AND p_container = 'MED BOX'"),
        "SELECT SUM(l_extendedprice) / 7.0 FROM t.lineitem l JOIN t.part ON p_partkey = l_partkey WHERE p_brand = 'Brand#23' AND p_container = "
        "'MED BOX' AND l_quantity < (SELECT 0.2 * AVG(l_quantity) FROM t.lineitem i WHERE i.l_partkey = l.l_partkey)",
    ),
    "18 large orders": (
        said(metrics=["big_orders"], by=["c_custkey", "o_orderkey", "o_orderdate", "o_totalprice"], order=["-o_totalprice", "o_orderdate"], limit=100),
        f"SELECT c_custkey, o_orderkey, o_orderdate, o_totalprice, SUM(l_quantity) FROM {SOLD} WHERE o_orderkey IN (SELECT l_orderkey FROM t.lineitem "
        "GROUP BY 1 HAVING SUM(l_quantity) > 250) GROUP BY 1, 2, 3, 4 ORDER BY o_totalprice DESC, o_orderdate LIMIT 100",
    ),
    "19 parcels handed over": (
        said(metrics=["revenue"], where=f"l_shipmode IN ('AIR', 'AIR REG') AND l_shipinstruct = 'DELIVER IN PERSON' AND ({packed('p_brand', 'l_quantity', 'p_size', 'p_container')})"),
        f"SELECT SUM({NET}) FROM t.lineitem JOIN t.part ON p_partkey = l_partkey WHERE l_shipmode IN ('AIR', 'AIR REG') AND l_shipinstruct = "
        f"'DELIVER IN PERSON' AND ({packed('p_brand', 'l_quantity', 'p_size', 'p_container')})",
    ),
    "20 who has too much": (
        said(metrics=["overstocked"], by=["s_name"], where="offered_part.p_name LIKE 'forest%' AND supplier_nation.n_name = 'CANADA'"),
        f"SELECT s_name, COUNT(DISTINCT ps_suppkey) FROM {OFFERS} WHERE p_name LIKE 'forest%' AND n_name = 'CANADA' AND ps_availqty > (SELECT 0.5 * "
        "SUM(l_quantity) FROM t.lineitem WHERE l_partkey = ps_partkey AND l_suppkey = ps_suppkey AND l_shipdate >= '1994-01-01' AND l_shipdate < "
        "'1995-01-01') GROUP BY 1",
    ),
    "21 who kept orders waiting": (
        said(metrics=["kept_waiting"], by=["s_name"], where=f"{SUPPLIER}.n_name = 'SAUDI ARABIA'"),
        f"SELECT s_name, COUNT(*) FROM {LINES} JOIN t.supplier ON l_suppkey = s_suppkey JOIN t.nation ON s_nationkey = n_nationkey, "
        "(SELECT l_orderkey k, COUNT(DISTINCT l_suppkey) n, COUNT(DISTINCT CASE WHEN l_receiptdate > l_commitdate THEN l_suppkey END) late FROM "
        "t.lineitem GROUP BY 1) e WHERE k = l_orderkey AND o_orderstatus = 'F' AND l_receiptdate > l_commitdate AND n > 1 AND late = 1 AND "
        "n_name = 'SAUDI ARABIA' GROUP BY 1",
    ),
    "22 money of customers who do not order": (
        said(metrics=["sleepers", "sleeping_balances"], by=["country_code"], where="country_code IN ('13', '31', '23', '29', '30', '18', '17')"),
        "SELECT SUBSTRING(c_phone, 1, 2), COUNT(*), SUM(c_acctbal) FROM t.customer WHERE SUBSTRING(c_phone, 1, 2) IN ('13', '31', '23', '29', '30', "
        "'18', '17') AND c_acctbal > (SELECT AVG(c_acctbal) FROM t.customer WHERE c_acctbal > 0 AND SUBSTRING(c_phone, 1, 2) IN ('13', '31', '23', "
        "'29', '30', '18', '17')) AND NOT EXISTS (SELECT 1 FROM t.orders WHERE o_custkey = c_custkey) GROUP BY 1",
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def tpch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    """All eight tables in DuckDB."""
    folder = tmp_path_factory.mktemp("tpch")
    made = [tool("tpchgen-cli"), "parquet", "-s", "0.1", "-o", str(folder), "--quiet"]
    subprocess.run(made, check=True, timeout=120, capture_output=True)
    engine = open_engine("duckdb://")
    session = engine.session(LOCAL)
    session.run("CREATE SCHEMA t")
    for name in TABLES:
        session.run(f"CREATE TABLE t.{name} AS SELECT * FROM read_parquet('{folder / f'{name}.parquet'}')")
    yield session
    session.close()
    engine.close()


def answer(session: Session, asks: dict[str, Any]) -> list[tuple[Any, ...]]:
    """Return what metrics say."""
    model = catalogue_from(Path(__file__).with_name("tpch.yaml").read_text())
    return _rounded(session.rows(compiled(Scope(model, _table), asked(**asks)).sql))


def _table(dataset: Dataset) -> exp.Table:
    return exp.table_(dataset.source, "t")


def _rounded(rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Return rows with numbers of 8 digits, in one order; without rows, those that hold nothing."""
    found = [tuple(float(f"{v:.8g}") if isinstance(v, float) else v for v in row) for row in plain(rows)]
    return sorted(found, key=repr)


@pytest.mark.parametrize("case", CASES)
def test_metrics_measure_what_the_query_does(tpch: Session, case: str) -> None:
    """The numbers are those of a query written by hand, for every group."""
    asks, truth = CASES[case]
    expected = _rounded(tpch.rows(truth))

    assert expected
    assert answer(tpch, asks) == expected


@pytest.mark.parametrize(("key", "code"), [("orders", "FH-N301"), ("per(orders, customer.c_custkey)", "FH-N102")])
def test_a_metric_is_no_key(tpch: Session, key: str, code: str) -> None:
    """13, customers by how many orders they have, is refused by type, and not taken for something else."""
    with pytest.raises(FreeholdError, match=code):
        answer(tpch, said(metrics=["customers"], by=[key]))
