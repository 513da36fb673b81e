"""What a run and a clean-up may not do by themselves, and what a plan says of metrics."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import duckdb
import pytest
from click.testing import CliRunner, Result

from freehold.cli import cli
from freehold.foundation import FreeholdError, Problems

MODEL, CONTRACT = "shop/orders/models/orders.sql", "shop/orders/contracts/orders.odcs.yaml"
METRICS = "shop/orders/metrics/shop.yaml"


def run(folder: Path, *words: str) -> Result:
    """Run a command in an estate."""
    return CliRunner().invoke(cli, ["-C", str(folder), *words])


def codes(done: Result) -> set[str]:
    """Return the codes of the errors a command ended with."""
    error = done.exception
    return {e.code for e in error.errors} if isinstance(error, Problems) else {getattr(error, "code", "")}


def edit(folder: Path, name: str, old: str, new: str) -> None:
    """Change a file."""
    text = (folder / name).read_text()
    assert old in text
    (folder / name).write_text(text.replace(old, new))


def said(done: Result) -> dict[str, Any]:
    """Return the object a command printed."""
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.fixture
def corner(tmp_path: Path) -> Path:
    """The estate that `freehold init` writes, run once; its environment is not protected."""
    folder = tmp_path / "corner"
    assert CliRunner().invoke(cli, ["init", str(folder)]).exit_code == 0
    assert run(folder, "run").exit_code == 0
    return folder


def without_customer(folder: Path) -> None:
    """Take a column away that consumers were promised."""
    model = folder / MODEL
    model.write_text("".join(line for line in model.read_text().splitlines(True) if "customer" not in line))
    contract = folder / CONTRACT
    contract.write_text(
        "".join(line for line in contract.read_text().splitlines(True) if "name: customer," not in line)
    )


def test_a_run_puts_no_broken_promise_in_force(corner: Path) -> None:
    """A column that is promised and taken away is refused as `plan` refuses it, and readers keep it."""
    without_customer(corner)

    done = run(corner, "run")

    assert isinstance(done.exception, FreeholdError)
    assert "FH-V501" in codes(done)
    with duckdb.connect(str(corner / ".freehold/warehouse.db")) as connection:
        assert connection.execute("SELECT count(customer) FROM shop_orders.orders").fetchall()[0][0] > 0


def test_a_new_major_version_waits_to_be_applied_and_holds_nothing_up(corner: Path) -> None:
    """It is published whole by `apply`. Until then what is live is judged as it was applied, and new data comes."""
    without_customer(corner)
    edit(corner, CONTRACT, "version: 1.0.0", "version: 2.0.0")
    status = run(corner, "status")
    days = sorted((corner / "landing/orders").iterdir())
    newest = days[-1].stem
    rows = days[-1].read_text().replace(newest, "2020-01-01").replace(newest.replace("-", ""), "20200101")
    days[-1].with_name("2020-01-01.csv").write_text(rows)

    done = run(corner, "run", "--json")

    assert "waits to be applied" in status.stderr
    assert "yes" in status.stdout
    assert "waits to be applied" in done.stderr
    assert done.exit_code == 0, done.output
    assert {step["asset"] for step in said(done)["steps"]} == {"shop.orders.raw_orders", "shop.orders.orders"}
    assert run(corner, "apply", "--yes").exit_code == 0
    after = run(corner, "run")
    assert (after.exit_code, "waits to be applied" in after.stderr) == (0, False)


def test_lineage_of_an_output_is_that_of_its_version_of_today(corner: Path) -> None:
    """By the name that files give it, before a new major version is applied and after."""
    edit(corner, CONTRACT, "version: 1.0.0", "version: 2.0.0")

    before = said(run(corner, "lineage", "shop.orders.orders.amount", "--json"))
    assert run(corner, "apply", "--yes").exit_code == 0
    after = said(run(corner, "lineage", "orders.amount", "--json"))

    assert before == after
    assert before["of"] == ["shop.orders.orders_v2.amount"]
    assert [edge["source"]["asset"] for edge in before["edges"]] == ["shop.orders.raw_orders"]


def test_metrics_go_on_after_a_new_major_version(corner: Path) -> None:
    """A metric reads the version of today, whatever that is called in the warehouse."""
    before = said(run(corner, "query", "revenue", "--json"))["rows"]
    edit(corner, CONTRACT, "version: 1.0.0", "version: 2.0.0")
    assert run(corner, "apply", "--yes").exit_code == 0

    after = said(run(corner, "query", "revenue", "--json"))

    assert before == after["rows"]
    assert [s["asset"] for s in after["sources"]] == ["shop.orders.orders_v2"]
    assert run(corner, "validate").exit_code == 0


def test_what_is_retired_goes_by_what_is_applied(corner: Path) -> None:
    """Files that are missing in the working folder take nothing from readers."""
    for name in (MODEL, CONTRACT, METRICS):
        (corner / name).unlink()
    product = corner / "shop/orders/product.odps.yaml"
    text = product.read_text()
    product.write_text(text[: text.index("outputPorts:")] + text[text.index("team:") :])
    assert run(corner, "validate").exit_code == 0

    done = run(corner, "collect", "--retired", "--json")

    assert said(done)["retired"] == {}


def test_a_plan_names_metrics_that_change(corner: Path) -> None:
    """Those whose columns change are reached; those defined otherwise are shown, with what stands on them."""
    edit(corner, METRICS, "filter: orders.state <> 'cancelled'", "filter: orders.state = 'paid'")
    edit(corner, METRICS, "expression: cancelled / orders", "expression: 1.0 * cancelled / orders")

    found = said(run(corner, "plan", "--json"))
    text = run(corner, "plan").stdout

    assert [(m["metric"], m["certified"]) for m in found["metrics"]] == [
        ("shop.revenue", True),
        ("shop.cancelled_share", False),
    ]
    assert "+ SUM(orders.amount) where orders.state = 'paid'" in text
    assert "No data changes" in text


def test_a_plan_names_metrics_whose_columns_change(corner: Path) -> None:
    """A change of a model that changes a column names the metrics that are made of it."""
    edit(corner, MODEL, "    amount,", "    amount * 2 as amount,")

    reached = {d["id"] for d in said(run(corner, "plan", "--json"))["dashboards"]}

    assert {"metric:shop.revenue", "metric:shop.average_order"} <= reached
    assert "metric:shop.cancelled" not in reached


def test_a_plan_is_blocked_where_a_metric_can_no_longer_be_computed(corner: Path) -> None:
    """A name in a metric that leads nowhere is a finding of the plan, told once."""
    edit(corner, METRICS, "SUM(orders.amount)\n", "SUM(orders.amont)\n")

    done = run(corner, "plan", "--json")

    assert done.exit_code == 1
    assert [f["code"] for f in said(done)["findings"]] == ["FH-N301"]
