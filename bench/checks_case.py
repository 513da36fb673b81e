"""The case of `bench/checks.py`: a table of 10 million rows x 12 columns, 100 checks, 9 that fail by design.

Every check has one definition here, from which the ODCS contract and the configuration of each peer are written, so
that all tools are asked the same thing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROWS = 10_000_000
CUSTOMERS = 1_000_000
DAY = 13_773

COLUMNS = {
    "order_id": ("integer", "BIGINT"),
    "order_key": ("string", "VARCHAR"),
    "customer_id": ("integer", "BIGINT"),
    "status": ("string", "VARCHAR"),
    "country": ("string", "VARCHAR"),
    "email": ("string", "VARCHAR"),
    "amount": ("number", "DECIMAL(12,2)"),
    "quantity": ("integer", "INTEGER"),
    "discount": ("number", "DOUBLE"),
    "created_at": ("timestamp", "TIMESTAMP"),
    "updated_at": ("timestamp", "TIMESTAMP"),
    "is_test": ("boolean", "BOOLEAN"),
}

# Every value is a function of the row's number through a hash: the same table on every machine, whatever the threads.
DRAW = "CREATE OR REPLACE TEMP MACRO draw(i, what, n) AS (hash(i, what) % n)::BIGINT"
SELECT = """
SELECT
    i + 1 AS order_id,
    md5(i::VARCHAR) AS order_key,
    draw(i, 'customer', 1000000) + 1 AS customer_id,
    ['placed', 'paid', 'packed', 'shipped', 'returned'][draw(i, 'status', 5) + 1] AS status,
    CASE WHEN i % 2000000 = 7 THEN 'XX' ELSE
        ['GB', 'FR', 'DE', 'ES', 'IT', 'NL', 'BE', 'PT', 'IE', 'AT', 'CH', 'PL'][draw(i, 'country', 12) + 1]
    END AS country,
    CASE WHEN draw(i, 'no email', 100) = 0 THEN NULL WHEN i % 1000000 = 99 THEN 'no address'
        ELSE 'user' || (draw(i, 'user', 3000000)) || '@' || ['example', 'mail', 'shop'][draw(i, 'host', 3) + 1]
            || '.' || ['com', 'org', 'net'][draw(i, 'top', 3) + 1]
    END AS email,
    CASE WHEN i % 2500000 = 11 THEN -1.00 ELSE ((draw(i, 'amount', 100000)) / 100.0 + 1) END::DECIMAL(12, 2) AS amount,
    (draw(i, 'quantity', 20) + 1)::INTEGER AS quantity,
    (draw(i, 'discount', 11)) * 0.05::DOUBLE AS discount,
    TIMESTAMP '2024-01-01' + to_seconds((i * 6.3)::BIGINT) AS created_at,
    TIMESTAMP '2024-01-01' + to_seconds((i * 6.3)::BIGINT
        + CASE WHEN i % 3333333 = 5 THEN -60 ELSE draw(i, 'later', 86400) END) AS updated_at,
    draw(i, 'test', 1000) = 0 AS is_test
