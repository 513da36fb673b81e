"""`freehold init`: a first estate that validates and runs, or drafts of what is there."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import pytest
from click.testing import CliRunner

from freehold.cli.init import init
from freehold.estate import load_estate
from freehold.foundation import FreeholdError


def started(*words: str) -> str:
    """Run `freehold init` and return what it says."""
    done = CliRunner().invoke(init, list(words), catch_exceptions=False)
    assert done.exit_code == 0
    return done.output


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """Return a database with two tables that belong together, and one in another schema."""
    path = tmp_path / "shop.db"
    with duckdb.connect(str(path)) as connection:
        connection.execute(
            "CREATE TABLE customers AS SELECT i AS customer_id, 'name ' || i AS name, "
            "CASE i % 3 WHEN 0 THEN 'gold' WHEN 1 THEN 'no' ELSE 'tin' END AS grade FROM range(200) t(i)"
        )
        connection.execute(
            'CREATE TABLE "Orders" AS SELECT i AS order_id, (i * 7) % 200 AS customer_id, '
            "(i % 500)::DECIMAL(12, 2) AS amount, "
            "CASE WHEN i % 4 > 0 THEN 'note' || i END AS note FROM range(1000) t(i)"
        )
        connection.execute("CREATE SCHEMA audit; CREATE TABLE audit.log (at_second INTEGER, what VARCHAR)")
    return path


def test_the_scaffold_validates_and_holds_what_it_says(tmp_path: Path) -> None:
    """A new estate has no fault and no finding, a week of sample files, and keeps .freehold/ out of git."""
    said = started(str(tmp_path / "my-estate"))
    estate = load_estate(tmp_path / "my-estate")

    assert "Next: cd " in said
    assert (estate.id, estate.name, estate.findings) == ("my-estate", "My estate", ())
    assert (tmp_path / "my-estate" / ".gitignore").read_text().splitlines()[-1] == ".freehold/"
    assert len(list((tmp_path / "my-estate" / "landing" / "orders").iterdir())) == 7


def test_the_scaffold_runs_at_once(tmp_path: Path) -> None:
    """What `freehold init` writes is built, checked and published as it stands, with every check passed."""
    from freehold.cli.run import run

    started(str(tmp_path / "first"))
    done = CliRunner().invoke(run, ["--json"], obj=str(tmp_path / "first"), catch_exceptions=False)
    steps = json.loads(done.stdout)

    assert done.exit_code == 0, done.output
    assert '"quarantined"' not in json.dumps(steps)


@pytest.mark.parametrize("name", ["a file", "a folder with a file"])
def test_a_folder_that_holds_something_is_refused(name: str, tmp_path: Path) -> None:
    """Nothing is written where something is already, and the exit code is that of usage."""
    target = tmp_path / "taken"
    if name == "a file":
        target.write_text("mine")
    else:
        target.mkdir()
        (target / "mine.txt").write_text("mine")
    with pytest.raises(FreeholdError) as caught:
        started(str(target))

    assert (caught.value.code, caught.value.exit_code) == ("FH-V401", 2)
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == [
        "taken" if name == "a file" else "mine.txt"
    ]


def test_an_empty_folder_is_taken(tmp_path: Path) -> None:
    """A folder that is there but empty is as good as a new one; --json lists what was written."""
    (tmp_path / "empty").mkdir()

    files = json.loads(started(str(tmp_path / "empty"), "--json"))["files"]

    assert sorted(files) == sorted(
        path.relative_to(tmp_path / "empty").as_posix() for path in (tmp_path / "empty").rglob("*") if path.is_file()
    )


def test_drafts_hold_on_the_day_they_are_drawn(database: Path, tmp_path: Path) -> None:
    """A product a schema, a contract a table, watched as drafts, valid as they stand, with nothing found fault with."""
    started(str(tmp_path / "drafts"), "--from", f"duckdb:///{database}")
    estate = load_estate(tmp_path / "drafts")

    assert estate.findings == ()
    assert {id_: (p.mode, p.status) for id_, p in estate.products.items()} == {
        "audit": ("watch", "draft"), "main": ("watch", "draft"),
    }  # fmt: skip
    assert sorted(estate.contracts) == ["audit.log", "main.customers", "main.orders"]
    orders = estate.contracts["main.orders"].objects[0]
    by_name = {p.name: p for p in orders.properties}
    assert (orders.physical_name, orders.key) == ("Orders", ("order_id",))
    assert [p.name for p in orders.properties if p.required] == ["order_id", "customer_id", "amount"]
    assert by_name["customer_id"].relationships[0].to_object == "main.customers"
    assert by_name["customer_id"].relationships[0].to_columns == ("customer_id",)
    assert by_name["amount"].options == {"minimum": 0, "maximum": 10000}
    grade = estate.contracts["main.customers"].objects[0].properties[2]
    assert grade.enum == ("gold", "no", "tin")


def test_each_drafted_claim_says_what_it_was_drawn_from(database: Path, tmp_path: Path) -> None:
    """Beside each claim stands what was seen, so that a person can tell chance from meaning."""
    started(str(tmp_path / "drafts"), "--from", f"duckdb:///{database}")
    lines = (tmp_path / "drafts/main/contracts/orders.odcs.yaml").read_text().splitlines()
    claims = ("required:", "primaryKey:", "unique:", "logicalTypeOptions:", "enum:", "- to:", "- type: library")

    found = [line for line in lines if line.strip().startswith(claims)]

    assert len(found) >= 8
    assert all("# drafted: " in line for line in found)


@pytest.mark.parametrize(
    ("source", "code"),
    [("duckdb:///missing.db", "FH-V403"), ("oracle://x", "FH-V403"), ("duckdb:///EMPTY", "FH-V404")],
    ids=["no such file", "another kind of database", "a database without tables"],
)
def test_a_source_that_gives_nothing(source: str, code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without tables to draft from, one error says so, and neither a folder nor a database is made."""
    monkeypatch.chdir(tmp_path)
    duckdb.connect(str(tmp_path / "EMPTY")).close()
    with pytest.raises(FreeholdError) as caught:
        started("drafts", "--from", source)

    assert (caught.value.code, caught.value.exit_code) == (code, 2)
    assert [path.name for path in tmp_path.iterdir()] == ["EMPTY"]


