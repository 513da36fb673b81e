"""A change on its way: an environment of its own, the protected one, and back; as a person types it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from freehold.cli import cli

MODEL = "shop/orders/models/orders.sql"
CONTRACT = "shop/orders/contracts/orders.odcs.yaml"
Say = Callable[..., Result]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A shop whose production is protected, once published."""
    root = tmp_path_factory.mktemp("apply") / "shop"
    assert CliRunner().invoke(cli, ["init", str(root)]).exit_code == 0
    declared = (root / "estate.yaml").read_text()
    prod = next(line for line in declared.splitlines() if line.startswith("    prod:"))
    protected = (
        "    prod: {connection: warehouse, protected: true}\n    pr-*: {connection: warehouse, defer_to: prod, ttl: 7d}"
    )
    declared = declared.replace(prod, protected).replace("approvals: [owner]", "approvals: []")
    (root / "estate.yaml").write_text(declared)
    assert CliRunner().invoke(cli, ["-C", str(root), "run"]).exit_code == 0
    return root


@pytest.fixture
def shop(made: Path, tmp_path: Path) -> Path:
    """A copy of it that a test may change."""
    return Path(shutil.copytree(made, tmp_path / "shop"))


@pytest.fixture
def freehold(shop: Path) -> Say:
    """Run a command on it."""
    return lambda *words: CliRunner().invoke(cli, ["-C", str(shop), *words], standalone_mode=False)


def said(done: Result) -> Any:
    """Return what a command said to machines."""
    return json.loads(done.stdout)


def double(shop: Path) -> None:
    """Change the model: every amount is doubled."""
    path = shop / MODEL
    path.write_text(path.read_text().replace("    amount,", "    cast(amount * 2 as decimal(12, 2)) as amount,"))


def live(freehold: Say, env: str = "prod") -> set[str]:
    """Return the deployments that are live in an environment."""
    return {
        d["deployment"]
        for d in said(freehold("deployments", "list", "--env", env, "--json"))["deployments"]
        if d["live"]
    }


def test_a_run_in_a_protected_environment_goes_by_what_was_applied(shop: Path, freehold: Say) -> None:
    """A changed file changes nothing in production until it is applied; that is said."""
    double(shop)
    done = freehold("run")
    assert "not what is applied in `prod`" in done.stderr
    assert "Nothing new" in done.stderr
    assert done.return_value is None or done.exit_code == 0


def test_files_in_error_do_not_stop_a_protected_environment(shop: Path, freehold: Say) -> None:
    """A broken file here is no reason not to publish the day that came; elsewhere it is."""
    (shop / CONTRACT).write_text("kind: DataContract\n  id: [")
    assert freehold("run").exit_code == 0
    assert freehold("run", "--env", "pr-1").exception is not None


def test_taking_the_protection_away_needs_the_protection_to_agree(shop: Path, freehold: Say) -> None:
    """An environment is protected until a change that says otherwise was applied there."""
    declared = shop / "estate.yaml"
    declared.write_text(declared.read_text().replace(", protected: true", ""))
    double(shop)
    done = freehold("run")
    assert "not what is applied in `prod`" in done.stderr
    assert "Nothing new" in done.stderr


def test_a_change_goes_through_an_environment_of_its_own(shop: Path, freehold: Say) -> None:
    """Applied for a pull request, compared, promoted without being built again, and taken back."""
    before = live(freehold)
    double(shop)
    first = said(freehold("apply", "--env", "pr-12", "--json"))
    assert first["applied"]
    assert {s["reused"] for s in first["outcome"]["steps"]} == {False}
    assert live(freehold) == before, "production saw nothing of it"
    differing = said(freehold("diff", "orders", "--env", "pr-12", "--json"))
    assert [c["column"] for c in differing["columns"]] == ["amount"]

    second = said(freehold("promote", "pr-12", "prod", "--json"))
    assert second["applied"]
    assert {s["reused"] for s in second["outcome"]["steps"]} == {True}
    assert said(freehold("plan", "--json"))["changes"] == []
    (newest, *_) = said(freehold("deployments", "list", "--changes", "--json"))["deployments"]
    assert newest["changes"] == [second["plan"]["plan"]]
    assert newest["live"] == 1
    shown = said(freehold("deployments", "show", newest["deployment"][-8:], "--json"))
    assert [m["asset"] for m in shown["moved"]] == ["shop.orders.orders"]

    back = said(freehold("deployments", "rollback", newest["deployment"][-8:], "--json"))
    assert [b["product"] for b in back["rolled_back"]] == ["shop.orders"]
    (gone, *_) = said(freehold("deployments", "list", "--changes", "--json"))["deployments"]
    assert gone["kind"] == "rollback"


