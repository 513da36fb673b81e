"""The floor to measure against: the demo's models, checks and swaps by hand, with duckdb and the standard library.

Frozen on purpose: it knows no plan, no ledger, no quarantine, no reuse and no recovery. A failing check ends it. It is
what a careful person would write in an afternoon for exactly this estate, and so the least that the work can cost.

    python bench/bare_replay.py DAYS WAREHOUSE.db [SEEDS.csv]

DAYS holds one YYYY-MM-DD.csv a trading day. Prints one line of JSON: days, rows, checks, seconds.
"""

import json
import sys
import time
from datetime import date, timedelta
from pathlib import Path

import duckdb

SEED = Path(__file__).parents[1] / "src/freehold/builtin/demo/estate/sales/catalogue/seeds/countries.csv"

CSV = """header = true, auto_detect = false, delim = ',', quote = '"', escape = '"'"""
COLUMNS = (
    "{'InvoiceNo': 'VARCHAR', 'StockCode': 'VARCHAR', 'Description': 'VARCHAR', 'Quantity': 'BIGINT', "
    "'InvoiceDate': 'TIMESTAMP', 'UnitPrice': 'DECIMAL(18,3)', 'CustomerID': 'DOUBLE', 'Country': 'VARCHAR'}"
)

LINES = """
SELECT md5(concat_ws('|', InvoiceNo, StockCode, InvoiceDate, Quantity, UnitPrice, CustomerID, Country)) AS line_id,
       InvoiceNo AS invoice, upper(trim(StockCode)) AS sku, nullif(trim(max(Description)), '') AS description,
       Quantity AS quantity, InvoiceDate AS ordered_at, UnitPrice AS unit_price,
       CAST(Quantity * UnitPrice AS DECIMAL(18, 3)) AS amount, CAST(CustomerID AS BIGINT) AS customer_id,
       Country AS country, InvoiceNo LIKE 'C%' AS is_cancellation, regexp_matches(StockCode, '^[0-9]{5}') AS is_article
FROM raw_lines__all WHERE _batch = $batch AND UnitPrice > 0 AND InvoiceNo NOT LIKE 'A%'
GROUP BY InvoiceNo, StockCode, InvoiceDate, Quantity, UnitPrice, CustomerID, Country
"""

DAILY = """
SELECT CAST(ordered_at AS DATE) AS day, count(*) AS lines,
       count(DISTINCT CASE WHEN NOT is_cancellation THEN invoice END) AS orders,
       count(DISTINCT CASE WHEN is_cancellation THEN invoice END) AS cancellations,
       count(DISTINCT customer_id) AS customers, CAST(sum(quantity) AS BIGINT) AS units,
       CAST(sum(CASE WHEN NOT is_cancellation THEN amount ELSE 0 END) AS DECIMAL(18, 2)) AS gross_revenue,
       CAST(sum(CASE WHEN is_cancellation THEN -amount ELSE 0 END) AS DECIMAL(18, 2)) AS cancelled_revenue,
       CAST(sum(amount) AS DECIMAL(18, 2)) AS revenue,
       CAST(sum(CASE WHEN NOT is_cancellation THEN amount ELSE 0 END)
            / count(DISTINCT CASE WHEN NOT is_cancellation THEN invoice END) AS DECIMAL(18, 2)) AS average_order
FROM lines__all WHERE _batch = $batch GROUP BY 1
"""

MONTHLY = """
SELECT CAST(date_trunc('month', day) AS DATE) AS month, count(*) AS trading_days, CAST(sum(orders) AS BIGINT) AS orders,
       CAST(sum(gross_revenue) AS DECIMAL(18, 2)) AS gross_revenue,
       CAST(sum(cancelled_revenue) AS DECIMAL(18, 2)) AS cancelled_revenue,
       CAST(sum(revenue) AS DECIMAL(18, 2)) AS revenue
FROM daily_revenue__all GROUP BY 1
"""

