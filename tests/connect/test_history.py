"""Histories of a dbt project: nothing that changed is called unchanged; layout, renames, refactors rebuild nothing.

The judge is DuckDB: both versions of every model are run over the same rows, and where a model's rows or columns
differ, the plan must say so.
"""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest
from dbt_made import Made, Model, shop

from freehold.connect.dbt import joined, joining, read_project
from freehold.connect.dbt.text import without_layout
from freehold.delivery.graph import Graph
from freehold.delivery.lineage import estate_lineage
from freehold.delivery.plan import ChangeClass, Plan, Version, meanings_of, plan
from freehold.estate import load_estate
from freehold.estate.model import Estate

ESTATE = """apiVersion: freehold.dev/v1
kind: Estate
metadata: {id: watcher}
spec:
  connections: {warehouse: {url: "duckdb:///w.db"}}
  environments: {prod: {connection: warehouse}}
"""
ROWS = """
CREATE SCHEMA db.raw; CREATE SCHEMA db.landing;
CREATE TABLE db.raw.orders AS SELECT i AS id, i % 7 AS customer_id, (i * 37) % 900 - 20 AS amount, i % 3 AS discount,
  CASE i % 2 WHEN 0 THEN 'paid' ELSE 'open' END AS status, DATE '2026-01-01' + (i % 9)::INTEGER AS ordered_at
  FROM range(60) t(i);
CREATE TABLE db.landing.orders AS SELECT * FROM db.raw.orders;
CREATE TABLE db.raw.orders_v2 AS SELECT * REPLACE (amount + 1 AS amount) FROM db.raw.orders;
CREATE TABLE db.raw.customers AS SELECT i AS id, 'name ' || i AS name FROM range(5) t(i);
CREATE TABLE db.raw.refunds AS SELECT 1 AS x;
"""


def longer() -> Made:
    """Return the made shop with a package, a variable, an ephemeral model and more models below."""
    made = shop()
    made.macros["kit.safe_divide"] = "{% macro safe_divide(a, b) %}({{ a }} / nullif({{ b }}, 0)){% endmacro %}"
    made.models["rates"] = Model(
        "select o.customer_id, {{ kit.safe_divide('sum(o.discount)', 'sum(o.amount)') }} as rate,\n"
        "  max(o.status) as last_status\nfrom {{ ref('orders') }} as o\ngroup by o.customer_id\n"
    )
    made.models["ranked"] = Model(
        "select *, row_number() over (partition by customer_id order by order_id) as n\nfrom {{ ref('orders') }}\n"
    )
    made.models["firsts"] = Model("select * from {{ ref('ranked') }} where n = 1\n")
    made.models["report"] = Model(
        "select r.customer_id, r.rate, c.revenue, f.order_id as first_order\nfrom {{ ref('rates') }} r\n"
        "left join {{ ref('customer_revenue') }} c on r.customer_id = c.customer_id\n"
        "left join {{ ref('firsts') }} f on f.customer_id = r.customer_id\n"
    )
    made.models["both"] = Model(
        "select customer_id, 'rate' as what, rate as value from {{ ref('rates') }}\nunion all\n"
        "select customer_id, 'revenue', revenue from {{ ref('customer_revenue') }}\n"
    )
    made.columns = {"orders": dict.fromkeys(["id", "customer_id", "amount", "discount", "status", "ordered_at"], "")}
    return made


# -- edits that change nothing


def formatted(made: Made, draw: random.Random) -> None:
    """Another layout, with comments and the case of keywords changed."""
    model = made.models[draw.choice(sorted(made.models))]
    text = model.sql.replace("\nfrom ", "\n\n  FROM  ").replace("select ", "SELECT\n    ", 1).replace(", ", "\n  , ", 2)
    model.sql = f"-- tidied {draw.randrange(100)}\n{{# for the board #}}\n{text}/* end */\n"


def renamed_inside(made: Made, draw: random.Random) -> None:
    """A CTE and an alias of a table have other names."""
    orders, rates = made.models["orders"], made.models["rates"]
    orders.sql = orders.sql.replace("with o as", "with placed as").replace("from o left", "from placed as o left")
    rates.sql = rates.sql.replace("as o\n", "as placed\n").replace("o.", "placed.")


def refactored(made: Made, draw: random.Random) -> None:
    """What a macro gives is given by two macros, and its file was laid out anew."""
    made.macros["cents"] = "{% macro cents(c) %}{{ hundredth(c) }}{% endmacro %}"
    made.macros = {"hundredth": "{% macro hundredth(c) -%}\n  ({{ c }} / 100.0)\n{%- endmacro %}", **made.macros}


def inlined(made: Made, draw: random.Random) -> None:
    """A macro is written out where it was called."""
    made.models["stg_orders"].sql = made.models["stg_orders"].sql.replace("{{ cents('amount') }}", "(amount / 100.0)")


