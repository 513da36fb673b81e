"""`freehold lineage`: what people and machines are told."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

MODEL = """select cast(ordered_at as date) as day, sum(amount) as revenue, count(distinct md5(customer)) as customers
from {{ ref('orders') }} where state <> 'cancelled' group by 1
"""


def freehold(*words: str, at: Path) -> subprocess.CompletedProcess[str]:
    """Run the command line as a process of its own, in a folder."""
    command = [sys.executable, "-c", "from freehold.cli import main; main()", *words]
    return subprocess.run(command, cwd=at, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def estate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A shop as `freehold init` makes it, with a model more, that nobody ever ran."""
    root = tmp_path_factory.mktemp("lineage")
    assert freehold("init", "shop", at=root).returncode == 0
    (root / "shop/shop/orders/models/daily.sql").write_text(MODEL)
    return root / "shop"


def test_a_tree_for_people(estate: Path) -> None:
    """Each line names a column, what is done to it, and where."""
    done = freehold("lineage", "daily.revenue", at=estate)

    assert done.returncode == 0
    assert done.stdout.splitlines() == [
        "shop.orders.daily.revenue",
        "└─ shop.orders.orders.amount  aggregated  shop/orders/models/daily.sql:1:53",
        "   └─ shop.orders.raw_orders.amount  as it is  shop/orders/models/orders.sql:6:5",
    ]
    assert not (estate / ".freehold" / "state.db").exists()  # it asks neither ledger nor warehouse


def test_an_object_for_machines(estate: Path) -> None:
    """Edges as OpenLineage's facet spells them, and what decides over rows."""
    done = freehold("lineage", "daily.customers", "--json", at=estate)

    said = json.loads(done.stdout)
    assert said["of"] == ["shop.orders.daily.customers"]
    assert next((e["source"]["column"], e["transformations"]) for e in said["edges"]) == (
        "customer",
        [{"type": "DIRECT", "subtype": "AGGREGATION", "masking": True}],
    )
    assert {(d["source"]["column"], d["subtype"]) for d in said["decides"]} == {
        ("state", "FILTER"),
        ("ordered_at", "GROUP_BY"),
    }


def test_a_flowchart_for_pages(estate: Path) -> None:
    """Mermaid: one group an asset, one arrow an edge."""
    drawn = freehold("lineage", "raw_orders.amount", "--down", "--format", "mermaid", at=estate).stdout

    assert drawn.startswith("flowchart LR\n")
    assert '  subgraph shop_orders_daily["shop.orders.daily"]' in drawn
    assert "  shop_orders_orders_amount -- aggregated --> shop_orders_daily_revenue" in drawn


def test_a_whole_asset_is_one_step(estate: Path) -> None:
    """Without a column, each column with what it comes from at once."""
    lines = freehold("lineage", "daily", at=estate).stdout.splitlines()

    assert [line for line in lines if not line.startswith(("└", "├", " "))] == [
        "shop.orders.daily.day",
        "shop.orders.daily.revenue",
        "shop.orders.daily.customers",
    ]
    assert not any("raw_orders" in line for line in lines)


def test_a_name_that_is_none(estate: Path) -> None:
    """An error of usage with the near match."""
    done = freehold("lineage", "daily.revenu", at=estate)

    assert done.returncode == 2
    assert done.stderr.startswith("FH-D208")
    assert "Did you mean `revenue`?" in done.stderr