CUSTOMERS = """
SELECT customer_id, arg_max(country, ordered_at) AS country, min(ordered_at) AS first_order_at,
       max(ordered_at) AS last_order_at, count(DISTINCT CASE WHEN NOT is_cancellation THEN invoice END) AS orders,
       count(*) AS lines, CAST(sum(amount) AS DECIMAL(18, 2)) AS revenue,
       CAST(sum(CASE WHEN is_cancellation THEN -amount ELSE 0 END) AS DECIMAL(18, 2)) AS returned
FROM lines__all WHERE customer_id IN (SELECT customer_id FROM lines__all WHERE _batch = $batch) GROUP BY customer_id
"""

ARTICLES = """
SELECT sku, max(description) AS description, min(ordered_at) AS first_sold_at,
       max(ordered_at) AS last_sold_at, min(unit_price) AS lowest_price, max(unit_price) AS highest_price,
       CAST(sum(quantity) AS BIGINT) AS units, CAST(sum(amount) AS DECIMAL(18, 2)) AS revenue
FROM lines__all WHERE is_article AND sku IN (SELECT sku FROM lines__all WHERE _batch = $batch AND is_article)
GROUP BY sku
"""

SEGMENTS = """
SELECT customer_id, date_diff('day', last_order_at, max(last_order_at) OVER ()) AS days_since_order,
       CASE WHEN date_diff('day', last_order_at, max(last_order_at) OVER ()) > 180 THEN 'lapsed'
            WHEN date_diff('day', last_order_at, max(last_order_at) OVER ()) > 90 THEN 'slipping'
            WHEN orders >= 5 THEN 'loyal'
            WHEN date_diff('day', first_order_at, max(last_order_at) OVER ()) <= 30 THEN 'new'
            ELSE 'active' END AS segment
FROM {customers}
"""


def absent(*columns: str) -> str:
    return ", ".join(f"count(CASE WHEN {c} IS NULL THEN 1 END) = 0" for c in columns)


def none(*predicates: str) -> str:
    return ", ".join(f"count(CASE WHEN {p} THEN 1 END) = 0" for p in predicates)


RAW_CHECKS = f"""SELECT count(*) > 0,
  {absent("InvoiceNo", "StockCode", "Quantity", "InvoiceDate", "UnitPrice", "Country")},
  {none("NOT regexp_matches(InvoiceNo, '^[AC]?[0-9]{6}$')", "length(StockCode) NOT BETWEEN 1 AND 20")},
  coalesce(count(CASE WHEN Description IS NULL THEN 1 END) * 100.0 / count(*) < 3, false) OR true,
  coalesce(count(CASE WHEN UnitPrice <= 0 THEN 1 END) * 100.0 / count(*) < 5, false) OR true,
  coalesce(count(CASE WHEN InvoiceNo LIKE 'C%' THEN 1 END) * 100.0 / count(*) < 10, false) OR true
FROM raw_lines__all WHERE _batch = $batch"""

LINES_BROKEN = (
    "NOT regexp_matches(invoice, '^C?[0-9]{6}$')",
    "quantity NOT BETWEEN -100000 AND 100000",
    "unit_price <= 0 OR unit_price > 50000",
    "customer_id NOT BETWEEN 10000 AND 99999",
    "is_cancellation IS DISTINCT FROM (quantity < 0)",
    "amount IS DISTINCT FROM quantity * unit_price",
)
LINES_CHECKS = f"""SELECT count(*) >= 150, count(DISTINCT line_id) = count(*),
  count(DISTINCT invoice) BETWEEN 8 AND 500,
  {absent("line_id", "invoice", "sku", "quantity", "ordered_at", "unit_price", "country")},
  {none(*LINES_BROKEN)},
  extract('hour' FROM max(ordered_at)) >= 12, extract('hour' FROM max(ordered_at)) >= 15 OR true,
  avg(CASE WHEN is_article THEN unit_price END) BETWEEN 1.5 AND 9,
  median(CASE WHEN NOT is_cancellation THEN amount END) BETWEEN 2 AND 40,
  count(CASE WHEN customer_id IS NULL THEN 1 END) * 100.0 / count(*) < 75 OR true
FROM lines__all WHERE _batch = $batch"""

