"""A dbt project as a team keeps it, an estate drafted from it that publishes what dbt builds, and both on disk."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from freehold.cli import cli
from freehold.engines import Engine, open_engine
from freehold.foundation import LOCAL

TOOLS = Path(__file__).parents[2] / ".tools/dbt/bin/dbt"

PROJECT = {
    "dbt_project.yml": """
name: shop
version: "1.0"
profile: shop
models:
  shop:
    staging: {+materialized: view}
    marts: {+materialized: table, +schema: marts}
snapshots:
  shop: {+schema: history}
""",
    "models/staging/stg_orders.sql": """
select order_id, customer, cast(amount as integer) as amount, status, cast(ordered_on as date) as ordered_on
from {{ ref('raw_orders') }}
""",
    "models/staging/stg_payments.sql": "select order_id, paid from {{ source('landing', 'payments') }}",
    "models/marts/orders.sql": """
select o.order_id, o.customer, o.amount, o.status, p.paid
from {{ ref('stg_orders') }} as o left join {{ ref('stg_payments') }} as p using (order_id)
""",
    "models/marts/revenue.sql": """
select customer, cast(sum(amount) as integer) as revenue from {{ ref('stg_orders') }} group by customer
""",
    "models/marts/growth.sql": """
{{ config(materialized='incremental', unique_key='order_id') }}
select order_id, amount, ordered_on, {{ "'again'" if is_incremental() else "'first'" }} as built
from {{ ref('stg_orders') }}
{% if is_incremental() %}where ordered_on > (select max(ordered_on) from {{ this }}){% endif %}
""",
    "snapshots/statuses.sql": """
{% snapshot statuses %}
{{ config(unique_key='order_id', strategy='check', check_cols=['status']) }}
select order_id, status from {{ ref('stg_orders') }}
{% endsnapshot %}
""",
    "tests/revenue_is_whole.sql": """
select 1 as found from {{ ref('revenue') }} having sum(revenue) <> (select sum(amount) from {{ ref('stg_orders') }})
""",
    "models/schema.yml": """
version: 2
sources:
  - name: landing
    tables: [{name: payments}]
groups:
  - name: finance
    owner: {name: Finance team, email: finance@example.com}
models:
  - name: stg_orders
    columns:
      - name: order_id
        data_tests: [unique, not_null]
      - name: status
        data_tests:
          - accepted_values: {arguments: {values: [paid, open]}, config: {severity: warn}}
  - name: orders
    group: finance
    access: public
    columns:
      - name: order_id
        data_tests:
          - relationships: {arguments: {to: ref('stg_orders'), field: order_id}}
  - name: revenue
    group: finance
    access: public
    config: {contract: {enforced: true}}
    columns:
      - {name: customer, data_type: varchar, data_tests: [not_null]}
      - {name: revenue, data_type: integer}
  - {name: growth, group: finance, access: public}
exposures:
  - name: board
    label: Board pack
    type: dashboard
    owner: {name: Ana}
    depends_on: [ref('revenue'), ref('orders'), ref('growth')]
