"""The journey of who takes something away, and of who reads it: announced, answered, refused, retired, gone."""

from __future__ import annotations

import getpass
import json
import shutil
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from freehold.cli import cli

ORDERS, RETURNS = "shop.orders.orders", "shop.orders.returns"
ME = f"user:local/{getpass.getuser()}"
SHOP = "shop/orders/metrics/shop.yaml"
RETURNS_CONTRACT = """apiVersion: v3.1.0
kind: DataContract
id: shop.orders.returns
version: 1.0.0
status: active
schema:
  - name: returns
    properties: [{name: order_id, logicalType: string, physicalType: varchar}]
"""
Say = Callable[..., Result]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A shop that was published, with an output that nothing stands on, whose owner sits at the shell."""
    root = tmp_path_factory.mktemp("deprecating") / "shop"
    assert CliRunner().invoke(cli, ["init", str(root)]).exit_code == 0
    edit(root / "teams.yaml", '["role:idp/shop-data-owner"]', f'["role:idp/shop-data-owner", "{ME}"]')
    (root / "shop/orders/models/returns.sql").write_text("select order_id from {{ ref('orders') }}\n")
    (root / "shop/orders/contracts/returns.odcs.yaml").write_text(RETURNS_CONTRACT)
    product = root / "shop/orders/product.odps.yaml"
    edit(product, "outputPorts:\n", f"outputPorts:\n  - {{name: returns, version: 1.0.0, contractId: {RETURNS}}}\n")
    told = CliRunner().invoke(cli, ["-C", str(root), "run"])
    assert told.exit_code == 0, told.output
    return root


@pytest.fixture
def shop(made: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return Path(shutil.copytree(made, tmp_path / "shop"))


@pytest.fixture
def freehold(shop: Path) -> Say:
    """Run a command on it."""
    return lambda *words: CliRunner().invoke(cli, ["-C", str(shop), *words], standalone_mode=False)


def edit(path: Path, old: str, new: str) -> None:
    """Change a text in a file, which is there."""
    text = path.read_text()
    assert old in text, f"{path} has no {old!r}"
    path.write_text(text.replace(old, new))


def told(result: Result) -> Mapping[str, Any]:
    """Return what a command printed as JSON."""
    assert result.exception is None, result.exception
    found: Mapping[str, Any] = json.loads(result.stdout)
    return found


def deprecated(freehold: Say, name: str, *more: str) -> Mapping[str, Any]:
    """Deprecate something by a day far away."""
    words = ("deprecate", name, "--by", "2097-03-31", "--because", "Nobody asks for it.", *more, "--json")
    return told(freehold(*words))


def test_who_reads_what_goes_is_found_and_told_as_it_is_announced(freehold: Say) -> None:
    """Whoever read it, and what stands on it, each by name; before it is announced nobody is told."""
    freehold("query", "revenue")
    began = deprecated(freehold, ORDERS)
    moved = told(freehold("items", "move", began["item"], "announce", "--json"))
    shown = told(freehold("items", "show", began["item"], "--json"))
    (notice,) = told(freehold("notice", "list", "--json"))["notices"]
    names = {one["name"]: one for one in shown["consumers"]}

    assert (began["state"], began["told"]) == ("proposed", [])
    assert moved["state"] == "announced"
    assert (names[ME]["kind"], names[ME]["via"], names[ME]["notice"]) == ("person", [ORDERS], "told")
    assert names["metric:shop.revenue"]["last_on"] is None
    assert names[f"asset:{RETURNS}"]["kind"] == "asset"
    assert set(notice["audience"]) == set(names) == set(shown["silent"])
    assert (notice["topic"], notice["effective_on"]) == (ORDERS, "2097-03-31")


def test_it_does_not_go_while_somebody_reads_it_and_each_is_named(freehold: Say) -> None:
    """The refusal names who reads; to go all the same takes a reason, which stays on record."""
    item = deprecated(freehold, ORDERS, "--announce")["item"]
    refused = freehold("items", "move", item, "retire")
    without = freehold("items", "move", item, "retire_anyway")
    forced = told(freehold("items", "move", item, "retire_anyway", "-f", "despite=The source is shut down.", "--json"))
    (passage,) = [
        one for one in told(freehold("items", "show", item, "--json"))["history"] if one["state"] == "retired"
    ]

    assert refused.exception.code == "FH-W105"  # type: ignore[union-attr]
    assert "metric:shop.revenue (stands on it)" in refused.exception.problem  # type: ignore[union-attr]
    assert "of the last 14 days" in refused.exception.problem  # type: ignore[union-attr]
    assert without.exception.code == "FH-W106"  # type: ignore[union-attr]
    assert forced["outcome"] == "delivered"
    assert (passage["move"], passage["actor"]) == ("retire_anyway", ME)


def test_who_asks_for_a_metric_that_goes_is_told(freehold: Say) -> None:
    """With the answer, as soon as it is announced, whether its file says so yet or not."""
    before = freehold("query", "average_order")
    deprecated(freehold, "shop.average_order", "--announce", "--replacement", "shop.revenue")
    after = freehold("query", "average_order")
    said = "`shop.average_order` is deprecated; its last day is 2097-03-31. Use `shop.revenue`."

    assert said not in before.stderr
    assert said in after.stderr


def test_who_answered_and_who_did_not_is_known(freehold: Say) -> None:
    """An answer counts once, for whom it is; a name that was not told is refused, with those that were."""
    item = deprecated(freehold, ORDERS, "--announce")["item"]
    answered = told(
        freehold("items", "acknowledge", item, "--by", "metric:shop.revenue", "--action", "moved", "--json")
    )
    wrong = freehold("items", "acknowledge", item, "--by", "metric:shop.revnue")
    strange = freehold("items", "acknowledge", item, "--by", "metric:shop.revenue", "--action", "gone")
    again = told(freehold("notice", "remind", "--json"))
    (notice,) = told(freehold("notice", "list", "--json"))["notices"]

    assert "metric:shop.revenue" not in answered["silent"]
    assert f"asset:{RETURNS}" in answered["silent"]
    assert wrong.exception.code == "FH-W505"  # type: ignore[union-attr]
    assert "revenue" in wrong.exception.fix  # type: ignore[union-attr]
    assert strange.exception.code == "FH-W506"  # type: ignore[union-attr]
    assert again["told"] == {item: []}
    assert notice["answers"] == {"metric:shop.revenue": "moved"}


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("nothing.like.it", "--by", "2097-03-31"), "FH-F004"),
        (("shop-data", "--by", "2097-03-31"), "FH-W504"),
        ((ORDERS, "--by", "2097-03-31", "--replacement", ORDERS), "FH-W504"),
        ((ORDERS, "--by", "2000-01-01"), "FH-W504"),
        ((ORDERS, "--by", f"{date.today() + timedelta(days=2)}", "--announce"), "FH-W105"),  # noqa: DTZ011
    ],
    ids=["what is not there", "a team", "by itself", "a day that is gone", "sooner than its tier gives notice"],
)
def test_what_cannot_be_deprecated_is_refused(freehold: Say, words: tuple[str, ...], code: str) -> None:
    """With a code, and nothing is begun or announced."""
    refused = freehold("deprecate", *words, "--because", "Enough.")

    assert refused.exception.code == code  # type: ignore[union-attr]
    assert told(freehold("notice", "list", "--json"))["notices"] == []
    assert told(freehold("items", "list", "--json"))["items"] == []


def test_who_may_not_announce_begins_nothing(shop: Path, freehold: Say) -> None:
    """Where it was to be announced at once; without that it is proposed."""
    edit(shop / "teams.yaml", f', "{ME}"', "")
    refused = freehold("deprecate", ORDERS, "--by", "2097-03-31", "--because", "Enough.", "--announce")

    assert refused.exception.code == "FH-W104"  # type: ignore[union-attr]
    assert told(freehold("items", "list", "--json"))["items"] == []
    assert deprecated(freehold, ORDERS)["state"] == "proposed"


def test_a_product_takes_the_place_of_a_product(shop: Path, freehold: Say) -> None:
    """Though a metric has the same name."""
    head = (shop / "shop/orders/product.odps.yaml").read_text().partition("inputPorts:")[0]
    (shop / "shop/baskets").mkdir()
    (shop / "shop/baskets/product.odps.yaml").write_text(head.replace("id: shop.orders", "id: shop.baskets"))
    began = deprecated(freehold, "shop.baskets", "--replacement", "shop.orders")

    assert told(freehold("items", "show", began["item"], "--json"))["fields"]["replacement"] == "shop.orders"


def test_what_a_file_says_is_the_same_word_everywhere(shop: Path, freehold: Say) -> None:
    """Search leads to what takes its place and says until when; a wrong day or name is an error of the file."""
    contract = shop / "shop/orders/contracts/returns.odcs.yaml"
    ours = f'customProperties: [{{property: "freehold:replaced_by", value: {ORDERS}}}]\n'
    edit(
        contract,
        "status: active\n",
        "status: deprecated\nslaProperties: [{property: endOfLife, value: '2097-03-31'}]\n" + ours,
    )
    edit(contract, "version: 1.0.0", "version: 1.1.0")
    well = told(freehold("validate", "--json"))
    freehold("run")
    (hit,) = [one for one in told(freehold("search", RETURNS, "--json"))["hits"] if one["id"] == RETURNS]
    edit(contract, f"value: {ORDERS}", "value: shop.orders.ordrs")
    wrong = CliRunner().invoke(cli, ["-C", str(shop), "validate", "--json"])
    edit(contract, "status: deprecated", "status: active")
    undecided = CliRunner().invoke(cli, ["-C", str(shop), "validate", "--json"])

    assert well["findings"] == []
    assert (hit["status"], hit["sunset"], hit["replaced_by"]) == ("deprecated", "2097-03-31", f"asset:{ORDERS}")
    assert f"deprecated, until 2097-03-31: use {ORDERS}" in hit["why"]
    assert [one["code"] for one in json.loads(wrong.stdout)["findings"]] == ["FH-W501"]
    assert {one["code"] for one in json.loads(undecided.stdout)["findings"]} == {"FH-W501", "FH-W502"}


def test_what_is_gone_leaves_its_name_behind(shop: Path, freehold: Say) -> None:
    """Taken from the files, it says since when, why, what takes its place; search by the old name finds that."""
    metrics = shop / SHOP
    edit(
        metrics,
        "\nmetrics:\n",
        "\nmetrics:\n  turnover: {expression: revenue, status: deprecated, replaced_by: revenue}\n",
    )
    freehold("run")
    because = ("--by", "2097-03-31", "--because", "It is revenue by another name.", "--replacement", "shop.revenue")
    item = told(freehold("deprecate", "shop.turnover", *because, "--announce", "--json"))["item"]
    retired = freehold("items", "move", item, "retire")
    edit(metrics, "  turnover: {expression: revenue, status: deprecated, replaced_by: revenue}\n", "")
    freehold("run")
    found = told(freehold("search", "turnover", "--json"))
    asked = freehold("query", "turnover")

    assert retired.exception is None
    assert "shop.revenue" in [one["id"] for one in found["hits"]][:1]
    assert found["gone"]["why"] == "It is revenue by another name."
    assert (found["gone"]["replaced_by"], found["gone"]["item"]) == ("shop.revenue", item)
    assert asked.exception.code == "FH-W508"  # type: ignore[union-attr]
    assert "It is revenue by another name." in asked.exception.problem  # type: ignore[union-attr]
    assert asked.exception.fix == "Use `shop.revenue`."  # type: ignore[union-attr]


AVERAGE = (
    "  average_order: {expression: SUM(orders.amount) / orders, unit: GBP, description: What an order is worth.}\n"
)


@pytest.mark.parametrize(
    ("is_announced", "why", "fix"),
    [(True, ": Nobody asks for it.", "Use `shop.revenue`."), (False, ".", "Nothing takes its place.")],
    ids=["as it was announced", "at once"],
)
def test_a_metric_whose_file_never_said_that_it_goes_leaves_its_name_behind(
    shop: Path, freehold: Say, is_announced: bool, why: str, fix: str
) -> None:
    """It was in force and is in no file any more: what is known of why, and of what takes its place, is told."""
    if is_announced:
        deprecated(freehold, "shop.average_order", "--announce", "--replacement", "shop.revenue")
    edit(shop / SHOP, AVERAGE, "")
    freehold("run")
    asked = freehold("query", "average_order")
    found = json.loads(freehold("search", "average_order", "--json").stdout)

    assert asked.exception.code == "FH-W508"  # type: ignore[union-attr]
    assert asked.exception.problem.endswith(why)  # type: ignore[union-attr]
    assert asked.exception.fix == fix  # type: ignore[union-attr]
    assert [one["id"] for one in found["hits"]][:1] == (["shop.revenue"] if is_announced else [])
    assert found["gone"]["name"] == "metric:shop.average_order"


def test_a_metric_that_does_not_go_after_all_is_not_gone(shop: Path, freehold: Say) -> None:
    """Said to be deprecated, and then no more: it is there as ever."""
    edit(shop / SHOP, AVERAGE, AVERAGE.replace("}", ", status: deprecated}"))
    freehold("run")
    edit(shop / SHOP, ", status: deprecated}", "}")
    freehold("run")
    found = told(freehold("search", "average_order", "--json"))

    assert freehold("query", "average_order").exception is None
    assert found["hits"][0]["id"] == "shop.average_order"
    assert "gone" not in found or found["gone"] is None
    assert "resource.retired" not in freehold("ledger", "tail", "-n", "100").stdout


@pytest.mark.parametrize(
    ("until", "codes"), [("2097-03-31", ["FH-P005"]), ("2001-03-31", [])], ids=["sooner", "after its last day"]
)
def test_an_output_goes_after_its_last_day_and_no_sooner(
    shop: Path, freehold: Say, until: str, codes: list[str]
) -> None:
    """The plan is blocked while its contract promises it, and not once the last day that it gave is over."""
    contract, product = shop / "shop/orders/contracts/returns.odcs.yaml", shop / "shop/orders/product.odps.yaml"
    ends = f"status: deprecated\nslaProperties: [{{property: endOfLife, value: '{until}'}}]\n"
    edit(contract, "status: active\n", ends)
    edit(contract, "version: 1.0.0", "version: 1.1.0")
    assert freehold("run").exception is None
    contract.unlink()
    (shop / "shop/orders/models/returns.sql").unlink()
    edit(product, f"  - {{name: returns, version: 1.0.0, contractId: {RETURNS}}}\n", "")
    planned = CliRunner().invoke(cli, ["-C", str(shop), "plan", "--json"])

    assert [one["code"] for one in json.loads(planned.stdout)["findings"]] == codes