LINES_GROUPED = """SELECT
  (SELECT count(*) FROM (SELECT invoice FROM lines__all WHERE _batch = $batch GROUP BY invoice
     HAVING min(customer_id) <> max(customer_id) OR min(country) <> max(country))) = 0,
  (SELECT sum(n - 1) * 100.0 / sum(n) FROM (SELECT count(*) AS n FROM lines__all WHERE _batch = $batch
     GROUP BY invoice, sku, quantity, unit_price)) < 5,
  (SELECT count(*) FROM (SELECT DISTINCT country FROM lines__all WHERE _batch = $batch) AS l
     ANTI JOIN countries USING (country)) = 0 OR true,
  (SELECT count(*) FROM lines__all WHERE _batch = $batch AND line_id IN (
     SELECT line_id FROM lines__all WHERE _batch <> $batch)) = 0"""

DAILY_BROKEN = (
    "lines < 1",
    "orders < 1",
    "gross_revenue NOT BETWEEN 500 AND 1000000",
    "cancelled_revenue < 0",
    "average_order NOT BETWEEN 50 AND 10000",
    "abs(revenue - (gross_revenue - cancelled_revenue)) > 0.01",
)
DAILY_CHECKS = f"""SELECT count(*) = 1, count(DISTINCT day) = count(*),
  {absent("day", "gross_revenue", "cancelled_revenue", "revenue")},
  {none(*DAILY_BROKEN)},
  count(CASE WHEN cancelled_revenue > gross_revenue THEN 1 END) = 0 OR true,
  (SELECT count(*) FROM daily_revenue__all AS old WHERE old._batch <> $batch AND old.day = any_value(d.day)) = 0
FROM daily_revenue__all AS d WHERE _batch = $batch"""

MONTHLY_BROKEN = (
    "trading_days NOT BETWEEN 1 AND 31",
    "orders < 1",
    "cancelled_revenue < 0",
    "abs(revenue - (gross_revenue - cancelled_revenue)) > 0.01",
)
MONTHLY_CHECKS = f"""SELECT count(*) > 0, count(DISTINCT month) = count(*), {absent("month", "revenue")},
  {none(*MONTHLY_BROKEN)}
FROM {{}}"""

CUSTOMERS_BROKEN = (
    "customer_id NOT BETWEEN 10000 AND 99999",
    "lines < 1",
    "returned < 0",
    "first_order_at > last_order_at",
)
CUSTOMERS_CHECKS = f"""SELECT count(*) > 0, count(DISTINCT customer_id) = count(*),
  {absent("customer_id", "country", "first_order_at", "last_order_at", "revenue")},
  {none(*CUSTOMERS_BROKEN)},
  count(CASE WHEN orders = 0 THEN 1 END) * 100.0 / count(*) < 5 OR true,
  (SELECT count(*) FROM (SELECT DISTINCT country FROM {{0}}) AS c ANTI JOIN countries USING (country)) = 0 OR true
FROM {{0}}"""

SEGMENTS_CHECKS = f"""SELECT count(*) > 0, count(DISTINCT customer_id) = count(*),
  {absent("customer_id", "days_since_order", "segment")},
  {none("days_since_order NOT BETWEEN 0 AND 5000", "segment NOT IN ('loyal', 'active', 'new', 'slipping', 'lapsed')")},
  (SELECT count(*) FROM {{0}} AS s ANTI JOIN {{1}} USING (customer_id)) = 0
FROM {{0}}"""

ARTICLES_CHECKS = f"""SELECT count(*) > 0, count(DISTINCT sku) = count(*),
  {absent("sku", "first_sold_at", "last_sold_at", "lowest_price", "highest_price")},
  {none("lowest_price <= 0", "highest_price > 1000", "lowest_price > highest_price")},
  count(CASE WHEN description IS NULL THEN 1 END) * 100.0 / count(*) < 2 OR true
FROM {{}}"""


