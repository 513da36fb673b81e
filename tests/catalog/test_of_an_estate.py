"""The catalog of real files: what `freehold init` writes, changed, run and searched from the command line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from heard import SPACE, run, sealed
from listings import content

from freehold.catalog import Catalog, Key, Question
from freehold.cli import cli
from freehold.connect.listing import listed
from freehold.estate import load_estate
from freehold.foundation import FreeholdError, Problems
from freehold.opening import opened_ledger

DAILY = """select cast(ordered_at as date) as day, sum(amount) as revenue
from {{ ref('orders') }}
where state <> 'cancelled'
group by 1
"""


def call(estate: Path, *arguments: str) -> Result:
    """Run a command on an estate."""
    return CliRunner().invoke(cli, ["-C", str(estate), *arguments])


def asked(estate: Path, *arguments: str) -> dict[str, Any]:
    """Return the object that a command prints."""
    found = call(estate, *arguments, "--json")
    assert found.exit_code in (0, 1), found.output
    return dict(json.loads(found.stdout))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The estate that `freehold init` writes, run once."""
    folder = tmp_path_factory.mktemp("estates") / "shop"
    assert CliRunner().invoke(cli, ["init", str(folder)]).exit_code == 0
    assert call(folder, "run").exit_code == 0
    return folder


@pytest.fixture
def shop(made: Path, tmp_path: Path) -> Path:
    """A copy of that estate with a model more."""
    import shutil

    folder = tmp_path / "shop"
    shutil.copytree(made, folder)
    (folder / "shop/orders/models/daily.sql").write_text(DAILY)
    return folder


@pytest.fixture
def catalog(shop: Path) -> Iterator[Catalog]:
    """The catalog of the shop, by its files."""
    with Catalog(shop) as opened:
        opened.update(listed(load_estate(shop), "prod", "duckdb"))
        yield opened


def test_files_are_listed_with_what_they_say(catalog: Catalog) -> None:
    """Products, assets, metrics, KPIs and teams are entries, each with its owner, state and place."""
    found = catalog.search(Question("orders"))
    hits = {hit.key: hit for hit in found.hits}
    table = hits[Key("asset", "shop.orders.orders")]

    assert {"product", "asset", "metric"} <= set(found.kinds)
    assert (table.owner, table.domain, table.product) == ("shop-data", "shop", "shop.orders")
    assert "order_id" in table.columns
    assert catalog.search(Question("revenue")).hits[0].key == Key("metric", "shop.revenue")
    assert catalog.search(Question("shop_orders.orders")).total > 0


def test_columns_lead_through_models_to_metrics(catalog: Catalog) -> None:
    """Lineage is that of `freehold lineage`, metrics at its end."""
    reached = catalog.reach(catalog.find("raw_orders.amount"))
    names = [{str(node) for node in hop.nodes} for hop in reached.hops]

    assert names[0] == {"shop.orders.orders.amount"}
    assert {"shop.orders.daily.revenue", "shop.revenue"} <= names[1]
    assert catalog.reach(catalog.find("raw_orders.state")).count < catalog.reach(
        catalog.find("raw_orders.state"), indirect=True
    ).count  # fmt: skip


def test_what_the_catalog_says_of_lineage_is_what_lineage_says(shop: Path, catalog: Catalog) -> None:
    """Every column that `freehold lineage --down` names is reached, at the same distance."""
    said = asked(shop, "lineage", "raw_orders.amount", "--down")
    ours = catalog.reach(catalog.find("shop.orders.raw_orders.amount"), depth=30)
    columns = {(str(n), n.hop) for hop in ours.hops for n in hop.nodes if n.key.kind == "asset"}

    assert columns == {
        (f"{e['target']['asset']}.{e['target']['column']}", e["distance"]) for e in said["edges"]
    }  # fmt: skip