def test_a_database_in_use_names_its_holder(database: Path, tmp_path: Path) -> None:
    """A database that another process holds is refused with that process named, and nothing is written."""
    import subprocess
    import sys

    code = "import sys, duckdb; c = duckdb.connect(sys.argv[1]); print('open', flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", code, str(database)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "open\n"
        with pytest.raises(FreeholdError) as caught:
            started(str(tmp_path / "drafts"), "--from", f"duckdb:///{database}")
        holder.communicate("")

    assert (caught.value.code, str(holder.pid) in caught.value.problem) == ("FH-E101", True)
    assert not (tmp_path / "drafts").exists()


def test_contracts_are_drafted_from_the_tables_of_a_server(postgres_url: str, tmp_path: Path) -> None:
    """As from a file: a contract a table, keys, lists and references proved; nothing is written there, nor a secret."""
    from freehold.engines import open_engine
    from freehold.foundation import LOCAL

    engine = open_engine(postgres_url)
    session = engine.session(LOCAL, {})
    session.run("CREATE TABLE customers (customer_id integer PRIMARY KEY, name text, grade varchar(8), score float)")
    session.run(
        "INSERT INTO customers SELECT i, 'name ' || i, CASE i % 3 WHEN 0 THEN 'gold' ELSE 'tin' END, "
        "CASE WHEN i = 7 THEN 'NaN'::float ELSE i END FROM generate_series(1, 200) t(i)"
    )
    session.run(
        "CREATE TABLE orders AS SELECT i AS order_id, 1 + i % 200 AS customer_id FROM generate_series(1, 900) t(i)"
    )
    before = session.relations()
    started(str(tmp_path / "drafted"), "--from", postgres_url)
    assert session.relations() == before
    session.close()
    engine.close()
    estate = load_estate(tmp_path / "drafted")
    contract = estate.contracts["public.customers"]
    assert contract.servers[0].type == "postgres"
    columns = {p.name: p for p in contract.objects[0].properties}
    assert columns["customer_id"].primary_key
    assert [getattr(v, "get", {"value": v}.get)("value") for v in columns["grade"].enum] == ["gold", "tin"]
    orders = estate.contracts["public.orders"].objects[0]
    assert any(p.relationships for p in orders.properties)
    assert estate.products["public"].mode == "watch"