class Replay:
    def __init__(self, warehouse: Path, seed: Path) -> None:
        self.db = duckdb.connect(str(warehouse))
        self.db.execute("SET TimeZone = 'UTC'")
        self.db.execute("CREATE TABLE live (asset VARCHAR, batch BIGINT)")
        self.db.execute(f"CREATE TABLE countries AS SELECT * FROM read_csv('{seed}', header = true)")
        self.physical: dict[str, list[str]] = {"customers": [], "articles": [], "segments": [], "monthly_revenue": []}
        self.checks = 0

    def check(self, sql: str, **parameters: object) -> None:
        row = self.db.execute(sql, parameters or None).fetchone()
        self.checks += len(row)
        if not all(row):
            raise SystemExit(f"check {row.index(False)} of {sql[:60]!r} failed: {parameters} {row}")

    def append(self, table: str, select: str, batch: int, parameters: dict | None = None) -> None:
        head = f"INSERT INTO {table}" if batch > 1 else f"CREATE TABLE {table} AS"
        self.db.execute(f"{head} SELECT *, {batch}::BIGINT AS _batch FROM ({select})", parameters)

    def build(self, name: str, select: str, batch: int, parameters: dict | None = None) -> str:
        table = f"{name}__{batch}"
        self.db.execute(f"CREATE TABLE {table} AS {select}", parameters)
        return table

    def merge(self, name: str, key: str, select: str, batch: int) -> str:
        old = self.physical[name][-1] if self.physical[name] else None
        if old is None:
            return self.build(name, select, batch, {"batch": batch})
        self.db.execute(f"CREATE TEMP TABLE changed AS {select}", {"batch": batch})
        table = self.build(
            name, f"SELECT * FROM {old} ANTI JOIN changed USING ({key}) UNION ALL SELECT * FROM changed", batch
        )
        self.db.execute("DROP TABLE changed")
        return table

    def day(self, file: Path, batch: int) -> None:
        source = f"SELECT * FROM read_csv('{file}', {CSV}, columns = {COLUMNS})"
        self.append("raw_lines__all", source, batch)
        self.check(RAW_CHECKS, batch=batch)
        self.append("lines__all", LINES, batch, {"batch": batch})
        self.check(LINES_CHECKS, batch=batch)
        self.check(LINES_GROUPED, batch=batch)
        self.append("daily_revenue__all", DAILY, batch, {"batch": batch})
        self.check(DAILY_CHECKS, batch=batch)
        new = {
            "monthly_revenue": self.build("monthly_revenue", MONTHLY, batch),
            "customers": self.merge("customers", "customer_id", CUSTOMERS, batch),
            "articles": self.merge("articles", "sku", ARTICLES, batch),
        }
        new["segments"] = self.build("segments", SEGMENTS.format(customers=new["customers"]), batch)
        self.check(MONTHLY_CHECKS.format(new["monthly_revenue"]))
        self.check(CUSTOMERS_CHECKS.format(new["customers"]))
        self.check(ARTICLES_CHECKS.format(new["articles"]))
        self.check(SEGMENTS_CHECKS.format(new["segments"], new["customers"]))
        self.publish(new, batch)

    def publish(self, new: dict[str, str], batch: int) -> None:
        self.db.execute("BEGIN")
        for name in ("raw_lines", "lines", "daily_revenue"):
            self.db.execute("INSERT INTO live VALUES (?, ?)", [name, batch])
            self.db.execute(
                f"CREATE OR REPLACE VIEW {name} AS SELECT * EXCLUDE (_batch) FROM {name}__all "
                f"WHERE _batch IN (SELECT batch FROM live WHERE asset = '{name}')"
            )
        for name, table in new.items():
            self.db.execute(f"CREATE OR REPLACE VIEW {name} AS SELECT * FROM {table}")
            self.physical[name].append(table)
            if len(self.physical[name]) > 3:  # the last three stay for a way back
                self.db.execute(f"DROP TABLE {self.physical[name].pop(0)}")
        self.db.execute("COMMIT")


def main() -> None:
    days, warehouse = Path(sys.argv[1]), Path(sys.argv[2])
    seed = Path(sys.argv[3]) if len(sys.argv) > 3 else SEED
    started = time.perf_counter()
    replay = Replay(warehouse, seed)
    files = {date.fromisoformat(f.stem): f for f in sorted(days.glob("*.csv"))}
    day, last, batch = min(files), max(files), 0
    while day <= last:
        if day in files:
            batch += 1
            replay.day(files[day], batch)
        day += timedelta(days=1)
    rows, revenue = replay.db.execute("SELECT count(*), sum(amount) FROM lines").fetchone()
    replay.db.close()
    print(
        json.dumps(
            {
                "days": batch,
                "rows": rows,
                "revenue": float(revenue),
                "checks": replay.checks,
                "seconds": round(time.perf_counter() - started, 2),
            }
        )
    )


if __name__ == "__main__":
    main()
