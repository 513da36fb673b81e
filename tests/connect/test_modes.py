"""Commands beside a dbt project: what is compared with what, and how far Freehold goes in each mode."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import duckdb
import pytest
from click.testing import CliRunner, Result
from dbt_made import Made

from freehold.cli import cli
from freehold.foundation import FreeholdError

# Nobody lists the columns of the source, so `where amount >= 0` may mean the new amount: rows, to be safe.
EXPENSIVE = (
    *("shop.stg_orders", "shop.core.orders", "shop.events", "shop.finance.daily_revenue"),
    "shop.growth.customer_revenue",
)


def run(folder: Path, *words: str) -> Result:
    """Run a command in the estate of a project."""
    return CliRunner().invoke(cli, ["-C", str(folder / "freehold"), *words], catch_exceptions=False)


def planned(folder: Path, *words: str, code: int = 0) -> dict[str, Any]:
    """Return what `freehold plan --json` says."""
    done = run(folder, "plan", "--json", *words)
    assert done.exit_code == code, done.output
    return dict(json.loads(done.stdout))


def changes(said: dict[str, Any]) -> dict[str, str]:
    """Return the class of each asset that a plan calls changed."""
    return {change["asset"]: change["change"] for change in said["changes"]}


@pytest.fixture
def watched(project: Path) -> Path:
    """Return a project with an estate that watches it."""
    CliRunner().invoke(cli, ["init", "--from-dbt", str(project)], catch_exceptions=False)
    return project


def mode(folder: Path, said: str, url: str = "") -> None:
    """Set the mode of every product, and the warehouse."""
    for file in (folder / "freehold").rglob("product.odps.yaml"):
        file.write_text(file.read_text().replace("value: watch}", f"value: {said}}}"))
    if url:
        file = folder / "freehold" / "estate.yaml"
        file.write_text(file.read_text().replace("duckdb:///.freehold/warehouse.db", url))


def more_expensive(made: Made) -> Made:
    """Change a macro, so that amounts are others everywhere."""
    made.macros["cents"] = "{% macro cents(c) %}({{ c }} / 10.0){% endmacro %}"
    return made


def test_run_keeps_what_dbt_has_built_and_builds_nothing(watched: Path, made: Made) -> None:
    """A run over watched products makes no warehouse; the next plan compares with the artifacts it kept."""
    done = run(watched, "run")
    more_expensive(made).write(watched)
    said = planned(watched)

    assert done.exit_code == 0
    assert "Nothing to build: 3 products in mode watch" in done.output
    assert not list((watched / "freehold").rglob("*.db"))
    assert "what dbt had built of shop" in said["against"]
    assert changes(said) == dict.fromkeys(EXPENSIVE, "rows")


def test_a_run_that_keeps_nothing_new_leaves_nothing_changed(watched: Path) -> None:
    """Kept and compared with itself, nothing changes; without anything kept, the plan says that it knows of nothing."""
    first = run(watched, "plan")
    run(watched, "run")

    assert "No earlier artifacts of the dbt project shop are known" in first.output
    assert changes(planned(watched)) == {}


def test_artifacts_of_the_base_are_named(watched: Path, made: Made, tmp_path: Path) -> None:
    """`--base-dbt` compares with a folder of artifacts, in another schema and of an older dbt."""
    made.schema = "pr_7"
    base = made.write_artifacts(tmp_path / "base", 10)

    assert changes(planned(watched, "--base-dbt", str(base))) == {}
    more_expensive(made).write_artifacts(tmp_path / "base", 11)
    said = planned(watched, "--base-dbt", str(base))
    assert (len(said["changes"]), said["against"].startswith("dbt artifacts in")) == (5, True)


def test_artifacts_of_another_project_are_refused(watched: Path, tmp_path: Path) -> None:
    """Artifacts of a project that is not watched are no base."""
    with pytest.raises(FreeholdError) as caught:
        run(watched, "plan", "--base-dbt", str(Made(name="other").write_artifacts(tmp_path / "other")))

    assert (caught.value.code, caught.value.exit_code) == ("FH-X115", 2)


def test_artifacts_that_are_committed_are_found_in_the_base(watched: Path, made: Made) -> None:
    """`--base` finds artifacts in the revision, where the repository holds them."""
    git = ["git", "-C", str(watched), "-c", "user.name=t", "-c", "user.email=t@example.com"]
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "all"]):
        subprocess.run([*git, *words], check=True, capture_output=True)
    more_expensive(made).write(watched)
    said = planned(watched, "--base", "HEAD")

    assert "dbt artifacts of " in said["against"]
    assert len(said["changes"]) == 5


@pytest.mark.parametrize(("said", "code"), [("watch", 0), ("advise", 0), ("check", 1)], ids=str)
def test_what_a_plan_finds_blocks_only_products_that_are_checked(
    said: str, code: int, watched: Path, made: Made
) -> None:
    """A promised column that goes is told in every mode, and blocks where the product is checked."""
    run(watched, "run")
    mode(watched, said)
    daily = made.models["daily_revenue"]
    daily.sql = daily.sql.replace(", count(*) as orders", "")
    made.write(watched)
    found = planned(watched, code=code)
    shown = run(watched, "plan", "--format", "markdown")

    told = [f["code"] for f in (found["findings"] if code else found["advice"])]
    assert told == ["FH-M016"]
    assert ("blocked" in shown.output) is bool(code)
    assert ("**Advice**" in shown.output) is not bool(code)


def test_check_judges_what_dbt_wrote(watched: Path, tmp_path: Path) -> None:
    """In mode check the contract is judged against the relation that dbt's own run wrote; in mode watch nothing is."""
    with duckdb.connect(str(tmp_path / "w.db")) as connection:
        connection.execute(
            "CREATE TABLE orders AS SELECT i AS order_id, i AS customer_id, 'n' AS name, 1::DECIMAL(18, 2) AS amount, "
            "0.0::DOUBLE AS discount, CASE i WHEN 3 THEN 'lost' ELSE 'paid' END AS status, "
            "DATE '2026-01-01' AS ordered_on FROM range(5) t(i)"
        )
    left = run(watched, "check")
    mode(watched, "check", f"duckdb:///{tmp_path}/w.db")
    judged = run(watched, "check", "--json")
    bad = [c["check"] for c in json.loads(judged.stdout)["checks"] if c["verdict"] == "fail"]
    nothing = run(watched, "run", "--json")

    assert (left.exit_code, "only watches or advises" in left.output) == (0, True)
    assert judged.exit_code == 1
    assert bad == ["shop.core.orders.status:in_set"]
    assert json.loads(nothing.stdout)["steps"] == []


def test_lineage_goes_through_dbt_models(watched: Path) -> None:
    """A column of a drafted product is followed through observed models to its source, with file and line."""
    done = run(watched, "lineage", "daily_revenue.revenue", "--json")
    edges = [(e["source"]["asset"], e["source"]["column"], e["where"]) for e in json.loads(done.stdout)["edges"]]

    assert [e[:2] for e in edges] == [
        ("shop.core.orders", "amount"), ("shop.stg_orders", "amount"), ("raw.orders", "amount"),
    ]  # fmt: skip
    assert edges[0][2].startswith("../models/marts/finance/daily_revenue.sql:1")


def test_status_calls_them_watched(watched: Path) -> None:
    """Nothing stands between a watched product and its consumers, and status says so."""
    done = run(watched, "status", "--json")

    assert {p["safe"] for p in json.loads(done.stdout)["products"]} == {"watched"}
