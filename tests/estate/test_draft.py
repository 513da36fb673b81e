"""Drafts: what is claimed of a table is proved of it, whatever the table is like."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from freehold.engines import Relation, Session, open_engine, quoted
from freehold.engines.duckdb.engine import CAPABILITIES
from freehold.estate.contracts import contract_from
from freehold.estate.inspecting import document_errors
from freehold.estate.model import Contract, Property
from freehold.estate.reading import read_documents
from freehold.foundation import LOCAL
from freehold.quality.draft import TableFacts, asset_names, draft_contract, links_between, look_at

ODD = "Order's: list #1"


@pytest.fixture
def session() -> Iterator[Session]:
    """Return a session with an empty warehouse in memory."""
    engine = open_engine("duckdb://")
    yield engine.session(LOCAL)
    engine.close()


def drafted(session: Session, *tables: str) -> dict[str, Contract]:
    """Return the contracts drafted for tables of the schema `main`, by the names of the tables; each must be valid."""
    facts = [look_at(session, Relation("main", table), CAPABILITIES) for table in tables]
    links, names = links_between(session, facts), asset_names(facts)
    contracts = {}
    for table in facts:
        text = draft_contract(table, "main", names, links, {"type": "duckdb", "database": "shop.db"})
        (document,) = read_documents(text.encode(), "draft.yaml")
        assert document_errors(document, "DataContract") == [], text
        contracts[table.relation.name] = contract_from(document)
    return contracts


def only_table(session: Session, query: str) -> dict[str, Property]:
    """Return the drafted properties of a table made by a query, by name."""
    session.run(f"CREATE TABLE single AS {query}")
    return {p.name: p for p in drafted(session, "single")["single"].objects[0].properties}


@pytest.mark.parametrize(
    ("column", "options"),
    [
        ("(i % 90)::INTEGER", {"minimum": 0, "maximum": 1000}),
        ("i % 90 - 50", {"maximum": 1000}),
        ("-(i % 90) - 1", {"maximum": 0}),
        ("i / 100.0", {"minimum": 0, "maximum": 1}),
        ("i::DECIMAL(9, 2) * 7", {"minimum": 0, "maximum": 10000}),
        ("CASE i WHEN 3 THEN 'nan'::DOUBLE WHEN 4 THEN 'inf'::DOUBLE ELSE i END", {"minimum": 0, "maximum": 1000}),
        ("CASE WHEN i % 2 = 0 THEN NULL ELSE 'x' || (i % 30) END", {"maxLength": 100}),
        ("lpad((i % 60)::VARCHAR, 5, '0')", {"minLength": 5, "maxLength": 5}),
        ("NULL::INTEGER", {}),
        ("i % 2 = 0", {}),
        ("[i, i]", {}),
        ("MAP {i: 'a'}", {}),
        ("DATE '2024-01-01' + (i % 3)::INTEGER", {}),
    ],
    ids=[
        "whole numbers from nothing up", "whole numbers on both sides", "negative numbers", "shares", "decimals",
        "floats with NaN and infinity", "text with gaps", "text of one length", "nothing at all", "truth", "lists",
        "maps", "days",
    ],
)  # fmt: skip
def test_limits_leave_room_around_what_was_seen(column: str, options: dict[str, int], session: Session) -> None:
    """A limit is ten times what was seen, or the sign; where a type has no limits none is drafted."""
    properties = only_table(session, f"SELECT i % 10 AS twice, {column} AS value FROM range(100) t(i)")

    assert properties["value"].options == options


def test_keys_are_proved(session: Session) -> None:
    """One key, named like one where several columns are unique; a column with one repeated value is none."""
    properties = only_table(
        session,
        "SELECT md5(i::VARCHAR) AS hash, greatest(i, 1) AS almost, i AS order_id, "
        "CASE WHEN i > 5 THEN i END AS gaps FROM range(1000) t(i)",
    )

    assert [name for name, p in properties.items() if p.primary_key] == ["order_id"]
    assert [name for name, p in properties.items() if p.unique] == ["hash", "gaps"]
    assert [name for name, p in properties.items() if p.required] == ["hash", "almost", "order_id"]


def test_a_moment_is_a_key_only_where_nothing_else_is(session: Session) -> None:
    """Timestamps are unique by chance; days are the key of a table of days."""
    by_chance = only_table(session, "SELECT i AS id, DATE '2024-01-01' + i::INTEGER AS day FROM range(99) t(i)")
    session.run("DROP TABLE single")
    of_days = only_table(session, "SELECT DATE '2024-01-01' + i::INTEGER AS day, i % 5 AS n FROM range(99) t(i)")

    assert (by_chance["day"].unique, by_chance["day"].primary_key) == (False, False)
    assert of_days["day"].primary_key


def test_short_lists_of_words_are_whole(session: Session) -> None:
    """A list holds every word that is there, in order, with words that YAML could misread in quotes."""
    properties = only_table(
        session,
        "SELECT CASE i % 4 WHEN 0 THEN 'no' WHEN 1 THEN 'a: b' WHEN 2 THEN '' END AS word, "
        "'w' || (i % 21) AS many, 'x' AS one FROM range(500) t(i)",
    )

    assert properties["word"].enum == ("", "a: b", "no")
    assert (properties["many"].enum, properties["one"].enum) == ((), ())


def test_few_rows_prove_little(session: Session) -> None:
    """Of a handful of rows, types, filled columns and keys are drafted; limits and lists are not."""
    properties = only_table(session, "SELECT i AS id, 'a' AS word, i * 2 AS n FROM range(5) t(i)")

    assert (properties["word"].enum, properties["n"].options) == ((), {})
    assert properties["id"].primary_key


def test_an_empty_table_is_its_columns(session: Session) -> None:
    """Without rows nothing is claimed."""
    session.run("CREATE TABLE nothing (a INTEGER, b VARCHAR)")
    contract = drafted(session, "nothing")["nothing"]

    assert [(p.name, p.required, p.unique) for p in contract.objects[0].properties] == [
        ("a", False, False), ("b", False, False),
    ]  # fmt: skip
    assert contract.objects[0].quality == ()


def test_references_are_suggested_by_names_and_proved_by_values(session: Session) -> None:
    """A column named after a table refers to its key, if every value is there; one missing value, and it does not."""
    session.run("CREATE TABLE categories AS SELECT i AS id FROM range(60) t(i)")
    session.run("CREATE TABLE customers AS SELECT i AS customer_id FROM range(60) t(i)")
    session.run(
        "CREATE TABLE orders AS SELECT i AS order_id, i % 60 AS customer_id, i % 60 AS category_id, i AS other_id "
        "FROM range(600) t(i)"
    )
    session.run("CREATE TABLE stray AS SELECT i AS stray_id, (i % 61) + 0 AS customer_id FROM range(600) t(i)")
    contracts = drafted(session, "categories", "customers", "orders", "stray")

    found = {
        (table, p.name): (r.to_object, r.to_columns)
        for table, contract in contracts.items()
        for p in contract.objects[0].properties
        for r in p.relationships
    }
    assert found == {
        ("orders", "customer_id"): ("main.customers", ("customer_id",)),
        ("orders", "category_id"): ("main.categories", ("id",)),
    }


def test_odd_names_make_valid_contracts(session: Session) -> None:
    """Names with spaces, quotes, capitals and signs of YAML are kept as physical names, and nothing breaks."""
    columns = ["order no", 'a "b"', "select"]
    selected = ", ".join(f"i AS {quoted(name)}" for name in columns)
    session.run(f"CREATE TABLE {quoted(ODD)} AS SELECT {selected} FROM range(90) t(i)")
    session.run(f"CREATE TABLE order_s_list_1 AS SELECT i AS {quoted('Ünïcode: -')} FROM range(90) t(i)")
    contracts = drafted(session, ODD, "order_s_list_1")

    assert [c.id for c in contracts.values()] == ["main.order_s_list_1", "main.order_s_list_1_2"]
    first = contracts[ODD].objects[0]
    assert first.physical_name == ODD
    assert [p.name for p in first.properties] == columns


def test_a_table_is_read_few_times(session: Session) -> None:
    """However many columns a table has, looking at it takes one pass and a few proofs."""
    columns = ", ".join(f"i % {n + 2} AS c{n}" for n in range(200))
    session.run(f"CREATE TABLE wide AS SELECT i AS id, {columns} FROM range(2000) t(i)")
    before = session.cost.queries
    facts = look_at(session, Relation("main", "wide"), CAPABILITIES)

    assert isinstance(facts, TableFacts)
    assert len(facts.columns) == 201
    assert session.cost.queries - before <= 8


def test_what_was_drafted_holds(session: Session) -> None:
    """Every claim of a draft is true of the table it was drawn from, counted here by other means."""
    properties = only_table(
        session,
        "SELECT i AS id, (i * 37) % 91 AS n, CASE WHEN i % 9 > 0 THEN 'v' || (i % 7) END AS v FROM range(800) t(i)",
    )
    for p in properties.values():
        name = f'"{p.name}"'
        if p.required:
            assert session.rows(f"SELECT count(*) FROM single WHERE {name} IS NULL") == [(0,)]
        if p.primary_key or p.unique:
            assert session.rows(f"SELECT max(n) FROM (SELECT count(*) AS n FROM single GROUP BY {name})") == [(1,)]
        if p.enum:
            values = ", ".join(f"'{value}'" for value in p.enum)
            assert session.rows(f"SELECT count(*) FROM single WHERE {name} NOT IN ({values})") == [(0,)]
        if "maximum" in p.options:
            beyond = f"{name} > {p.options['maximum']} OR {name} < {p.options.get('minimum', -1e9)}"
            assert session.rows(f"SELECT count(*) FROM single WHERE {beyond}") == [(0,)]
    assert sum(bool(p.enum) + p.required + p.primary_key + bool(p.options) for p in properties.values()) >= 4