def source_called_otherwise(made: Made, draw: random.Random) -> None:
    """A source has another name in YAML and is the same relation."""
    made.sources["shop_raw", "customers"] = {"schema": "raw"}
    made.models["stg_customers"].sql = made.models["stg_customers"].sql.replace("'raw', 'cust", "'shop_raw', 'cust")


def moved(made: Made, draw: random.Random) -> None:
    """A file lies in another folder."""
    made.models[draw.choice(sorted(made.models))].folder = "elsewhere"


def described(made: Made, draw: random.Random) -> None:
    """Only words and owners are others."""
    model = made.models[draw.choice(sorted(made.models))]
    model.description, model.owner = f"Said anew {draw.random()}", "Somebody"


def another_target(made: Made, draw: random.Random) -> None:
    """The target is another schema, as on a CI runner."""
    made.schema = "pr_12"


def unused_variable(made: Made, draw: random.Random) -> None:
    """A variable that nothing reads has another value."""
    made.variables["unused"] = draw.random()


# -- edits that change data


def filtered(made: Made, draw: random.Random) -> None:
    """A model lets fewer rows through."""
    made.models["ranked"].sql += f"where order_id % 5 <> {draw.randrange(5)}\n"


def another_expression(made: Made, draw: random.Random) -> None:
    """One column is computed otherwise."""
    made.models["daily_revenue"].sql = made.models["daily_revenue"].sql.replace("sum(amount)", "sum(amount) * 2")


def another_macro(made: Made, draw: random.Random) -> None:
    """A macro gives something else; no file of a model is touched."""
    made.macros["cents"] = f"{{% macro cents(c) %}}({{{{ c }}}} / {draw.choice([10, 1000])}.0){{% endmacro %}}"


def another_package(made: Made, draw: random.Random) -> None:
    """A package is upgraded, and one of its macros gives something else."""
    made.macros["kit.safe_divide"] = (
        "{% macro safe_divide(a, b) %}(coalesce({{ a }}, 0) / nullif({{ b }}, 0) + 1){% endmacro %}"
    )


def another_variable(made: Made, draw: random.Random) -> None:
    """A variable has another value."""
    made.variables["least"] = draw.choice([50, 500])


def another_relation(made: Made, draw: random.Random) -> None:
    """A source of the same name is another table."""
    made.sources["raw", "orders"] = {"identifier": "orders_v2", "freshness": True}


def column_added(made: Made, draw: random.Random) -> None:
    """A column comes, and goes through stars below."""
    made.models["orders"].sql = made.models["orders"].sql.replace("o.ordered_on\n", "o.ordered_on, 1 as tax\n")


def column_removed(made: Made, draw: random.Random) -> None:
    """A column goes that nothing reads by name."""
    made.models["rates"].sql = made.models["rates"].sql.replace(",\n  max(o.status) as last_status", "")


def columns_swapped(made: Made, draw: random.Random) -> None:
    """Two columns give each other's values."""
    made.models["report"].sql = made.models["report"].sql.replace(
        "r.rate, c.revenue", "c.revenue as rate, r.rate as revenue"
    )


def duplicates_dropped(made: Made, draw: random.Random) -> None:
    """UNION ALL becomes UNION, over rows that repeat."""
    made.models["both"].sql = (
        made.models["both"]
        .sql.replace("select customer_id, 'r", "select 1, 'r")
        .replace("rate as value", "1 as value")
        .replace("'revenue', revenue", "'rate', 1")
    )
    made.models["both"].sql = made.models["both"].sql.replace("union all", "union")


NOTHING = [
    formatted, renamed_inside, refactored, inlined, source_called_otherwise, moved, described, another_target,
    unused_variable,
]  # fmt: skip
SOMETHING = [
    filtered, another_expression, another_macro, another_package, another_variable, another_relation, column_added,
    column_removed, columns_swapped, duplicates_dropped,
]  # fmt: skip
Edit = Callable[[Made, random.Random], None]


@pytest.fixture
def estate(tmp_path: Path) -> Estate:
    """Return an estate of no files of its own."""
    (tmp_path / "estate").mkdir()
    (tmp_path / "estate" / "estate.yaml").write_text(ESTATE)
    return load_estate(tmp_path / "estate")


def planned(before: Made, after: Made, estate: Estate, folder: Path, version: int = 12) -> Plan:
    """Return the plan from one version of a project to another."""
    old = read_project(before.write_artifacts(folder / "old", version))
    new = read_project(after.write_artifacts(folder / "new", version))
    join = joining([(new, old)], estate.root)
    return plan(estate, Version(estate, "before", is_deployed=False), "prod", "duckdb", join=join)


def said(found: Plan) -> dict[str, ChangeClass]:
    """Return the class of every model that a plan calls changed."""
    return {c.asset.removeprefix("shop."): c.change for c in found.changes if c.change > ChangeClass.METADATA}