def test_a_change_that_fails_its_contract_changes_nothing(shop: Path, freehold: Say) -> None:
    """The candidate is kept to be looked at, production stays, and so does the estate that is in force."""
    before = live(freehold)
    path = shop / MODEL
    path.write_text(path.read_text().replace("    amount,", "    cast(-amount as decimal(12, 2)) as amount,"))
    done = freehold("apply", "--json")
    told = said(done)
    assert not told["applied"]
    assert {s["status"] for s in told["outcome"]["steps"]} == {"quarantined"}
    assert live(freehold) == before
    assert [c["asset"] for c in said(freehold("plan", "--json"))["changes"]] == ["shop.orders.orders"]


def test_what_a_plan_blocks_is_not_applied(shop: Path, freehold: Say) -> None:
    """A broken promise without a version is a finding, and nothing is built."""
    path = shop / CONTRACT
    text = path.read_text()
    assert "name: amount" in text
    path.write_text(text.replace("name: amount", "name: total", 1))
    done = freehold("apply", "--json")
    told = said(done)
    assert not told["applied"]
    assert told["plan"]["findings"]
    assert "outcome" not in told


def test_words_alone_are_applied_without_building(shop: Path, freehold: Say) -> None:
    """Nothing is built, and the plan is empty afterwards."""
    path = shop / CONTRACT
    text = path.read_text()
    at = text.index("purpose:") if "purpose:" in text else text.index("description:")
    end = text.index("\n", at)
    path.write_text(text[:end] + " In other words." + text[end:])
    assert said(freehold("plan", "--json"))["built"] == 0
    told = said(freehold("apply", "--json"))
    assert told["applied"]
    assert told["outcome"]["steps"] == []
    assert said(freehold("plan", "--json"))["changes"] == []


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("promote", "pr-77", "prod"), "FH-D216"),
        (("promote", "nowhere", "prod"), "FH-C001"),
        (("deployments", "show", "ffffffffffff"), "FH-D214"),
        (("environments", "drop", "prod"), "FH-D212"),
        (("run", "--env", "PR-12"), "FH-C001"),
    ],
)
def test_what_cannot_be_meant_is_said(freehold: Say, words: tuple[str, ...], code: str) -> None:
    """Each mistake has its error, and changes nothing."""
    done = freehold(*words)
    assert getattr(done.exception, "code", None) == code, done.exception


def test_environments_come_and_go(shop: Path, freehold: Say) -> None:
    """The list tells what is its own; dropped, it is gone."""
    double(shop)
    freehold("apply", "--env", "pr-12", "--json")
    listed = {e["name"]: e for e in said(freehold("environments", "list", "--json"))["environments"]}
    assert (listed["pr-12"]["own"], listed["pr-12"]["assets"], listed["pr-12"]["defers_to"]) == (1, 2, "prod")
    assert listed["pr-12"]["expires_at"]
    assert said(freehold("environments", "drop", "pr-12", "--json")) == {"environment": "pr-12", "assets": 2}
    assert "pr-12" not in {e["name"] for e in said(freehold("environments", "list", "--json"))["environments"]}


def replaced(shop: Path, path: str, old: str, new: str) -> None:
    """Change a text in a file of the shop."""
    text = (shop / path).read_text()
    assert old in text, (path, old)
    (shop / path).write_text(text.replace(old, new, 1))


@pytest.mark.parametrize(
    ("path", "old", "new"),
    [
        pytest.param("estate.yaml", ", protected: true", "", id="the protection"),
        pytest.param("estate.yaml", "approvals: [owner, steward]", "approvals: []", id="who is asked"),
        pytest.param("estate.yaml", ".freehold/warehouse.db", ".freehold/other.db", id="the warehouse"),
        pytest.param("teams.yaml", "role:idp/shop-data-owner", "user:local/root", id="who answers"),
    ],
)
def test_what_governs_changes_is_changed_with_approval(
    shop: Path, freehold: Say, path: str, old: str, new: str
) -> None:
    """A change that touches no asset, and would let the next one through, is judged as the estate is now."""
    replaced(shop, path, old, new)
    done = freehold("apply", "--json")
    assert said(done)["applied"] is False
    assert said(done)["plan"]["verdict"] == "approval needed"
    planned = said(freehold("plan", "--json"))
    assert [r["subject"] for r in planned["gate"]["needs_approval"]] == ["estate"]


