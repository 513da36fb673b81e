"""A new major version as a person types it: planned, told, applied beside the old one, taken back, collected."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from click.testing import CliRunner, Result

from freehold.cli import cli

MODEL = "shop/orders/models/orders.sql"
CONTRACT = "shop/orders/contracts/orders.odcs.yaml"
Say = Callable[..., Result]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A shop that was published once, with a dashboard that reads it."""
    root = tmp_path_factory.mktemp("versions") / "shop"
    assert CliRunner().invoke(cli, ["init", str(root)]).exit_code == 0
    (root / "bi.csv").write_text(
        "dashboard,name,owner,viewers,reads,column\nb,Board,fin,41,shop.orders.orders,customer\n"
    )
    (root / "estate.yaml").write_text((root / "estate.yaml").read_text() + "  dashboards: [bi.csv]\n")
    assert CliRunner().invoke(cli, ["-C", str(root), "run"]).exit_code == 0
    return root


@pytest.fixture
def shop(made: Path, tmp_path: Path) -> Path:
    """A copy of it whose contract takes version 2, without a column."""
    root = Path(shutil.copytree(made, tmp_path / "shop"))
    contract, model = root / CONTRACT, root / MODEL
    kept = [line for line in contract.read_text().splitlines() if "name: customer" not in line]
    contract.write_text("\n".join(kept).replace("version: 1.0.0", "version: 2.0.0") + "\n")
    model.write_text("\n".join(line for line in model.read_text().splitlines() if "customer" not in line) + "\n")
    return root


@pytest.fixture
def freehold(shop: Path) -> Say:
    """Run a command on it."""
    return lambda *words: CliRunner().invoke(cli, ["-C", str(shop), *words], standalone_mode=False)


def said(done: Result) -> Any:
    """Return what a command said to machines."""
    return json.loads(done.stdout)


def refused(done: Result) -> str:
    """Return the code of the error that a command ended with."""
    return str(getattr(done.exception, "code", done.exception))


def columns(shop: Path, relation: str) -> list[str]:
    """Return the columns a consumer sees."""
    with duckdb.connect(str(shop / ".freehold/warehouse.db")) as connection:
        return [row[0] for row in connection.execute(f"DESCRIBE SELECT * FROM {relation}").fetchall()]


def test_the_plan_says_beside_what_until_when_and_whom_to_tell(freehold: Say) -> None:
    """As words and as JSON: the version, its last day, the dashboard that must move, the command to type."""
    shown = freehold("plan")
    assert shown.exit_code == 0
    assert "version: shop.orders.orders_v2 beside shop.orders.orders until" in shown.output
    assert "Board (41 viewers, owner fin) must move" in shown.output
    assert "freehold notice send" in shown.output
    change = next(c for c in said(freehold("plan", "--json"))["changes"] if c["asset"] == "shop.orders.orders_v2")
    until = datetime.now(UTC).date() + timedelta(days=14)
    assert change["beside"] == {"asset": "shop.orders.orders", "version": "1.0.0", "until": until.isoformat()}
    assert "beside `shop.orders.orders`" in freehold("plan", "--format", "markdown").output


def test_applied_both_are_read_and_the_old_one_is_called_deprecated(freehold: Say, shop: Path) -> None:
    """Status, deployments and lineage know both; a second plan has nothing to do."""
    done = freehold("apply", "--yes")
    assert done.exit_code == 0, done.output
    assert "customer" in columns(shop, "shop_orders.orders")
    assert "customer" not in columns(shop, "shop_orders.orders_v2")
    assert "shop_orders.orders is deprecated: version 1.0.0" in freehold("status").output
    last = said(freehold("deployments", "list", "--json"))["deployments"][0]["deployment"]
    assert "shop.orders.orders (1.0.0) is deprecated" in freehold("deployments", "show", last).output
    assert not said(freehold("plan", "--json"))["changes"]
    assert "Nothing changed" in freehold("apply", "--yes").output
    assert freehold("lineage", "orders_v2.amount").exit_code == 0
    back = freehold("rollback", "shop.orders")
    assert "taken away, and the version before it is there as it was" in back.output
    assert "customer" in columns(shop, "shop_orders.orders")


