"""`freehold init --from-dbt`: one folder that watches, a memo that is true, and a second time that changes nothing."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from dbt_made import Made, Model

from freehold.cli import cli
from freehold.estate import load_estate


def run(*words: str) -> Result:
    """Run a command in this process."""
    return CliRunner().invoke(cli, list(words), catch_exceptions=False)


def began(project: Path) -> dict[str, Any]:
    """Start an estate from a project and return what --json says."""
    done = run("init", "--from-dbt", str(project), "--json")
    assert done.exit_code == 0, done.output
    return dict(json.loads(done.stdout))


def content(folder: Path) -> dict[str, str]:
    """Return a digest of every file of a folder, caches left out."""
    return {
        str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in sorted(folder.rglob("*"))
        if p.is_file() and ".freehold" not in p.parts
    }


def test_one_folder_is_written_and_nothing_else_touched(project: Path) -> None:
    """The project is as it was but for one folder, whose estate is valid, watches, and has nothing found fault with."""
    before = content(project)
    said = began(project)
    after = content(project)

    assert {p: d for p, d in after.items() if not p.startswith("freehold/")} == before
    assert said["files"] == sorted(said["files"], key=said["files"].index)
    assert {f"freehold/{p}" for p in said["files"]} == after.keys() - before.keys()
    estate = load_estate(project / "freehold")
    assert estate.findings == ()
    assert {p.mode for p in estate.products.values()} == {"watch"}
    assert run("-C", str(project / "freehold"), "validate").exit_code == 0


def test_products_are_chosen_by_exposures_and_groups(project: Path) -> None:
    """At most five products, each with the team of its owner and why it was chosen; staging models are none."""
    began(project)
    estate = load_estate(project / "freehold")

    assert {p.id: (p.team, [port.name for port in p.output_ports]) for p in estate.products.values()} == {
        "shop.core": ("sales-data", ["orders"]),
        "shop.finance": ("finance-data", ["daily_revenue"]),
        "shop.growth": ("growth", ["customer_revenue"]),
    }
    assert "Board pack" in (project / "freehold/finance/product.odps.yaml").read_text().splitlines()[0]


def test_contracts_hold_what_dbt_tests(project: Path) -> None:
    """Types come from the catalog, claims from tests of all rows that are errors, each with the test beside it."""
    began(project)
    estate = load_estate(project / "freehold")
    found = {p.name: p for p in estate.contracts["shop.core.orders"].objects[0].properties}
    claims = [
        line
        for line in (project / "freehold/core/contracts/orders.odcs.yaml").read_text().splitlines()
        if line.strip().startswith(("required:", "unique:", "enum:"))
    ]

    assert (found["order_id"].required, found["order_id"].unique, found["order_id"].primary_key) == (True, True, True)
    assert found["order_id"].description == "The order: its number."
    assert found["status"].enum == ("paid", "open", "it's: late")
    assert (found["amount"].logical_type, found["amount"].physical_type) == ("number", "DECIMAL(18,2)")
    assert not estate.contracts["shop.finance.daily_revenue"].objects[0].properties[1].required  # it tests some rows
    assert len(claims) == 3
    assert all("# dbt test " in line and "models/schema.yml:" in line for line in claims)


def test_a_second_time_changes_nothing(project: Path) -> None:
    """Run again, it writes nothing and says so."""
    began(project)
    before = content(project)
    done = run("init", "--from-dbt", str(project))

    assert done.exit_code == 0
    assert "Nothing was changed" in done.output
    assert content(project) == before


def test_what_a_person_edited_is_left_and_named(project: Path, made: Made) -> None:
    """An edited file and an edited memo stay as they are, a file taken away stays away, and all are named."""
    began(project)
    folder = project / "freehold"
    teams = (folder / "teams.yaml").read_text() + "# ours\n"
    (folder / "teams.yaml").write_text(teams)
    (folder / "MEMO.md").write_text("Mine.\n")
    (folder / "growth" / "contracts" / "customer_revenue.odcs.yaml").unlink()
    before = content(project)
    said = began(project)

    assert (said["files"], said["differing"], said["lacking"]) == (
        [], ["teams.yaml", "MEMO.md"], ["growth/contracts/customer_revenue.odcs.yaml"],
    )  # fmt: skip
    assert content(project) == before


def test_a_memo_nobody_edited_follows_the_project(project: Path, made: Made) -> None:
    """When the project has changed, the memo is written anew; contracts that would differ are named, not touched."""
    began(project)
    made.models["extra"] = Model("select 1 as one\n")
    made.columns["orders"]["tax"] = "DOUBLE"
    made.write(project)
    contract = (project / "freehold/core/contracts/orders.odcs.yaml").read_text()
    said = began(project)

    assert (said["files"], said["differing"]) == (["MEMO.md"], ["core/contracts/orders.odcs.yaml"])
    assert "`extra`" in (project / "freehold/MEMO.md").read_text()
    assert (project / "freehold/core/contracts/orders.odcs.yaml").read_text() == contract


def test_a_folder_that_holds_something_else_is_refused(project: Path) -> None:
    """Neither a folder with files nor the estate of something else is written into."""
    from freehold.foundation import FreeholdError

    (project / "taken").mkdir()
    (project / "taken" / "mine.txt").write_text("mine")
    run("init", str(project / "other"))
    for folder, code in (("taken", "FH-V401"), ("other", "FH-X116")):
        before = content(project)
        with pytest.raises(FreeholdError) as caught:
            run("init", str(project / folder), "--from-dbt", str(project))
        assert caught.value.code == code
        assert content(project) == before


def test_every_line_of_the_memo_can_be_looked_up(project: Path) -> None:
    """Each risk and each side of a conflict names a file that is there, and a line that says what it is about."""
    memo = began(project)["memo"]
    places = [(r["where"], r["subject"].rpartition(".")[2]) for r in memo["risks"] if r["kind"] != "failed"]
    places += [
        (side["where"], side["name"].rpartition(".")[2]) for c in memo["conflicts"] for side in (c["left"], c["right"])
    ]

    assert len(memo["risks"]) == 5
    for where, word in places:
        path, _, line = where.rpartition(":")
        text = (project / path).read_text().splitlines()[int(line) - 1]
        assert path.endswith(f"{word}.sql") or word in text or "name: leak" in text, (where, word, text)


def test_the_memo_is_true(project: Path) -> None:
    """Counts, risks and conflicts are those of the made shop, no more and no fewer."""
    memo = began(project)["memo"]

    assert memo["inventory"]["models"] == 7
    assert memo["inventory"]["by_materialization"] == {"view": 4, "table": 2, "incremental": 1}
    assert {(r["kind"], r["subject"].rpartition(".")[2]) for r in memo["risks"]} == {
        ("no test", "stg_orders"), ("reads inside", "stg_orders"), ("no contract", "stg_orders"),
        ("failed", memo["risks"][3]["subject"].rpartition(".")[2]), ("no freshness", "customers"),
    }  # fmt: skip
    assert "failed with 3 results" in memo["risks"][3]["problem"]
    assert {(c["why"], c["left"]["name"], c["right"]["name"]) for c in memo["conflicts"]} == {
        ("nearly the same name", "revenue", "total_revenue"),
        ("same meaning", "revenue", "turnover"),
        ("same name", "daily_revenue.revenue", "customer_revenue.revenue"),
    }
    assert [u["model"] for u in memo["unread"]] == ["model.shop.events", "model.shop.forgotten"]


def test_a_rollup_is_no_conflict(made: Made, tmp_path: Path) -> None:
    """An aggregate that only adds up another of its name, or computes it over another relation, is not told of."""
    made.models["monthly"] = Model("select sum(revenue) as revenue from {{ ref('daily_revenue') }}\n", access="public")
    made.models["elsewhere"] = Model("select sum(x) as revenue from {{ source('raw', 'refunds') }}\n", access="public")
    found = began(made.write(tmp_path))["memo"]["conflicts"]
    named = {side["name"] for c in found for side in (c["left"], c["right"])}

    assert "elsewhere.revenue" not in named
    assert ("daily_revenue.revenue", "monthly.revenue") not in {(c["left"]["name"], c["right"]["name"]) for c in found}


def test_aggregates_that_are_written_alike_say_what_tells_them_apart(made: Made, tmp_path: Path) -> None:
    """Two sums of one spelling over columns of which one is made of more say which columns that are."""
    made.models["net"] = Model("select order_id, amount - discount as amount from {{ ref('orders') }}\n")
    made.models["monthly"] = Model("select sum(amount) as revenue from {{ ref('net') }}\n", access="public")
    found = began(made.write(tmp_path))["memo"]["conflicts"]
    one = next(
        c for c in found if {c["left"]["name"], c["right"]["name"]} == {"daily_revenue.revenue", "monthly.revenue"}
    )

    assert {one["left"]["definition"], one["right"]["definition"]} == {
        "SUM(amount) from what both read alone", "SUM(amount) from raw.orders.discount besides",
    }  # fmt: skip


def test_without_catalog_and_results_it_says_what_it_lacks(made: Made, tmp_path: Path) -> None:
    """The manifest is enough to begin with: columns come from the SQL, and the memo says what was not looked at."""
    made.results = {}
    memo = began(made.write(tmp_path, catalog=False))["memo"]
    estate = load_estate(tmp_path / "freehold")

    assert len(memo["missing"]) == 2
    names = [p.name for p in estate.contracts["shop.finance.daily_revenue"].objects[0].properties]
    assert names == ["ordered_on", "revenue", "orders"]


def test_a_project_without_exposures_groups_or_owners(tmp_path: Path) -> None:
    """A bare project gets products from its folders, of owners to be named, and is valid."""
    made = Made(models={"a": Model("select 1 as x\n"), "b": Model("select x from {{ ref('a') }}\n", "marts/core")})
    began(made.write(tmp_path))
    estate = load_estate(tmp_path / "freehold")

    assert {p.id: p.team for p in estate.products.values()} == {"shop.core": "owners"}
    assert run("-C", str(tmp_path / "freehold"), "validate").exit_code == 0


def test_an_empty_project(tmp_path: Path) -> None:
    """A project without a model is read, and its estate is valid."""
    memo = began(Made().write(tmp_path))["memo"]

    assert (memo["risks"], memo["conflicts"], memo["unread"]) == ([], [], [])
    assert run("-C", str(tmp_path / "freehold"), "validate").exit_code == 0