FROM range({first}, {first} + {rows}) AS numbers(i)
"""


@dataclass(frozen=True)
class Case:
    """One check: what it is, in a form every tool can be told."""

    id: str
    kind: str
    column: str | None = None
    operator: str = "mustBe"
    threshold: Any = 0
    arguments: dict[str, Any] = field(default_factory=dict)
    fails: bool = False

    @property
    def condition(self) -> str:
        """SQL that is true of a violating row, for the kinds that count rows."""
        said, c = self.arguments, self.column
        if self.kind == "range":
            return f"{c} < {_sql(said['low'])} OR {c} > {_sql(said['high'])}"
        if self.kind == "length":
            return f"length({c}) < {said['low']} OR length({c}) > {said['high']}"
        if self.kind == "regex":
            return f"NOT regexp_matches({c}, '{said['pattern']}')"
        if self.kind == "cross":
            return str(said["condition"])
        raise ValueError(self.kind)

    @property
    def query(self) -> str:
        """The check as a query over `{object}`."""
        if self.kind in ("range", "length", "regex", "cross"):
            return f"SELECT count(*) FROM {{object}} WHERE {self.condition}"
        if self.kind == "aggregate":
            return f"SELECT {self.arguments['function']}({self.column}) FROM {{object}}"
        if self.kind == "distinct":
            return f"SELECT count(DISTINCT {self.column}) FROM {{object}}"
        return str(self.arguments["query"])


def _sql(value: Any) -> str:
    return f"'{value}'" if isinstance(value, str) else str(value)


def cases() -> list[Case]:
    """Return the 100 checks."""
    found: list[Case] = []

    def add(
        kind: str, column: str | None = None, fails: bool = False, op: str = "mustBe", at: Any = 0, **said: Any
    ) -> None:
        found.append(Case(f"c{len(found):03d}", kind, column, op, at, said, fails))

    for name in COLUMNS:
        add("not_null", name, fails=name == "email")
    add("unique", "order_id")
    add("unique", "order_key")
    add("in_set", "status", values=["placed", "paid", "packed", "shipped", "returned"])
    add("in_set", "country", fails=True,
        values=["GB", "FR", "DE", "ES", "IT", "NL", "BE", "PT", "IE", "AT", "CH", "PL"])  # fmt: skip
    for column, low, high, fails in (
        ("order_id", 1, 100_000_000, False), ("order_id", 0, 10_000_000, False), ("customer_id", 1, 1_000_000, False),
        ("customer_id", 0, 2_000_000, False), ("amount", 0, 10_000, True), ("amount", -1, 1_002, False),
        ("amount", -10, 100_000, False), ("amount", -100, 1_000, True), ("quantity", 1, 20, False),
        ("quantity", 0, 100, False), ("quantity", 1, 1_000, False), ("discount", 0, 1, False),
        ("discount", 0, 0.75, False), ("discount", -1, 1, False), ("created_at", "2024-01-01", "2026-01-01", False),
        ("created_at", "2023-01-01", "2027-01-01", False), ("created_at", "2020-01-01", "2030-01-01", False),
        ("updated_at", "2023-12-31", "2026-01-02", False), ("updated_at", "2023-01-01", "2027-01-01", False),
        ("updated_at", "2020-01-01", "2030-01-01", False),
    ):  # fmt: skip
        add("range", column, fails=fails, low=low, high=high)
    for column, pattern, fails in (
        ("email", r"^[^@]+@[^@]+\.[a-z]+$", True), ("email", r"^[a-z0-9._ ]+", False),
        ("email", r"(com|org|net|address)$", False), ("order_key", "^[0-9a-f]{32}$", False),
        ("order_key", "^.{32}$", False), ("order_key", "^[0-9a-f]+$", False), ("status", "^[a-z]+$", False),
        ("status", "^[a-z]{4,8}$", False), ("country", "^[A-Z]{2}$", False), ("country", "^[A-WYZ]", True),
    ):  # fmt: skip
        add("regex", column, fails=fails, pattern=pattern)
    for column, low, high in (
        ("order_key", 32, 32), ("order_key", 1, 64), ("email", 5, 80), ("email", 3, 255), ("status", 4, 8),
        ("status", 1, 20), ("country", 2, 2), ("country", 1, 3),
    ):  # fmt: skip
        add("length", column, low=low, high=high)
    for function, column, low, high, fails in (
        ("min", "order_id", 1, 2, False), ("max", "order_id", 1_000, 10_000_000, False),
        ("avg", "order_id", 0, 10_000_000, False), ("min", "customer_id", 1, 10, False),
        ("max", "customer_id", 999_000, 1_000_000, False), ("avg", "customer_id", 499_000, 501_000, False),
        ("stddev", "customer_id", 288_000, 289_500, False), ("min", "amount", 0, 5, True),
        ("max", "amount", 1_000, 1_001, False), ("avg", "amount", 500, 502, False),
        ("sum", "amount", 4_000_000_000, 6_000_000_000, False), ("stddev", "amount", 280, 300, False),
        ("min", "quantity", 1, 2, False), ("max", "quantity", 19, 20, False), ("avg", "quantity", 10, 11, False),
        ("sum", "quantity", 100_000_000, 110_000_000, False), ("stddev", "quantity", 5, 6, False),
        ("min", "discount", 0, 0.01, False), ("max", "discount", 0.45, 0.51, False),
        ("avg", "discount", 0.2, 0.3, False), ("sum", "discount", 2_000_000, 3_000_000, False),
        ("stddev", "discount", 0.1, 0.2, False), ("avg", "length(email)", 18, 30, False),
        ("max", "length(email)", 20, 40, False), ("min", "length(email)", 10, 20, False),
        ("avg", "amount * quantity", 5_000, 5_500, False), ("max", "amount * quantity", 19_000, 20_020, False),
        ("avg", "amount * (1 - discount)", 100, 200, True),
    ):  # fmt: skip
        add("aggregate", column, fails=fails, op="mustBeBetween", at=[low, high], function=function)
    add("distinct", "status", op="mustBe", at=5)
    add("distinct", "country", op="mustBe", at=13)
    add("distinct", "customer_id", op="mustBeBetween", at=[990_000, 1_000_000])
    for condition, fails in (
        ("updated_at < created_at", True), ("amount * quantity > 100000", False),
        ("status = 'returned' AND quantity < 0", False), ("is_test AND amount > 100000", False),
        ("discount > 0.9 AND amount > 500", False), ("customer_id > 1000000 AND NOT is_test", False),
        ("length(email) > 60 AND country = 'GB'", False), ("updated_at > created_at + INTERVAL 2 DAY", False),
        ("quantity = 0 AND amount > 0", False), ("amount - amount * discount < -10", False),
    ):  # fmt: skip
        add("cross", fails=fails, condition=condition)
    add("null_percent", "email", op="mustBeLessThan", at=2)
    add("null_percent", "discount", op="mustBeLessThan", at=1)
    add("reference", "customer_id")
    shares = "SELECT count(*) * 1.0 / sum(count(*)) OVER () AS share FROM {object} GROUP BY status"
    add("sql", op="mustBeLessThan", at=0.5, query=f"SELECT max(share) FROM ({shares}) s")
    add("row_count", op="mustBeBetween", at=[9_000_000, 11_000_000])
    assert len(found) == 100, len(found)
    return found


def id_of(kind: str, column: str) -> str:
    """Return the id of a check that the contract states without a rule, so without an id of its own."""
    return next(case.id for case in cases() if (case.kind, case.column) == (kind, column))


def contract(found: list[Case], database: Path) -> dict[str, Any]:
    """Return the case as one ODCS contract. Rules carry their check id as `id` and name."""
    properties = {
        name: {"name": name, "logicalType": logical, "physicalType": physical, "quality": []}
        for name, (logical, physical) in COLUMNS.items()
    }
    quality: list[dict[str, Any]] = []
    for case in found:
        rule: dict[str, Any] = {"id": case.id, "name": case.id, "type": "library"}
        own = properties[case.column]["quality"] if case.column in properties else quality
        if case.kind == "not_null":
            # `required`, not a second nullValues rule: datacontract-cli 1.2.8 names both counts alike, and then every
            # check of the table fails
            properties[case.column or ""]["required"] = True
            continue
        if case.kind == "null_percent":
            rule |= {"metric": "nullValues", case.operator: case.threshold, "unit": "percent"}
        elif case.kind == "unique":
            rule |= {"metric": "duplicateValues", "mustBe": 0}
        elif case.kind == "in_set":
            rule |= {"metric": "invalidValues", "mustBe": 0, "arguments": {"validValues": case.arguments["values"]}}
        elif case.kind == "reference":
            properties[case.column or ""]["relationships"] = [{"type": "foreignKey", "to": "customers.id"}]
            continue
        elif case.kind == "row_count":
            rule |= {"metric": "rowCount", case.operator: case.threshold}
        else:
            rule |= {"type": "sql", "query": case.query, case.operator: case.threshold}
            own = quality
            if case.kind in ("distinct", "sql") or case.column not in (*COLUMNS, None):
                # what no kept state merges to is judged over the new rows when a day joins the table
                rule["customProperties"] = [{"property": "freehold:scope", "value": "interval"}]
        own.append(rule)
    return {
        "apiVersion": "v3.1.0",
        "kind": "DataContract",
        "id": "bench.shop.orders",
        "name": "Orders of the bench",
        "version": "1.0.0",
        "status": "active",
        "servers": [{"server": "local", "type": "duckdb", "database": str(database), "schema": "main"}],
        "schema": [
            {"name": "orders", "physicalType": "table", "properties": list(properties.values()), "quality": quality},
            {
                "name": "customers",
                "physicalType": "table",
                "properties": [{"name": "id", "logicalType": "integer", "physicalType": "BIGINT"}],
            },
        ],
    }
