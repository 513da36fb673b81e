"""What dbt builds, published by Freehold: a real dbt, on DuckDB and on PostgreSQL."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from dbt_real import ORDERS, RealShop, dbt_here, make

from freehold.foundation import FreeholdError
from live_postgres import LivePostgres

pytestmark = pytest.mark.dbt

REVENUE = "SELECT customer, revenue FROM shop_finance.revenue ORDER BY 1"
LIVE = [("ada", 150), ("bob", 200)]


@pytest.fixture(scope="session")
def drafted(tmp_path_factory: pytest.TempPathFactory) -> RealShop:
    """The shop on DuckDB, as its team built it, with an estate that publishes and has not run yet."""
    return make(tmp_path_factory.mktemp("drafted"), "duckdb:///../../w.db", "duckdb")


@pytest.fixture(scope="session")
def once(drafted: RealShop, tmp_path_factory: pytest.TempPathFactory) -> RealShop:
    """The same after the first run."""
    shop = copied(drafted, tmp_path_factory.mktemp("once"))
    shop("run", code=0)
    return shop


@pytest.fixture
def shop(once: RealShop, tmp_path: Path) -> RealShop:
    """A copy of it, to change."""
    return copied(once, tmp_path)


@pytest.fixture(params=["duckdb", "postgres"])
def anywhere(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[RealShop]:
    """The shop on each engine, drafted and not yet run."""
    if request.param == "duckdb":
        yield copied(request.getfixturevalue("drafted"), tmp_path)
        return
    server: LivePostgres = request.getfixturevalue("postgres")
    url = server.fresh()
    yield make(tmp_path, url, "postgres")
    server.drop(url)


def copied(shop: RealShop, into: Path) -> RealShop:
    """Return a copy of a shop."""
    return RealShop(Path(shutil.copytree(shop.root, into / "copy")), shop.url)


def footprint(shop: RealShop) -> dict[str, str]:
    """Return the files of the dbt project by their content, without the folder that is ours."""
    files = (p for p in shop.project.rglob("*") if p.is_file() and shop.estate not in p.parents)
    return {str(p): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def wrapped(shop: RealShop, script: str) -> None:
    """Let the estate call dbt by a shell script; `$DBT` in it is the real one."""
    path = shop.root / "dbt.sh"
    path.write_text(f"#!/bin/sh\nDBT={dbt_here()}\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    shop.change("estate:estate.yaml", f"command: {dbt_here()}", f"command: {path}")


def refused(shop: RealShop, *words: str) -> FreeholdError:
    """Return the error that a command ends with."""
    error = shop(*words).exception
    assert isinstance(error, FreeholdError), error
    return error


def test_what_dbt_builds_is_judged_published_kept_back_and_taken_back(anywhere: RealShop) -> None:
    """On each engine: tests of dbt and contracts judge candidates, what fails is kept back, nothing is left."""
    shop, before = anywhere, footprint(anywhere)
    first = shop.steps()
    live = shop.rows(REVENUE)
    shop.orders(*ORDERS, ("3", "cyd", "70", "paid", "2026-01-04"))
    failing = shop.said("run", code=1)
    kept = shop.rows(REVENUE)
    waiting = shop("quarantine", "list").output
    shop.orders(*ORDERS, ("4", "cyd", "70", "late", "2026-01-04"))
    mended = shop.said("run")
    now = shop.rows(REVENUE)
    growth = shop.rows("SELECT order_id, built FROM shop_finance.growth ORDER BY 1")
    shop("rollback", "shop.finance", code=0)

    assert set(first.values()) == {"published"}
    assert {"shop.finance.revenue", "shop.finance.orders", "shop.finance.growth", "shop.stg_orders"} < set(first)
    assert live == kept == shop.rows(REVENUE) == LIVE
    told = {s["asset"]: (s["status"], s["reason"] or "") for s in failing["steps"]}
    assert told["shop.stg_orders"][0] == "quarantined"
    assert "dbt test unique of `order_id`" in told["shop.stg_orders"][1]
    assert told["shop.finance.revenue"][0] == "held"
    assert "shop.stg_orders" in waiting
    warned = [r["check"] for s in mended["steps"] for r in s["not_passed"] if r["verdict"] == "warn"]
    assert any("accepted_values" in check for check in warned)
    assert now == [("ada", 150), ("bob", 200), ("cyd", 70)]
    assert growth == [(1, "first"), (2, "first"), (3, "first"), (4, "again")]
    assert shop.left_over() == []
    after = {path: content for path, content in footprint(shop).items() if "raw_orders" not in path}
    assert after == {path: content for path, content in before.items() if "raw_orders" not in path}


@pytest.mark.long
def test_a_product_that_goes_from_watch_to_publish_is_told_what_it_takes(drafted: RealShop, tmp_path: Path) -> None:
    """`plan` lists the relations, `apply` publishes them or says what is in the way, and moves it aside on request."""
    shop = copied(drafted, tmp_path)
    files = list(shop.estate.rglob("product.odps.yaml"))
    for file in files:
        file.write_text(file.read_text().replace("value: publish", "value: watch"))
    shop("run", code=0)
    shop.execute("CREATE SCHEMA shop_finance", "CREATE TABLE shop_finance.revenue AS SELECT 42 AS mine")
    for file in files:
        file.write_text(file.read_text().replace("value: watch", "value: publish"))

    listed = {r["asset"]: r["what"] for r in shop.said("plan", "--relations")["relations"]}

    assert listed["shop.finance.revenue"] == "take over"
    assert refused(shop, "apply", "--yes").code == "FH-D223"
    shop("apply", "--yes", "--take-over", code=0)
    assert shop.rows(REVENUE) == LIVE
    assert shop.rows("SELECT mine FROM shop_finance.revenue__before") == [(42,)]


def test_only_what_a_change_reaches_is_built(shop: RealShop) -> None:
    """A comment builds nothing; a changed model is built with what reads it, in one deployment; the rest is kept."""
    shop.change("models/staging/stg_orders.sql", "select", "-- the orders\nselect")
    quiet = shop.said("apply", "--yes")
    shop.change("models/marts/revenue.sql", "sum(amount)", "sum(amount) + 1")
    planned = shop.said("plan")
    applied = shop.said("apply", "--yes", code=1)
    shop.change("tests/revenue_is_whole.sql", "<> (select", "<> 2 + (select")
    second = shop.said("apply", "--yes")

    assert quiet["outcome"]["steps"] == []
    assert {c["asset"]: c["change"] for c in planned["changes"]} == {"shop.finance.revenue": "column"}
    assert applied["applied"] is False
    assert [s["status"] for s in applied["outcome"]["steps"]] == ["quarantined"]
    assert [(s["asset"], s["status"]) for s in second["outcome"]["steps"]] == [("shop.finance.revenue", "published")]
    assert shop.rows(REVENUE) == [("ada", 151), ("bob", 201)]


@pytest.mark.long
def test_an_incremental_model_starts_anew_where_it_means_something_else(shop: RealShop) -> None:
    """A changed incremental model is built from the start, not half by the old meaning and half by the new."""
    shop.change("models/marts/growth.sql", "amount,", "amount * 2 as amount,")
    shop.orders(*ORDERS, ("4", "cyd", "70", "paid", "2026-01-04"))
    shop("run", code=0)

    rows = shop.rows("SELECT amount, built FROM shop_finance.growth ORDER BY 1")
    assert rows == [(100, "first"), (140, "first"), (200, "first"), (400, "first")]


@pytest.mark.long
def test_a_snapshot_keeps_its_history(shop: RealShop) -> None:
    """A snapshot goes on from what stands: a changed status closes the old row and opens a new one."""
    contract = (shop.estate / "finance/contracts/revenue.odcs.yaml").read_text().partition("    properties:")[0]
    contract = contract.replace("revenue", "statuses").replace("model.shop", "snapshot.shop")
    (shop.estate / "finance/contracts/statuses.odcs.yaml").write_text(contract)
    port = "  - {name: statuses, version: 0.1.0, contractId: shop.finance.statuses}\nteam:"
    shop.change("estate:finance/product.odps.yaml", "team:", port)
    shop("run", code=0)
    shop.orders(("1", "ada", "100", "open", "2026-01-01"), *ORDERS[1:])
    shop("run", code=0)

    found = shop.rows("SELECT order_id, status, dbt_valid_to IS NULL FROM shop_finance.statuses ORDER BY ALL")
    assert found == [(1, "open", True), (1, "paid", False), (2, "open", True), (3, "paid", True)]


@pytest.mark.long
def test_a_protected_environment_builds_what_is_applied_there(shop: RealShop) -> None:
    """In a protected environment `run` refuses a model that means something else by now; `apply` puts it in force."""
    shop.change("estate:estate.yaml", "protected: false", "protected: true")
    shop("apply", "--yes", code=0)
    shop.change("models/marts/revenue.sql", "sum(amount)", "sum(amount) + max(amount) - max(amount)")
    error = refused(shop, "run")

    assert (error.code, "`shop.finance.revenue`" in error.problem) == ("FH-X128", True)
    shop("apply", "--yes", code=0)
    shop("run", code=0)
    assert shop.rows(REVENUE) == LIVE


def test_a_model_that_fails_names_its_file(shop: RealShop) -> None:
    """A model that the warehouse refuses fails with its file; what reads it is held, and what is live stays."""
    shop.change("models/staging/stg_orders.sql", "status, cast", "no_such as status, cast")
    said = shop.said("run", code=1)

    steps = {s["asset"]: s for s in said["steps"]}
    assert (steps["shop.stg_orders"]["status"], steps["shop.stg_orders"]["code"]) == ("failed", "FH-X127")
    assert "../models/staging/stg_orders.sql" in steps["shop.stg_orders"]["reason"]
    assert steps["shop.finance.revenue"]["status"] == "held"
    assert shop.rows(REVENUE) == LIVE
    assert shop.left_over() == []


@pytest.mark.parametrize(
    ("path", "text", "said"),
    [
        ("models/marts/revenue.sql", "select * from {{ ref('nobody') }}", "depends on a node named 'nobody'"),
        pytest.param(
            "models/marts/revenue.sql", "select 1\n{% if %}", "Expected an expression", marks=pytest.mark.long
        ),
        pytest.param("models/more.yml", "models:\n - name: [a\n", "Syntax error near line", marks=pytest.mark.long),
    ],
    ids=["a model that is not there", "a broken template", "broken YAML"],
)
def test_a_project_that_does_not_compile_is_told_at_its_place(path: str, text: str, said: str, shop: RealShop) -> None:
    """What dbt says of a project that it cannot compile is one error, at the file that dbt names; nothing changes."""
    shop.write(path, text)
    error = refused(shop, "run")

    assert error.code == "FH-X121"
    assert said in error.problem
    assert error.where is not None
    assert error.where.path == f"../{path}"
    assert shop.rows(REVENUE) == LIVE


@pytest.mark.long
def test_a_project_that_writes_elsewhere_is_refused(shop: RealShop) -> None:
    """Where the project's own macro ignores the schema of the target, nothing is built, and the change is shown."""
    macro = "{% macro generate_schema_name(name, node) %}{{ name or 'main' }}{% endmacro %}"
    shop.write("macros/schema.sql", macro)
    shop.change("models/marts/revenue.sql", "group by customer", "group by customer having true")
    error = refused(shop, "run")

    assert (error.code, "`main`" in error.problem or "`marts`" in error.problem) == ("FH-X125", True)
    assert "generate_schema_name" in (error.fix or "")
    assert shop.rows("SELECT count(*) FROM main_marts.revenue") == [(2,)]
    assert shop.left_over() == []


