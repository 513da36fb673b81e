"""What a plan and its gate say of metrics that are defined, certified, deprecated or taken away."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from freehold.cli import cli

METRICS = "shop/orders/metrics/shop.yaml"
CERTIFIED = "    status: certified\n"
BLOCK = """  revenue:
    description: Money from orders that were not cancelled.
    includes: VAT
    excludes: cancelled orders
    expression: SUM(orders.amount)
    filter: orders.state <> 'cancelled'
    unit: GBP
    status: certified
    tests: [{between: [0, null], by: day}]
"""


def run(folder: Path, *words: str) -> Result:
    """Run a command in an estate."""
    return CliRunner().invoke(cli, ["-C", str(folder), *words])


def edit(folder: Path, name: str, old: str, new: str) -> None:
    """Change a file."""
    text = (folder / name).read_text()
    assert old in text
    (folder / name).write_text(text.replace(old, new))


def planned(folder: Path) -> dict[str, Any]:
    """Return what `freehold plan` says to machines."""
    found: dict[str, Any] = json.loads(run(folder, "plan", "--json").stdout)
    return found


@pytest.fixture
def corner(tmp_path: Path) -> Path:
    """An estate whose environment is protected, applied once; its product is of a tier that asks for no approval."""
    folder = tmp_path / "corner"
    assert CliRunner().invoke(cli, ["init", str(folder)]).exit_code == 0
    edit(folder, "estate.yaml", "prod: {connection: warehouse}", "prod: {connection: warehouse, protected: true}")
    edit(folder, "shop/orders/product.odps.yaml", "value: 2", "value: 3")
    assert run(folder, "apply", "--yes").exit_code == 0
    assert run(folder, "run").exit_code == 0
    return folder


@pytest.mark.parametrize(
    ("old", "new", "what", "status", "words"),
    [
        ("SUM(orders.amount)\n", "SUM(orders.amount * 2)\n", "changed", ["certified", "certified"], []),
        (CERTIFIED, "", "draft again", ["certified", "draft"], []),
        (CERTIFIED, "    status: deprecated\n", "deprecated", ["certified", "deprecated"], []),
        ("includes: VAT", "includes: VAT and postage", "reworded", ["certified", "certified"], ["includes"]),
        ("between: [0, null]", "between: [-9, null]", "reworded", ["certified", "certified"], ["tests"]),
    ],
    ids=["another formula", "no longer certified", "deprecated", "another promise in words", "a test that asks less"],
)
def test_a_change_of_a_certified_metric_needs_its_owner(
    corner: Path, old: str, new: str, what: str, status: list[str], words: list[str]
) -> None:
    """Whatever the tier asks for: the owner approves what a certified metric says, and that it is one."""
    edit(corner, METRICS, old, new)

    found = planned(corner)

    metric = next(m for m in found["metrics"] if m["metric"] == "shop.revenue")
    assert (metric["what"], [metric["status_before"], metric["status"]], metric["words"]) == (what, status, words)
    assert found["verdict"] == "approval needed"
    assert [(n["role"], n["product"]) for n in found["gate"]["approvals_needed"]] == [("owner", "shop.orders")]
    assert run(corner, "apply", "--yes").exit_code == 4


def test_a_plan_computes_both_definitions_where_it_is_asked_to(corner: Path) -> None:
    """Old and new numbers of the last periods stand beside each other, for people, machines and pull requests."""
    edit(corner, METRICS, "SUM(orders.amount)\n", "SUM(orders.amount * 2)\n")

    found = json.loads(run(corner, "plan", "--values", "--json").stdout)
    comment = run(corner, "plan", "--values", "--format", "markdown").stdout
    text = run(corner, "plan", "--values").stdout

    values = {one["metric"]: one["values"] for one in found["values"]}
    assert set(values) == {"shop.revenue"}
    assert values["shop.revenue"]
    assert all(one["after"] == pytest.approx(2 * one["before"]) for one in values["shop.revenue"])
    assert "| `shop.revenue` by month | before | after |" in comment
    assert "+100.0 %" in text
    assert "values" not in planned(corner)


def test_a_draft_is_changed_freely(corner: Path) -> None:
    """Where the tier asks for no approval, a draft needs none; what is said of it is nobody's business."""
    edit(corner, METRICS, "expression: cancelled / orders", "expression: 1.0 * cancelled / orders")
    edit(corner, METRICS, "description: What an order is worth.", "description: The mean worth of an order.")

    found = planned(corner)

    assert [m["metric"] for m in found["metrics"]] == ["shop.cancelled_share"]
    assert found["verdict"] == "clean"


def test_a_metric_that_is_certified_needs_its_owner(corner: Path) -> None:
    """To promise a number is a change of its own, though nothing is computed otherwise."""
    edit(
        corner, METRICS, "  orders: {expression: COUNT(orders.*), description: Orders placed; cancelled ones too.}",
        "  orders: {expression: COUNT(orders.*), description: Orders placed, includes: all, excludes: none, "
        "status: certified}",
    )  # fmt: skip

    found = planned(corner)

    assert [(m["metric"], m["what"]) for m in found["metrics"]] == [("shop.orders", "certified")]
    assert found["verdict"] == "approval needed"
    assert "metric shop.orders certified (was draft)" in run(corner, "plan").stdout


def test_a_certified_metric_that_is_asked_for_goes_in_steps(corner: Path) -> None:
    """It is deprecated first; taken away before, it is blocked by a rule that says how many it would hit."""
    assert run(corner, "query", "revenue").exit_code == 0
    for old in (BLOCK, "  average_order: {expression: SUM(orders.amount) / orders, unit: GBP, "
                "description: What an order is worth.}\n"):  # fmt: skip
        edit(corner, METRICS, old, "")

    found = planned(corner)

    assert found["verdict"] == "blocked"
    blocked = {(b["rule"], b["subject"]) for b in found["gate"]["blocked"]}
    assert blocked == {("release/certified-metric-goes-in-steps", "shop.revenue")}
    assert "1 asked for it in 30 days" in run(corner, "plan").stdout


@pytest.mark.parametrize(("sunset", "blocked"), [("2020-01-31", True), ("2999-01-31", False)])
def test_a_plan_holds_a_deprecated_metric_to_its_last_day(corner: Path, sunset: str, blocked: bool) -> None:
    """Past its sunset it is in the way of every change, with whatever stands on it; before, nothing is."""
    edit(corner, METRICS, CERTIFIED, f"    status: deprecated\n    replaced_by: net\n    sunset: {sunset}\n")
    with (corner / METRICS).open("a") as file:
        file.write("  net: {expression: SUM(orders.amount)}\n  share: {expression: revenue / net}\n")

    findings = planned(corner)["findings"]

    assert [f["code"] for f in findings] == (["FH-N420"] if blocked else [])
    if blocked:
        assert "These stand on it: `shop.share`." in findings[0]["title"]
        assert "`net` takes its place" in findings[0]["fix"]