def test_the_password_of_a_server_is_written_nowhere() -> None:
    """Not in the URL and not in its options: estate.yaml says where to take it from."""
    from freehold.cli.init import _server

    found = _server("postgresql://ann:s3cret@db.example:5433/shop?password=s3cret&sslmode=require")
    assert found.connection == {
        "url": "postgresql://ann@db.example:5433/shop?sslmode=require",
        "password": "env:PGPASSWORD",
    }
    assert found.server == {"type": "postgres", "host": "db.example", "port": 5433, "database": "shop"}


OSSIE = """
version: 0.2.0.dev0
semantic_model:
  - name: shop
    datasets:
      - {name: orders, source: prod.main.Orders, primary_key: [order_id]}
      - {name: customers, source: customers, primary_key: [customer_id]}
      - {name: logs, source: elsewhere.log_of_2011}
    relationships:
      - {name: buyer, from: orders, to: customers, from_columns: [customer_id], to_columns: [customer_id]}
    metrics:
      - {name: revenue, expression: {dialects: [{dialect: ANSI_SQL, expression: SUM(orders.amount)}]}}
"""


def test_metrics_of_ossie_stand_on_the_tables_that_are_there(tmp_path: Path, database: Path) -> None:
    """Datasets read the assets of their tables, the rest is named, and the metric is answered."""
    from freehold.cli.query import query

    (tmp_path / "shop.yaml").write_text(OSSIE)
    folder = tmp_path / "taken"

    said = started(str(folder), "--from", f"duckdb:///{database}", "--from-ossie", str(tmp_path / "shop.yaml"))
    asked = ["revenue", "--by", "grade", "--format", "csv"]
    answer = CliRunner().invoke(query, asked, obj=str(folder), catch_exceptions=False)

    assert "Took shop: 3 datasets, 1 relationship, 1 metric." in said
    assert "Of assets: orders (main.orders), customers (main.customers)." in said
    assert "Of tables, as the warehouse names them: logs (elsewhere.log_of_2011)." in said
    assert load_estate(folder).findings == ()
    with duckdb.connect(str(database), read_only=True) as connection:
        truth = connection.execute(
            'SELECT grade, SUM(amount) FROM "Orders" JOIN customers USING (customer_id) GROUP BY 1 ORDER BY 1'
        ).fetchall()
    assert answer.stdout.split() == ["grade,revenue", *(f"{grade},{amount}" for grade, amount in truth)]


def test_metrics_of_ossie_alone_make_an_estate(tmp_path: Path) -> None:
    """Without a database every dataset reads a table by the name the warehouse has."""
    (tmp_path / "shop.yaml").write_text(OSSIE.replace("source: prod", "fields: [], source: prod"))

    said = json.loads(started(str(tmp_path / "alone"), "--from-ossie", str(tmp_path / "shop.yaml"), "--json"))

    assert said["files"] == ["estate.yaml", "README.md", ".gitignore", "metrics/shop.yaml"]
    assert said["models"][0]["tables"] == {
        "orders": "prod.main.Orders", "customers": "customers", "logs": "elsewhere.log_of_2011",
    }  # fmt: skip
    assert load_estate(tmp_path / "alone").findings == ()


def test_a_bad_file_of_ossie_leaves_nothing_behind(tmp_path: Path) -> None:
    """The place is told, and no folder is made."""
    (tmp_path / "shop.yaml").write_text(OSSIE.replace("SUM(orders.amount)", "SUM(orders.amount"))

    done = CliRunner().invoke(init, [str(tmp_path / "none"), "--from-ossie", str(tmp_path / "shop.yaml")])

    assert done.exit_code != 0
    assert "shop.yaml:12" in str(done.exception)
    assert not (tmp_path / "none").exists()