""",
}
ORDERS = (
    ("1", "ada", "100", "paid", "2026-01-01"),
    ("2", "bob", "200", "open", "2026-01-02"),
    ("3", "ada", "50", "paid", "2026-01-03"),
)


@dataclass
class RealShop:
    """The project with its estate, in a folder that may be copied. `url` is of the warehouse."""

    root: Path
    url: str

    @property
    def project(self) -> Path:
        """The folder of the dbt project."""
        return self.root / "shop"

    @property
    def estate(self) -> Path:
        """The folder of the estate."""
        return self.project / "freehold"

    def write(self, path: str, text: str) -> None:
        """Write a file of the project."""
        file = self.project / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text.lstrip("\n"))

    def change(self, path: str, old: str, new: str) -> None:
        """Change a text in a file, which must be there, of the project; or of the estate, with `estate:` before it."""
        file = self.estate / path.removeprefix("estate:") if path.startswith("estate:") else self.project / path
        text = file.read_text()
        assert old in text, text
        file.write_text(text.replace(old, new))

    def orders(self, *rows: tuple[str, ...]) -> None:
        """Write the seed."""
        lines = [",".join(row) for row in (("order_id", "customer", "amount", "status", "ordered_on"), *rows)]
        self.write("seeds/raw_orders.csv", "\n".join(lines) + "\n")

    def __call__(self, *words: str, code: int | None = None) -> Result:
        """Run a command of Freehold; with a code, it must end with that."""
        done = CliRunner().invoke(cli, ["-C", str(self.estate), *words])
        if code is not None:
            assert done.exit_code == code, (done.output, done.exception)
        return done

    def said(self, *words: str, code: int = 0) -> dict[str, Any]:
        """Return what a command says as JSON."""
        return dict(json.loads(self(*words, "--json", code=code).stdout))

    def engine(self) -> Engine:
        """Open the warehouse."""
        return open_engine(self.url, root=str(self.estate))

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Return the rows of a query."""
        engine = self.engine()
        session = engine.session(LOCAL)
        try:
            return session.rows(query)
        finally:
            session.close()
            engine.close()

    def execute(self, *statements: str) -> None:
        """Run statements."""
        engine = self.engine()
        session = engine.session(LOCAL)
        for statement in statements:
            session.run(statement)
        session.close()
        engine.close()

    def left_over(self) -> list[str]:
        """Return the schemas of candidates that are still there."""
        found = self.rows("SELECT schema_name FROM information_schema.schemata")
        return [name for (name,) in found if name.startswith("freehold_") and name != "freehold_data"]

    def steps(self, *words: str, code: int = 0) -> dict[str, str]:
        """Return how each step of a run ended that was not told before."""
        return {s["asset"]: s["status"] for s in self.said("run", *words, code=code)["steps"] if not s["repeated"]}


def dbt_here() -> Path:
    """Return the dbt that tests call; skip the test where there is none."""
    named = os.environ.get("FREEHOLD_DBT")
    found = Path(named) if named else TOOLS
    if not found.exists():
        pytest.skip(f"there is no dbt at {found}: `make test-dbt` installs it, FREEHOLD_DBT names another")
    return found


def make(root: Path, url: str, adapter: str) -> RealShop:
    """Write the project, let its team build it with dbt as ever, and draft an estate from it that publishes."""
    dbt = dbt_here()
    shop = RealShop(root, url)
    for path, text in PROJECT.items():
        shop.write(path, text)
    shop.orders(*ORDERS)
    shop.execute(
        "CREATE SCHEMA landing",
        "CREATE TABLE landing.payments AS SELECT 1 AS order_id, true AS paid UNION ALL SELECT 2, false",
    )
    output = {"type": adapter, "schema": "main" if adapter == "duckdb" else "public", "threads": 2, **_output(shop)}
    profiles = root / "profiles"
    profiles.mkdir()
    (profiles / "profiles.yml").write_text(json.dumps({"shop": {"target": "dev", "outputs": {"dev": output}}}))
    for words in (["build"], ["docs", "generate"]):
        subprocess.run(
            [str(dbt), *words, "--profiles-dir", str(profiles)],
            cwd=shop.project,
            check=True,
            capture_output=True,
            env={**os.environ, "DBT_SEND_ANONYMOUS_USAGE_STATS": "false"},
        )
    done = CliRunner().invoke(cli, ["init", "--from-dbt", str(shop.project)], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    shop.change("estate:estate.yaml", "target: target", f"command: {dbt}")
    shop.change("estate:estate.yaml", "duckdb:///.freehold/warehouse.db", url)
    shop.change("estate:estate.yaml", "protected: true", "protected: false")
    for file in shop.estate.rglob("product.odps.yaml"):
        file.write_text(
            file.read_text().replace("value: watch", "value: publish").replace("status: draft", "status: active")
        )
    return shop


def _output(shop: RealShop) -> dict[str, Any]:
    from freehold.connect.dbt.profile import Connection, _duckdb, _postgres

    connection = Connection(shop.url, shop.estate)
    made = _duckdb if shop.url.startswith("duckdb") else _postgres
    output, _ = made(connection)
    return {**output, **({"password": "none"} if "password" in output else {})}