@pytest.mark.parametrize(
    ("path", "old", "new"),
    [
        pytest.param("shop/orders/product.odps.yaml", "name: Orders", "name: Purchases", id="a product"),
        pytest.param("shop/orders/models/daily.sql", "sum(amount)", "sum(amount + 1)", id="a model"),
        pytest.param("shop/orders/models/daily.sql", "sum(amount)", "count(distinct state)", id="lineage"),
        pytest.param("shop/orders/metrics/shop.yaml", "status: certified", "status: draft", id="a metric"),
        pytest.param("teams.yaml", "shop-data", "shop-data", id="nothing"),
        pytest.param("shop/orders/contracts/orders.odcs.yaml", "description:", "description: New;", id="a contract"),
    ],
)
def test_one_changed_file_gives_what_a_rebuild_gives(
    shop: Path, catalog: Catalog, path: str, old: str, new: str
) -> None:
    """After any change of a file an update leaves the very catalog that a rebuild makes."""
    file = shop / path
    file.write_text(file.read_text().replace(old, new, 1))
    catalog.update(listed(load_estate(shop), "prod", "duckdb"))
    stepped = content(shop)
    catalog.rebuild(listed(load_estate(shop), "prod", "duckdb"))

    assert content(shop) == stepped


def test_a_badge_certifies_what_passes_its_rules(shop: Path) -> None:
    """An asset that passed a rule set with a badge is certified by it, and stands before what did not."""
    (shop / "gold.yaml").write_text(
        "apiVersion: freehold.dev/v1\nkind: RuleSet\nmetadata: {id: gold}\nspec:\n  subject: asset\n  badge: true\n"
        "  rules:\n    - {id: output, check: is_output_port, remedy: Promise it.}\n"
    )
    before = asked(shop, "search", "orders", "--kind", "asset")["hits"]
    asked(shop, "rules", "run")
    found = asked(shop, "search", "orders", "--kind", "asset")["hits"]

    assert "gold" not in {badge for hit in before for badge in hit["certified_by"]}
    assert {hit["id"]: "gold" in hit["certified_by"] for hit in found} == {
        "shop.orders.orders": True, "shop.orders.raw_orders": False, "shop.orders.daily": False,
    }  # fmt: skip
    assert found[0]["id"] == "shop.orders.orders"


def test_search_from_the_command_line(shop: Path) -> None:
    """`freehold search` brings the catalog up to date by itself, says why, and ends with 1 where nothing is found."""
    found = call(shop, "search", "raw", "orders")
    nothing = call(shop, "search", "amuont")

    assert found.exit_code == 0
    assert "shop.orders.raw_orders" in found.stdout
    assert "its name" in found.stdout
    assert (nothing.exit_code, nothing.stdout) == (1, "")
    assert "Close to it: amount" in nothing.stderr


def test_who_is_hit_when_a_column_changes(shop: Path) -> None:
    """`freehold impact` names what a column goes into, what people look at, and whom to tell."""
    found = call(shop, "impact", "raw_orders.amount")
    told = asked(shop, "impact", "raw_orders.amount", "--depth", "1")

    assert "shop.orders.daily.revenue" in found.stdout
    assert "Tell        shop-data" in found.stdout
    assert "shop.revenue" in found.stdout.partition("Metrics")[2].partition("\n")[0]
    assert [node["id"] for hop in told["hops"] for node in hop["nodes"]] == ["shop.orders.orders"]


def test_impact_goes_up_from_a_metric_and_says_where_nothing_is(shop: Path) -> None:
    """A metric may be asked for, too; a name that means nothing ends with 2 and near matches."""
    up = asked(shop, "impact", "metric:shop.revenue", "--up")
    down, wrong = call(shop, "impact", "metric:shop.revenue"), call(shop, "impact", "raw_ordres")

    assert [node["id"] for node in up["hops"][0]["nodes"]] == ["shop.orders.orders"]
    assert (down.exit_code, down.stdout) == (0, "")
    assert "goes into nothing that is known" in down.stderr
    assert isinstance(wrong.exception, FreeholdError)
    assert wrong.exception.code == "FH-F004"
    assert "raw_orders" in (wrong.exception.fix or "")


