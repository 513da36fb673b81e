"""Dashboards on the command line: listed, in lineage and plan, doubted by validate."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

LISTED = """dashboard,name,owner,viewers,reads,column
board-pack,Board pack,finance,41,shop.orders.daily,revenue
board-pack,,,,shop_orders.orders,state
ops,Operations wall,,7,shop_orders.daily,day
ops,,,,shop_orders.dayly,day
"""
MODEL = """select cast(ordered_at as date) as day, sum(amount) as revenue
from {{ ref('orders') }} where state <> 'cancelled' group by 1
"""
BOARD = "Board pack (41 viewers, owner finance)"


def freehold(*words: str, at: Path) -> subprocess.CompletedProcess[str]:
    """Run the command line as a process of its own, in a folder."""
    command = [sys.executable, "-c", "from freehold.cli import main; main()", *words]
    environ = {**os.environ, "COLUMNS": "200"}
    return subprocess.run(command, cwd=at, capture_output=True, text=True, check=False, env=environ)


@pytest.fixture
def estate(tmp_path: Path) -> Path:
    """A shop as `freehold init` makes it, in git, with a model more and a list of dashboards."""
    assert freehold("init", "shop", at=tmp_path).returncode == 0
    root = tmp_path / "shop"
    (root / "shop/orders/models/daily.sql").write_text(MODEL)
    (root / "bi").mkdir()
    (root / "bi/dashboards.csv").write_text(LISTED)
    with (root / "estate.yaml").open("a") as file:
        file.write("  dashboards: [bi/dashboards.csv]\n")
    git = ("git", "-c", "user.name=t", "-c", "user.email=t@t.example")
    for words in (("init", "-q", "-b", "main"), ("add", "-A"), ("commit", "-qm", "first")):
        subprocess.run([*git, *words], cwd=root, check=True, capture_output=True)
    return root


def test_they_are_listed(estate: Path) -> None:
    """The most looked at first, with what they read and what was not found."""
    done = freehold("dashboards", "list", at=estate)

    assert done.returncode == 0
    assert [" ".join(line.split()) for line in done.stdout.splitlines()[2:]] == [
        "Board pack dashboard csv 41 finance shop.orders.daily (revenue), shop.orders.orders (state)",
        "Operations wall dashboard csv 7 shop.orders.daily (day)",
    ]
    assert "FH-X210  bi/dashboards.csv:5:1" in done.stderr
    assert "1 reading unresolved." in done.stderr


def test_they_are_listed_for_machines(estate: Path) -> None:
    """With columns apart, and all that is unresolved."""
    said = json.loads(freehold("dashboards", "list", "--json", at=estate).stdout)

    assert [(d["id"], d["viewers"], d["reads"]) for d in said["dashboards"]] == [
        (
            *("board-pack", 41),
            [
                {"asset": "shop.orders.daily", "columns": ["revenue"]},
                {"asset": "shop.orders.orders", "columns": ["state"]},
            ],
        ),
        ("ops", 7, [{"asset": "shop.orders.daily", "columns": ["day"]}]),
    ]
    assert [error["code"] for error in said["unresolved"]] == ["FH-X210"]
    assert said["errors"] == []


def test_what_they_name_in_vain_is_a_warning(estate: Path) -> None:
    """Validate says it and ends well: a file of somebody else's tool must not stop a change."""
    done = freehold("validate", at=estate)
    said = json.loads(freehold("validate", "--json", at=estate).stdout)

    assert done.returncode == 0
    assert "Did you mean `shop_orders.daily` or" in done.stderr
    assert "1 warning about dashboards." in done.stderr
    assert ([w["code"] for w in said["warnings"]], said["findings"]) == (["FH-X210"], [])


def test_a_file_that_cannot_be_read_is_a_finding(estate: Path) -> None:
    """Validate ends with 1, and a plan says that it does not know whom it reaches."""
    (estate / "bi/dashboards.csv").write_text("dashbord\n")

    done, planned = freehold("validate", at=estate), freehold("plan", at=estate)

    assert (done.returncode, planned.returncode) == (1, 0)
    assert "FH-X204  bi/dashboards.csv:1:1" in done.stderr
    assert "Not known whom this reaches: The list has no column `dashboard`." in planned.stdout


def test_lineage_leads_to_them(estate: Path) -> None:
    """As text, as JSON, and drawn; metrics are among those that read."""
    text = freehold("lineage", "raw_orders.amount", "--down", at=estate).stdout
    said = json.loads(freehold("lineage", "raw_orders.amount", "--down", "--json", at=estate).stdout)
    drawn = freehold("lineage", "daily.revenue", "--down", "--format", "mermaid", at=estate).stdout

    assert "└─ Board pack  dashboard, 41 viewers, owner finance  bi/dashboards.csv:2:1" in text
    assert "metric revenue  certified, owner shop-data  shop/orders/metrics/shop.yaml:" in text
    by_tool = {d["id"]: d["reads"] for d in said["dashboards"]}
    assert by_tool["board-pack"] == [{"asset": "shop.orders.daily", "column": "revenue"}]
    assert by_tool["metric:shop.revenue"] == [{"asset": "shop.orders.orders", "column": "amount"}]
    assert drawn.splitlines() == [
        "flowchart LR",
        '  subgraph shop_orders_daily["shop.orders.daily"]',
        '    shop_orders_daily_revenue["revenue"]',
        "  end",
        '  reads_board_pack(["Board pack"])',
        "  shop_orders_daily_revenue --> reads_board_pack",
    ]


def test_lineage_upwards_has_none(estate: Path) -> None:
    """They read; nothing comes from them."""
    done = freehold("lineage", "daily.revenue", at=estate)
    said = json.loads(freehold("lineage", "daily.revenue", "--json", at=estate).stdout)

    assert "Board pack" not in done.stdout
    assert said["dashboards"] == []


def test_a_plan_begins_with_them(estate: Path) -> None:
    """Before the table: who looks at what breaks; the same in the comment of a pull request."""
    model = estate / "shop/orders/models/daily.sql"
    model.write_text(MODEL.replace("as revenue", "as income"))

    text = freehold("plan", at=estate)
    comment = freehold("plan", "--format", "markdown", at=estate).stdout
    said = json.loads(freehold("plan", "--json", at=estate).stdout)

    assert text.stdout.splitlines()[1] == f"{BOARD} breaks: it reads revenue of daily (now income)"
    assert comment.splitlines()[2] == (
        "- **Board pack** (41 viewers, owner finance) breaks: it reads `revenue` of `daily` (now `income`)"
    )
    assert [(d["id"], d["verdict"]) for d in said["dashboards"]] == [("board-pack", "breaks")]
    assert "Operations wall" not in comment