def outcomes(made: Made) -> dict[str, tuple[list[str], list[tuple[object, ...]]]]:
    """Run every model of a project; return its columns and its rows, sorted."""
    with duckdb.connect() as connection:
        connection.execute(f"ATTACH ':memory:' AS db; CREATE SCHEMA IF NOT EXISTS db.{made.schema}; {ROWS}")
        texts = {name: made.compiled(model.sql) for name, model in made.models.items()}
        found, waiting = {}, dict(texts)
        while waiting:
            for name, (text, reads, _) in list(waiting.items()):
                if not any(made.id_of(other) in reads for other in waiting):
                    connection.execute(f"CREATE TABLE {made.relation(name)} AS {text}")
                    rows = connection.execute(f"SELECT * FROM {made.relation(name)}")
                    columns = [c[0] for c in rows.description]
                    found[name] = (columns, sorted(rows.fetchall(), key=str))
                    del waiting[name]
    return found


def differing(before: Made, after: Made) -> set[str]:
    """Return the models whose rows or columns are not what they were."""
    old, new = outcomes(before), outcomes(after)
    return {name for name in old.keys() | new.keys() if old.get(name) != new.get(name)}


@pytest.mark.parametrize("edit", NOTHING, ids=lambda e: e.__doc__)
def test_what_changes_no_data_is_called_unchanged(edit: Edit, estate: Estate, tmp_path: Path) -> None:
    """Layout, names inside, refactored macros, moved files, words, another target: nothing is to be built again."""
    before = longer()
    after = copy.deepcopy(before)
    edit(after, random.Random(1))

    assert not differing(before, after)
    assert said(planned(before, after, estate, tmp_path)) == {}


@pytest.mark.parametrize("edit", SOMETHING, ids=lambda e: e.__doc__)
def test_what_changes_data_is_told_and_little_else(edit: Edit, estate: Estate, tmp_path: Path) -> None:
    """Every model whose rows differ is among those the plan builds, though no file of it may have been touched."""
    before = longer()
    after = copy.deepcopy(before)
    edit(after, random.Random(1))
    changed = differing(before, after)
    found = planned(before, after, estate, tmp_path)

    assert changed
    assert changed <= said(found).keys()
    assert said(found).keys() & before.models.keys() < before.models.keys()


@pytest.mark.parametrize("seed", range(12))
def test_a_history_of_mixed_edits(seed: int, estate: Estate, tmp_path: Path) -> None:
    """Whatever edits come together, no model whose rows differ is called unchanged."""
    draw = random.Random(seed)
    before = longer()
    for edit in draw.sample(NOTHING, 2):
        edit(before, draw)
    after = copy.deepcopy(before)
    for edit in (*draw.sample(NOTHING, 2), *draw.sample(SOMETHING, draw.randint(0, 3))):
        edit(after, draw)

    missed = differing(before, after) - said(planned(before, after, estate, tmp_path, draw.choice([10, 11, 12]))).keys()

    assert not missed


def incremental(made: Made) -> None:
    """Another branch."""
    made.models["events"].sql = made.models["events"].sql.replace("max(ordered_on)", "min(ordered_on)")


def keyed(made: Made) -> None:
    """Another key."""
    made.models["events"].config["unique_key"] = ["order_id", "ordered_on"]


def hooked(made: Made) -> None:
    """A hook that deletes."""
    made.models["orders"].config["post-hook"] = [{"sql": "delete from {{ this }} where amount < 0"}]


def typed(made: Made) -> None:
    """Another type."""
    made.models["daily_revenue"].columns["revenue"] = {"data_type": "integer"}


def seeded(made: Made) -> None:
    """Other rows."""
    made.seeds["rates_by_hand"] = "a,b\n1,3\n"


UNSEEN = {
    "the branch of an incremental model": (incremental, "events"),
    "the key of an incremental model": (keyed, "events"),
    "a hook": (hooked, "orders"),
    "an enforced type": (typed, "daily_revenue"),
    "the content of a seed": (seeded, "rates_by_hand"),
}


@pytest.mark.parametrize("case", UNSEEN, ids=str)
def test_what_compiled_sql_does_not_show_is_seen(case: str, estate: Estate, tmp_path: Path) -> None:
    """What decides rows beside the compiled SQL is told as a change of rows, here and below."""
    edit, name = UNSEEN[case]
    before = longer()
    before.seeds["rates_by_hand"] = "a,b\n1,2\n"
    before.models["below"] = Model(f"select * from {{{{ ref('{name}') }}}}\n")
    after = copy.deepcopy(before)
    edit(after)
    found = said(planned(before, after, estate, tmp_path))

    assert found[name] is found["below"] is ChangeClass.ROWS


