"""Plans: what a change of the estate does, to which columns, and what need not be built."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from shop import DAILY_CONTRACT, MODELS, RAW, Shop, column, contract, days, ordinary_day, shop, write_day

from freehold.delivery.plan import (
    NO_PAST,
    Action,
    ChangeClass,
    KeptMeanings,
    Past,
    Plan,
    Reader,
    Version,
    at_revision,
    deployed,
    past_of,
    plan,
)
from freehold.delivery.plan.markdown import comment
from freehold.foundation import FreeholdError

NONE = {"lines": "none"}
LINES_FILTERED = MODELS["lines"].rstrip() + " where price > 0\n"


def _planned(tmp_path: Path, models: dict[str, str], past: Past = NO_PAST, **more: Any) -> Plan:
    """Return the plan from the shop as it is to one with other models."""
    before = Version(shop(tmp_path), "before", is_deployed=True)
    changed = {name: text for name, text in {**MODELS, **models}.items() if text}
    return plan(replace(shop(tmp_path, changed), **more), before, "prod", "duckdb", past=past)


def _short(found: Plan) -> dict[str, tuple[str, str]]:
    return {c.asset.rpartition(".")[2]: (str(c.change), str(c.action)) for c in found.changes}


CASES: list[tuple[str, dict[str, str], dict[str, tuple[str, str]]]] = [
    ("layout and comments", {"totals": MODELS["totals"].replace("select", "-- by article\nSELECT\n ")}, {}),
    ("the name of a CTE", {"lines": MODELS["lines"].replace("from {{", "FROM  {{")}, {}),
    (
        "a column that one asset reads",
        {"lines": MODELS["lines"].replace("quantity, price,", "quantity + 1 as quantity, price,")},
        {"lines": ("column", "backfill"), "totals": ("column", "rebuild")},
    ),
    (
        "a column that is summed in three",
        {"lines": MODELS["lines"].replace("quantity * price as", "quantity * price * 2 as")},
        {
            "lines": ("column", "backfill"),
            "daily": ("column", "backfill"),
            "totals": ("column", "rebuild"),
            "buyers": ("column", "rebuild"),
            "latest": ("column", "replace view"),
        },
    ),
    (
        "a column that is grouped by",
        {"lines": MODELS["lines"].replace("sku, buyer,", "upper(sku) as sku, buyer,")},
        {"lines": ("column", "backfill"), "totals": ("rows", "rebuild")},
    ),
    (
        "a column that comes",
        {"lines": MODELS["lines"].replace("as amount", "as amount, 1 as extra")},
        {"lines": ("additive", "backfill")},
    ),
    (
        "a filter",
        {"lines": LINES_FILTERED},
        {
            "lines": ("rows", "backfill"),
            "daily": ("rows", "backfill"),
            "totals": ("rows", "rebuild"),
            "buyers": ("rows", "rebuild"),
            "latest": ("rows", "replace view"),
        },
    ),
    (
        "an expression at the end of the graph",
        {"totals": MODELS["totals"].replace("sum(amount)", "sum(amount) * 1.2")},
        {"totals": ("column", "rebuild")},
    ),
    (
        "how a table is stored",
        {"totals": "{{ config(materialized='view') }} " + MODELS["totals"]},
        {"totals": ("none", "replace view")},
    ),
    (
        "a new model",
        {"prices": "select sku, max(price) as most from {{ ref('lines') }} group by sku"},
        {"prices": ("additive", "build")},
    ),
    ("a model that goes", {"totals": ""}, {"totals": ("breaking", "retire")}),
]


@pytest.mark.parametrize(("models", "wanted"), [pytest.param(m, w, id=name) for name, m, w in CASES])
def test_what_a_change_does(tmp_path: Path, models: dict[str, str], wanted: dict[str, tuple[str, str]]) -> None:
    """Of every asset the class of the change and what is done; what is not named stays as it is."""
    found = _planned(tmp_path, models)
    assert _short(found) == wanted
    assert found.unchanged + len(found.changes) == len({*MODELS, *models}) + 1  # and the source
    assert not found.is_blocked


def test_a_plan_says_what_only_came_through(tmp_path: Path) -> None:
    """An asset whose own file is as it was names the assets through which a change reaches it."""
    found = _planned(tmp_path, {"lines": MODELS["lines"].replace("quantity * price as", "quantity * price * 2 as")})
    by_name = {c.asset.rpartition(".")[2]: c for c in found.changes}
    assert by_name["lines"].own is ChangeClass.COLUMN
    assert by_name["lines"].because == ()
    assert by_name["latest"].own is ChangeClass.NONE
    assert by_name["latest"].because == ("shop.orders.daily",)
    assert by_name["daily"].difference.changed == ("revenue",)


def test_less_is_built_than_all_below(tmp_path: Path) -> None:
    """The plan counts what a rebuild of everything downstream would have built."""
    found = _planned(tmp_path, {"lines": MODELS["lines"].replace("as amount", "as amount, 1 as extra")})
    assert (len(found.built), found.downstream) == (1, 5)


def test_a_column_that_is_gone_blocks_those_who_read_it(tmp_path: Path) -> None:
    """A rename names the new name to whoever reads the old one, at the place where it is read."""
    found = _planned(tmp_path, {"lines": MODELS["lines"].replace("sku, buyer,", "sku as article, buyer,")})
    (finding,) = found.findings
    assert finding.code == "FH-M015"
    assert finding.where is not None
    assert str(finding.where).startswith("models/totals.sql:1:")
    assert finding.fix == "This change renames it to `article`."
    assert found.exit_code == 1
    assert found.changes[0].difference.renamed == (("sku", "article"),)


def test_a_promise_that_no_model_keeps_blocks(tmp_path: Path) -> None:
    """A column of the contract that its model does not give is an error before anything is built."""
    promised = contract("shop.orders.totals", [column("sku", "string"), column("sold", "integer")])
    estate = shop(tmp_path, contracts=(RAW, DAILY_CONTRACT, promised))
    found = plan(estate, Version(shop(tmp_path), "before", is_deployed=True), "prod", "duckdb")
    assert [(f.code, "`sold`" in f.problem) for f in found.findings] == [("FH-M016", True)]


@pytest.mark.parametrize(
    ("model", "setting", "column"),
    [("lines", "event_time='sold_on'", "sold"), ("buyers", "unique_key='buyer'", "byer")],
)
def test_a_setting_that_names_no_column_is_found(tmp_path: Path, model: str, setting: str, column: str) -> None:
    """What a model is kept by is a column that it gives, or the near one is named at its place."""
    wrong = setting.replace(setting.partition("'")[2].rstrip("'"), column)
    found = _planned(tmp_path, {model: MODELS[model].replace(setting, wrong)})
    (finding,) = found.findings
    assert finding.code == "FH-M017"
    assert f"`{column}`" in finding.problem
    assert finding.where is not None
    assert finding.where.path.endswith(f"{model}.sql")
    assert finding.fix.startswith("Did you mean")


def test_words_build_nothing(tmp_path: Path) -> None:
    """A contract with other words is metadata: reported, not built."""
    before = Version(replace(shop(tmp_path), hashes={"DataContract:shop.orders.daily": "a"}), "x", is_deployed=True)
    now = replace(shop(tmp_path), hashes={"DataContract:shop.orders.daily": "b"})
    found = plan(now, before, "prod", "duckdb")
    assert _short(found) == {"daily": ("metadata", "reuse")}
    assert not found.changes[0].is_judged_otherwise
    assert found.built == ()


def _with_contract(root: Path, changed: Any, said: str) -> Any:
    """Return the shop with another contract of `daily`, whose file differs."""
    estate = shop(root, contracts=(RAW, changed) if changed else (RAW,))
    return replace(estate, hashes={"DataContract:shop.orders.daily": said})


def _promising(**more: Any) -> Any:
    columns = [column("sold_on", "date", required=True, unique=True), column("revenue", "number", **more)]
    return contract("shop.orders.daily", columns)


@pytest.mark.parametrize(
    ("after", "version", "codes", "change"),
    [
        pytest.param({"required": True}, "1.0.0", [], "none", id="the same"),
        pytest.param({}, "1.0.0", ["FH-V501"], "breaking", id="a promise broken without a version"),
        pytest.param({}, "1.1.0", ["FH-V501"], "breaking", id="with a version that says too little"),
        pytest.param({}, "2.0.0", [], "breaking", id="with a version that says it"),
        pytest.param({"required": True, "description": "Money in."}, "1.0.0", [], "metadata", id="words"),
    ],
)
def test_a_contract_is_judged(
    tmp_path: Path, after: dict[str, Any], version: str, codes: list[str], change: str
) -> None:
    """A broken promise takes a major version; without it the plan is blocked, and no data is built for it."""
    then = _with_contract(tmp_path, _promising(required=True), "before")
    now = _with_contract(tmp_path, replace(_promising(**after), version=version), "after")
    if change == "none":
        now = replace(now, hashes=then.hashes)
    found = plan(now, Version(then, "before", is_deployed=True), "prod", "duckdb")
    assert [f.code for f in found.findings] == codes
    assert [str(c.change) for c in found.changes] == ([] if change == "none" else [change])
    assert found.built == ()
    assert bool([f for c in found.changes for f in c.broken]) is (change == "breaking")
    assert [c.is_judged_otherwise for c in found.changes] == ([] if change == "none" else [change == "breaking"])


def test_a_contract_that_goes_names_who_read_it(tmp_path: Path) -> None:
    """Taking an asset away with a contract that is not retired is refused, with the readers named."""
    then = _with_contract(tmp_path, _promising(), "before")
    now = _with_contract(tmp_path, None, "after")
    models = {k: v for k, v in now.models.items() if not k.endswith((".daily", ".latest"))}
    past = Past(used={"shop.orders.daily": (Reader("simulated/board-pack", "service", 41),)})
    found = plan(replace(now, models=models), Version(then, "before", is_deployed=True), "prod", "duckdb", past=past)
    (finding,) = found.findings
    assert finding.code == "FH-P005"
    assert "board-pack (41 reads)" in finding.problem
    assert "breaks for **board-pack (41 reads)**" in comment(found)


def test_a_first_plan_builds_everything(tmp_path: Path) -> None:
    """Without a version before, all is new and the plan says so."""
    found = plan(shop(tmp_path), None, "prod", "duckdb")
    assert {c.change for c in found.changes} == {ChangeClass.ADDITIVE}
    assert [str(c.action) for c in found.changes if c.asset.endswith("latest")] == ["replace view"]
    assert "first" in found.against


def test_kept_meanings_give_the_same_plan(tmp_path: Path) -> None:
    """The cache changes nothing but time, and a broken one is read as none."""
    kept = KeptMeanings(tmp_path)
    before = Version(shop(tmp_path), "before", is_deployed=True)
    changed = shop(tmp_path, {**MODELS, "lines": LINES_FILTERED})
    first = plan(changed, before, "prod", "duckdb", kept=kept)
    kept.save()
    assert plan(changed, before, "prod", "duckdb", kept=KeptMeanings(tmp_path)).to_json() == first.to_json()
    (tmp_path / ".freehold/cache/meanings.json").write_text('{"version": 1')
    assert plan(changed, before, "prod", "duckdb", kept=KeptMeanings(tmp_path)).to_json() == first.to_json()


def test_readers_and_costs_come_from_the_past(tmp_path: Path) -> None:
    """A changed asset names who read it; a backfill costs its intervals."""
    past = Past({"shop.orders.lines": (5, 0.2)}, {"shop.orders.lines": (Reader("board-pack", "service", 41),)})
    found = _planned(tmp_path, {"lines": LINES_FILTERED}, past)
    lines = next(c for c in found.changes if c.asset == "shop.orders.lines")
    assert (lines.intervals, lines.seconds) == (5, 1.0)
    assert lines.readers == (Reader("board-pack", "service", 41),)
    said = comment(found)
    assert "**board-pack (41 reads)**" in said
    assert said.startswith("### Freehold plan for `prod`: nothing is broken; 4 assets to build")


# -- versions to compare with

ESTATE = """apiVersion: freehold.dev/v1
kind: Estate
metadata: {id: corner}
spec:
  connections: {warehouse: {url: "duckdb:///warehouse.db"}}
  environments: {prod: {connection: warehouse, protected: true}}