def test_a_product_is_of_the_tier_it_had(shop: Path, freehold: Say) -> None:
    """A lower tier, taken with the change that it would ease, eases nothing."""
    replaced(shop, "estate.yaml", "approvals: []", "approvals: [owner]")
    assert said(freehold("apply", "--json"))["plan"]["verdict"] == "approval needed"


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        pytest.param(
            "prod: {connection: warehouse, protected: true}", "live: {connection: warehouse}", "FH-D220", id="name"
        ),
        pytest.param(
            "state: sqlite:///.freehold/state.db", "state: sqlite:///.freehold/new.db", "FH-D219", id="ledger"
        ),
    ],
)
def test_nobody_else_publishes_over_a_protected_environment(
    shop: Path, freehold: Say, old: str, new: str, code: str
) -> None:
    """Neither an environment of another name nor another ledger is a first estate that needs no approval."""
    replaced(shop, "estate.yaml", old, new)
    if code == "FH-D220":
        replaced(shop, "estate.yaml", "defer_to: prod", "defer_to: live")
    double(shop)
    done = freehold("run")
    assert getattr(done.exception, "code", None) == code, done.stderr
    dropped = freehold("environments", "drop", "prod")
    assert getattr(dropped.exception, "code", None) == "FH-D212"


def test_another_seed_is_a_change(shop: Path, freehold: Say) -> None:
    """A protected environment keeps the seed that was applied; the plan shows another one, and apply brings it."""
    seed = shop / "shop/orders/seeds/rates.csv"
    seed.parent.mkdir()
    seed.write_text("state,rate\npaid,1\n")
    (shop / "shop/orders/models/rated.sql").write_text("select state, rate * 2 as doubled from {{ ref('rates') }}")
    assert said(freehold("apply", "--json"))["applied"]
    seed.write_text("state,rate\npaid,100\n")
    assert "Nothing new" in freehold("run").stderr
    assert [c["asset"] for c in said(freehold("plan", "--json"))["changes"]] == [
        "shop.orders.rates",
        "shop.orders.rated",
    ]
    seed.unlink()
    assert freehold("run").exit_code == 0, "what is applied needs no file that is here"
    seed.write_text("state,rate\npaid,100\n")
    assert said(freehold("apply", "--json"))["applied"]
    assert said(freehold("plan", "--json"))["changes"] == []


def test_a_change_ends_a_rollback(shop: Path, freehold: Say) -> None:
    """Reverted in the files and applied with --unpin, the product goes on, and no run brings the bad change back."""
    text = (shop / MODEL).read_text()
    double(shop)
    assert said(freehold("apply", "--json"))["applied"]
    freehold("rollback", "shop.orders")
    (shop / MODEL).write_text(text)
    assert getattr(freehold("apply", "--json").exception, "code", None) == "FH-D213"
    assert said(freehold("apply", "--unpin", "--json"))["applied"]
    assert "pinned" not in freehold("run").stderr
    assert said(freehold("plan", "--json"))["changes"] == []


ALERTING = """apiVersion: freehold.dev/v1
kind: Alerting
metadata: {id: alerting, owner: shop-data}
spec: {route: {repeat_interval: %s}}
"""


def test_what_validate_refuses_is_not_put_in_force(shop: Path, freehold: Say) -> None:
    """Of whatever kind it is: an interval of no time blocks, at its place; mended, it is declared."""
    file = shop / "alerting.yaml"
    file.write_text(ALERTING % "0h")
    refused, tried = freehold("plan"), freehold("apply", "--yes")
    checked = freehold("validate")
    told = said(freehold("plan", "--json"))
    file.write_text(ALERTING % "4h")
    mended, applied = freehold("plan"), freehold("apply", "--yes")

    assert (refused.exit_code, tried.exit_code, checked.exit_code) == (1, 1, 1)
    assert [(one["code"], one["where"]) for one in told["findings"]] == [("FH-E330", "alerting.yaml:4:33")]
    assert "Blocked: 1 finding." in refused.stdout
    assert (mended.exit_code, applied.exit_code) == (0, 0)
    assert "Beside data: Alerting alerting is new." in mended.stdout


def test_what_was_wrong_in_force_keeps_no_mend_out(shop: Path, freehold: Say, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files that another Freehold let through: what is wrong in them is said, and blocks nothing else."""
    (shop / "alerting.yaml").write_text(ALERTING % "0h")
    with monkeypatch.context() as before:
        before.setattr("freehold.changing.planning.declared_findings", lambda _: ())
        assert freehold("apply", "--yes").exit_code == 0
    double(shop)
    told = said(freehold("plan", "--json"))

    assert told["findings"] == []
    assert [one["code"] for one in told["advice"]] == ["FH-E330"]
    assert [one["asset"] for one in told["changes"]] == ["shop.orders.orders"]