def test_impact_has_what_other_tools_told(shop: Path) -> None:
    """Data sets and jobs that only OpenLineage events tell of are walked like any other."""
    with opened_ledger(load_estate(shop)) as ledger:
        sealed(ledger, run("COMPLETE", 1, inputs=["in"], outputs=["out"]))
    found = asked(shop, "impact", f"{SPACE}:in")

    assert {node["id"] for hop in found["hops"] for node in hop["nodes"]} == {"airflow:daily.load", f"{SPACE}:out"}
    assert [node["id"] for node in found["jobs"]] == ["airflow:daily.load"]


def test_the_command_line_sees_what_is_live(shop: Path) -> None:
    """The ledger is followed: what was published is live, what never was is not."""
    states = {hit["id"]: hit["state"] for hit in asked(shop, "search", "shop.orders", "--kind", "asset")["hits"]}

    assert states == {
        "shop.orders.orders": "live", "shop.orders.raw_orders": "live", "shop.orders.daily": "not published",
    }  # fmt: skip


def test_status_says_how_far_behind_and_changes_nothing(shop: Path) -> None:
    """A changed file and a new event are counted; a search reads them; a rebuild leaves the same."""
    assert asked(shop, "search", "orders")["total"] > 0
    fresh = asked(shop, "catalog", "status")
    (shop / "shop/orders/models/daily.sql").write_text(DAILY.replace("revenue", "income"))
    assert call(shop, "run").exit_code == 0
    behind = asked(shop, "catalog", "status")
    call(shop, "search", "orders")
    read, before = asked(shop, "catalog", "status"), content(shop)
    rebuilt = call(shop, "catalog", "rebuild")

    assert (fresh["documents_behind"], fresh["events_behind"]) == (0, 0)
    assert behind["documents_behind"] > 0
    assert behind["events_behind"] > 0
    assert (read["documents_behind"], read["events_behind"]) == (0, 0)
    assert rebuilt.exit_code == 0
    assert content(shop) == before


def test_files_in_error_leave_the_last_catalog_to_be_searched(shop: Path) -> None:
    """While a file is in error the catalog of before is searched, and that is said."""
    assert call(shop, "search", "orders").exit_code == 0
    (shop / "shop/orders/models/daily.sql").write_text("select * from {{ ref('nowhere') }}")
    with Catalog(shop) as catalog, pytest.raises(Problems):
        catalog.update(listed(load_estate(shop), "prod", "duckdb"))
    found = call(shop, "search", "orders")

    assert found.exit_code == 0
    assert "shop.orders.daily" in found.stdout
    assert "have 1 error" in found.stderr


def test_files_that_cannot_be_read_leave_what_was_applied(shop: Path) -> None:
    """Where a file is no YAML any more, what was applied last is searched."""
    assert call(shop, "search", "orders").exit_code == 0
    (shop / "shop/orders/product.odps.yaml").write_text("id: [")
    found = call(shop, "search", "orders")

    assert found.exit_code == 0
    assert "shop.orders.orders" in found.stdout
    assert "This goes by" in found.stderr


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("--kind", "tabel", "x"), "FH-F002"), (("--limit", "0", "x"), "FH-F003"), (("--cursor", "?", "x"), "FH-F003"),
        ((" ",), "FH-F001"),
    ],
    ids=["no such kind", "no hits", "no cursor", "no word"],
)  # fmt: skip
def test_bad_input_is_said_before_anything_is_read(tmp_path: Path, arguments: tuple[str, ...], code: str) -> None:
    """What cannot be meant is refused, whether or not there is an estate here."""
    found = call(tmp_path, "search", *arguments)

    assert found.exception is not None
    assert getattr(found.exception, "code", "") == code