def test_the_old_version_is_collected_after_its_day_but_not_from_its_readers(
    freehold: Say, shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before: it stays, with the day. After: it stays while a dashboard reads it, and goes with --yes."""
    assert freehold("apply", "--yes").exit_code == 0
    early = freehold("collect", "--retired", "--yes")
    assert early.exit_code == 0
    assert "shop.orders.orders stays: version 1.0.0 is promised until" in early.output
    from freehold.foundation import SystemClock

    later = datetime.now(UTC) + timedelta(days=20)
    monkeypatch.setattr(SystemClock, "now", lambda _: later)
    dry = freehold("collect", "--retired", "--yes", "--dry-run")
    assert "Would drop shop_orders.orders" in dry.output
    kept = freehold("collect", "--retired")
    assert "Board (41 viewers, owner fin) read it" in kept.output
    assert kept.exit_code == 1 or isinstance(kept.exception, SystemExit)
    assert "customer" in columns(shop, "shop_orders.orders")
    assert "Dropped shop_orders.orders" in freehold("collect", "--retired", "--yes").output
    with pytest.raises(duckdb.CatalogException):
        columns(shop, "shop_orders.orders")
    assert freehold("status").exit_code == 0


def test_a_model_that_names_the_old_version_keeps_it(
    freehold: Say, shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While a model of the estate reads it, not even --yes takes it away."""
    (shop / "shop/orders/models/then.sql").write_text("select count(customer) as n from {{ ref('orders', v=1) }}\n")
    assert freehold("validate").exit_code == 0
    assert freehold("apply", "--yes").exit_code == 0
    from freehold.foundation import SystemClock

    later = datetime.now(UTC) + timedelta(days=20)
    monkeypatch.setattr(SystemClock, "now", lambda _: later)
    kept = freehold("collect", "--retired", "--yes")
    assert "shop.orders.then read it" in kept.output
    assert "customer" in columns(shop, "shop_orders.orders")


def test_a_notice_is_written_sent_listed_and_answered(freehold: Say, shop: Path) -> None:
    """A dry run writes nothing; the text names what to read instead; an answer is counted."""
    assert "shop.orders.orders_v2" in freehold("notice", "send", "--dry-run").output
    assert not (shop / ".freehold/notices").exists()
    assert said(freehold("notice", "list", "--json"))["notices"] == []
    (sent,) = said(freehold("notice", "send", "--note", "For the auditors.", "--json"))["notices"]
    assert "For the auditors." in (shop / sent["file"]).read_text()
    assert freehold("notice", "send").exit_code == 0
    (listed,) = said(freehold("notice", "list", "--json"))["notices"]
    assert (listed["topic"], listed["version"], listed["audience"]) == ("shop.orders.orders", "2.0.0", ["dashboard:b"])
    assert freehold("notice", "ack", sent["notice"], "--by", "dashboard:b", "--action", "moved").exit_code == 0
    assert "1 of 1" in freehold("notice", "list").output
    assert refused(freehold("notice", "ack", "nothing", "--by", "x")) == "FH-G008"


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("promote", "prod", "prod"), "FH-D224"),
        (("backfill", "orders", "--chunk", "0d"), "FH-C008"),
        (("backfill", "orders", "--max-cost", "0m"), "FH-C008"),
        (("reject", "abc", "--why", "  "), "FH-C013"),
    ],
    ids=("a promotion to itself", "chunks of no length", "a cost of nothing", "a rejection without a reason"),
)
def test_what_means_nothing_is_refused(freehold: Say, words: tuple[str, ...], code: str) -> None:
    """Each with its code, before anything is done."""
    assert refused(freehold(*words)) == code


def test_a_backfill_of_days_that_are_not_there_says_so(freehold: Say) -> None:
    """Nothing is built, and it is no error."""
    done = freehold("backfill", "orders", "--from", "2030-01-01")
    assert done.exit_code == 0
    assert "Nothing is there to build again" in done.output
    assert "from 2030-01-01" in done.output
    assert freehold("apply", "--yes").exit_code == 0
    by_its_declared_name = freehold("backfill", "orders", "--dry-run")
    assert "shop.orders.orders_v2" in by_its_declared_name.output


def test_files_that_change_while_they_are_read_are_not_put_in_force(
    freehold: Say, shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is kept must load as what was read: otherwise nothing is recorded, and the next run goes by the old."""
    from freehold.delivery import applying

    plain = applying.keep

    def broken(*given: Any) -> str:
        (shop / CONTRACT).write_text("id: [nothing\n")
        return plain(*given)

    monkeypatch.setattr(applying, "keep", broken)
    done = freehold("apply", "--yes")
    assert refused(done) == "FH-P006"
    monkeypatch.undo()
    applied = said(freehold("ledger", "tail", "--type", "estate.applied", "--json"))
    assert len(applied["events"] if isinstance(applied, dict) else applied) == 1