def test_without_compiled_sql_the_text_with_its_macros_counts(estate: Estate, tmp_path: Path) -> None:
    """Of a project that was only parsed, a changed macro is seen in the models that call it, and a layout is not."""
    before, after, tidied = longer(), longer(), longer()
    another_macro(after, random.Random(1))
    formatted(tidied, random.Random(3))
    for made in (before, after, tidied):
        made.compiled = lambda sql, made=made: ("", type(made).compiled(made, sql)[1], made.called(sql))  # type: ignore

    assert "stg_orders" in said(planned(before, after, estate, tmp_path))
    tidied.models["orders"].sql = before.models["orders"].sql.replace("\n", "\n  -- a comment\n")
    tidied.models |= {n: m for n, m in before.models.items() if n != "orders"}
    assert said(planned(before, tidied, estate, tmp_path)) == {}


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("a,\n  -- why\n\n b", "a, b"),
        ("{# note #}select 'a  -- b' /* c */ as x", "select 'a  -- b' as x"),
        ("\"a  b\"\t||  'it''s  so'", "\"a  b\" || 'it''s  so'"),
    ],
    ids=["comments between lines", "a comment in a string is none", "space in quotes stays"],
)
def test_layout_goes_and_strings_stay(text: str, left: str) -> None:
    """What is compared by its text is compared without comments and space, and with every string as it is."""
    assert without_layout(text) == left


@pytest.mark.parametrize(
    "adapter", ["bigquery", "snowflake", "databricks", "redshift", "postgres", "trino", "nobody's"]
)
def test_every_warehouse_is_spoken_to_in_its_own_quotes(adapter: str, estate: Estate, tmp_path: Path) -> None:
    """Another schema and layout change nothing, one column changes itself, and lineage leads to the source."""
    before = longer()
    before.adapter = adapter
    after, changed = copy.deepcopy(before), copy.deepcopy(before)
    another_target(after, random.Random(1))
    formatted(after, random.Random(1))
    another_expression(changed, random.Random(1))
    changed.schema = "pr_3"
    project = read_project(before.write_artifacts(tmp_path / "one"))
    lineage = estate_lineage(joined(Graph({}), [project], estate.root), None, "duckdb")
    column = next(f for f in lineage.fields("shop.daily_revenue") if f.column.lower() == "revenue")
    above = {str(edge.source).lower() for _, edge in lineage.walk(column, down=False)}

    assert said(planned(before, after, estate, tmp_path)) == {}
    assert said(planned(before, changed, estate, tmp_path)) == {"daily_revenue": ChangeClass.COLUMN}
    assert above == {"shop.orders.amount", "shop.stg_orders.amount", "raw.orders.amount"}
    assert not lineage.unread


def test_snapshots_and_python_models(made: Made, estate: Estate, tmp_path: Path) -> None:
    """A snapshot gives its query's columns and those of its history; a Python model counts by its code."""

    def written(body: str) -> Path:
        target = made.write_artifacts(tmp_path / body.replace(" ", ""))
        said = json.loads((target / "manifest.json").read_text())
        one = said["nodes"]["model.shop.forgotten"]
        kept = {
            **one,
            "resource_type": "snapshot",
            "name": "kept",
            "alias": "kept",
            "relation_name": '"db"."main"."kept"',
        }
        kept["config"] = {"materialized": "snapshot", "strategy": "check", "check_cols": "all"}
        said["nodes"]["snapshot.shop.kept"] = kept
        code = f"def model(dbt, session):\n    return {body}\n"
        said["nodes"]["model.shop.forgotten"] |= {"language": "python", "raw_code": code, "compiled_code": code}
        (target / "manifest.json").write_text(json.dumps(said))
        return target

    first, same, other = (read_project(written(body)) for body in ("1 + 1", "1  +  1", "2"))
    graph = joined(Graph({}), [first], estate.root)
    version = Version(estate, "before", is_deployed=False)

    assert list(meanings_of(graph, "duckdb")["shop.kept"].columns) == [
        "customer_id", "dbt_scd_id", "dbt_updated_at", "dbt_valid_from", "dbt_valid_to",
    ]  # fmt: skip
    for after, expected in ((same, {}), (other, {"forgotten": ChangeClass.ROWS})):
        found = plan(estate, version, "prod", "duckdb", join=joining([(after, first)], estate.root))
        assert said(found) == expected


def test_a_model_that_reads_itself_is_no_circle(made: Made, estate: Estate, tmp_path: Path) -> None:
    """An incremental model compiled where its table is there already reads that table."""
    made.models["events"].sql += "-- {{ ref('events') }}\nunion select order_id, ordered_on from {{ ref('events') }}\n"
    project = read_project(made.write_artifacts(tmp_path / "now"))
    now, _ = joining([(project, None)], estate.root)(Graph({}), Graph({}))

    assert now.assets["shop.events"].inputs == ("shop.orders",)