@pytest.mark.long
def test_files_that_change_while_dbt_builds_are_noticed(shop: RealShop) -> None:
    """What was compiled is what must be built: a file changed in between ends the run, and nothing is published."""
    wrapped(shop, 'case "$*" in *" build "*) echo "-- later" >> models/marts/revenue.sql;; esac\nexec "$DBT" "$@"')
    shop.orders(*ORDERS, ("4", "cyd", "70", "paid", "2026-01-04"))

    assert refused(shop, "run").code == "FH-X126"
    assert shop.rows(REVENUE) == LIVE


def test_a_dbt_that_takes_too_long_is_ended(shop: RealShop) -> None:
    """A call that outlives its timeout is ended with everything it started; nothing is published."""
    wrapped(shop, "sleep 600")
    shop.change("estate:estate.yaml", "command:", "timeout: 1s, command:")

    error = refused(shop, "run")
    assert (error.code, error.exit_code) == ("FH-X122", 3)


def test_killed_while_dbt_builds_nothing_is_published_and_nobody_is_left(shop: RealShop, tmp_path: Path) -> None:
    """SIGKILL in the middle of a build: dbt ends with us, readers see what they saw, and the next run is clean."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    # dbt builds; then its wrapper, which holds the pipe open, waits for ever, so that we are killed in the middle.
    wrapped(
        shop,
        f'case "$*" in *" build "*) exec 3>{pipe}; "$DBT" "$@"; echo built >&3; sleep 600;; *) exec "$DBT" "$@";; esac',
    )
    shop.orders(*ORDERS, ("4", "cyd", "70", "paid", "2026-01-04"))
    command = [str(Path(sys.executable).parent / "freehold"), "-C", str(shop.estate), "run"]
    running = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    with pipe.open() as said:
        assert said.readline() == "built\n"
        running.send_signal(signal.SIGKILL)
        running.wait()
        assert said.read() == ""  # its end: nobody holds the pipe any more
    killed = shop.rows(REVENUE)
    shop.change("estate:estate.yaml", f"command: {shop.root / 'dbt.sh'}", f"command: {dbt_here()}")
    shop("run", code=0)

    assert killed == LIVE
    assert shop.rows(REVENUE) == [*LIVE, ("cyd", 70)]
    assert shop.left_over() == []