"""
PRODUCT = """apiVersion: v1.0.0
kind: DataProduct
id: corner.sales
name: Sales
version: 1.0.0
status: active
domain: corner
team: {name: corner}
"""


def _files(root: Path, model: str) -> Path:
    for path, text in (
        ("estate.yaml", ESTATE),
        ("sales/product.odps.yaml", PRODUCT),
        ("sales/models/numbers.sql", model),
        ("teams.yaml", "apiVersion: freehold.dev/v1\nkind: Team\nmetadata: {id: corner}\nspec: {}\n"),
    ):
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
    return root


def _git(root: Path, *words: str) -> None:
    identity = ("-c", "user.name=corner", "-c", "user.email=corner@example.com", "-c", "init.defaultBranch=main")
    subprocess.run(["git", *identity, *words], cwd=root, check=True, capture_output=True)


def test_a_git_revision_is_read_whole(tmp_path: Path) -> None:
    """The estate of a revision is what was committed, also from a folder inside the repository."""
    from freehold.estate import load_estate

    root = _files(tmp_path / "repository" / "data", "select 1 as n")
    _git(tmp_path / "repository", "init")
    _git(tmp_path / "repository", "add", ".")
    _git(tmp_path / "repository", "commit", "-m", "first")
    _files(root, "select 2 as n")
    before = at_revision(root, "main")
    assert before is not None
    assert before.estate.models["corner.sales.numbers"].text == "select 1 as n"
    assert not before.is_deployed
    found = plan(load_estate(root), before, "prod", "duckdb")
    assert _short(found) == {"numbers": ("column", "rebuild")}
    assert at_revision(root, None) == before
    with pytest.raises(FreeholdError, match="Git knows no revision `mian`") as raised:
        at_revision(root, "mian")
    assert raised.value.fix == "Did you mean `main`?"


def test_without_git_there_is_nothing_to_compare_with(tmp_path: Path) -> None:
    """Unless a revision is asked for, which is an error then."""
    root = _files(tmp_path, "select 1 as n")
    assert at_revision(root, None) is None
    with pytest.raises(FreeholdError, match="is in no git repository"):
        at_revision(root, "main")


def test_what_is_deployed_is_what_ran(tmp_path: Path) -> None:
    """The files of the estate are kept with the ledger when it is applied, so that later edits compare with them."""
    from freehold.estate import load_estate

    root = _files(tmp_path, "select 1 as n")
    running = Shop.open(root, load_estate(root))
    assert deployed(running.ledger, root, "prod") is None
    running.delivery.run()
    _files(root, "select 2 as n")
    before = deployed(running.ledger, root, "prod")
    assert before is not None
    assert before.is_deployed
    assert before.estate.models["corner.sales.numbers"].text == "select 1 as n"
    again = running.with_estate(load_estate(root))
    again.run()
    after = deployed(running.ledger, root, "prod")
    assert after is not None
    assert after.estate.models["corner.sales.numbers"].text == "select 2 as n"
    running.close()


def test_the_past_is_read_from_the_ledger(opened: Shop) -> None:
    """Every interval that was built counts, with the median of what one took."""
    for index, on in enumerate(days(3)):
        write_day(opened.root, on, ordinary_day(index))
    opened.delivery.run()
    past = past_of(opened.ledger, "prod")
    intervals, seconds = past.costs["shop.orders.lines"]
    assert intervals == 3
    assert seconds > 0
    assert past.costs["shop.orders.totals"][0] == 1


def test_what_a_plan_reuses_holds_the_same_rows(live: Shop) -> None:
    """After a change is run, every asset the plan said is reused holds exactly what it held."""
    tables = [name for name in MODELS if name not in ("lines", "totals")]
    held = {name: live.rows(f"SELECT * FROM shop_orders.{name} ORDER BY 1, 2") for name in tables}
    models = {**MODELS, "lines": MODELS["lines"].replace("quantity, price,", "quantity + 1 as quantity, price,")}
    changed = shop(live.root, models)
    found = plan(changed, Version(shop(live.root), "before", is_deployed=True), "prod", "duckdb")
    assert {c.asset.rpartition(".")[2] for c in found.changes if c.action is not Action.REUSE} == {"lines", "totals"}
    live.with_estate(changed).run()
    assert {name: live.rows(f"SELECT * FROM shop_orders.{name} ORDER BY 1, 2") for name in tables} == held
