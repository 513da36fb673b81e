"""What PostgreSQL says, in the words of the one who has to mend it; and what only a server can do."""

from __future__ import annotations

import re
import sys
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from contract import CALLER
from hypothesis import given
from hypothesis import strategies as st

from freehold.engines import Engine, Relation, open_engine
from freehold.engines.postgres.placeholders import numbered
from freehold.foundation import Exit, FreeholdError, Transient


@pytest.fixture
def warehouse(postgres_url: str) -> Engine:
    """A warehouse with a table."""
    engine = open_engine(postgres_url)
    engine.session(CALLER).run("CREATE TABLE orders (amount INTEGER, customer VARCHAR)")
    yield engine
    engine.close()


def told(engine: Engine, sql: str) -> FreeholdError:
    """Return the error of a statement."""
    with pytest.raises(FreeholdError) as caught:
        engine.session(CALLER).rows(sql)
    return caught.value


@pytest.mark.parametrize(
    ("sql", "problem"),
    [
        pytest.param(
            "SELECT amont FROM orders", 'Perhaps you meant to reference the column "orders.amount"', id="column"
        ),
        pytest.param("SELECT * FROM order_s", 'relation "order_s" does not exist', id="a table"),
        pytest.param("SELECT summ(amount) FROM orders", "summ(integer) does not exist", id="a function"),
        pytest.param("INSERT INTO orders VALUES ('many', 'x')", '"many"', id="a word for a number"),
    ],
)
def test_what_is_wrong_with_a_statement_is_said_with_the_hint(warehouse: Engine, sql: str, problem: str) -> None:
    """The message and the suggestion are kept; the drawing of the statement is not."""
    error = told(warehouse, sql)
    assert (error.code, error.exit_code) == ("FH-E201", Exit.FINDING)
    assert problem in error.problem
    assert "LINE" not in error.problem
    assert "ada" not in str(error)


def test_a_long_statement_has_the_line_of_its_fault(warehouse: Engine) -> None:
    """Counted in the statement, for whoever knows which file it came from."""
    assert str(told(warehouse, "SELECT\n  amount,\n  amont\nFROM orders").where) == "<sql>:3:1"


def test_who_waits_too_long_for_a_reader_is_told_to_come_again(warehouse: Engine) -> None:
    """A transient error, so that it is retried; what was to be changed is as it was."""
    reader, writer = warehouse.session(CALLER), warehouse.session(CALLER)

    def swap() -> None:
        with writer.transaction():
            writer.run("ALTER TABLE orders ADD COLUMN late INTEGER")

    with reader.transaction():
        reader.rows("SELECT * FROM orders")
        with pytest.raises(Transient, match="did not end in time") as caught:
            swap()
    assert caught.value.code == "FH-E110"
    swap()


def test_a_statement_that_takes_too_long_is_ended(postgres_url: str) -> None:
    """By the cap of its connection; the session goes on."""
    engine = open_engine(postgres_url, statement_timeout="50ms")
    session = engine.session(CALLER)
    with pytest.raises(FreeholdError, match="statement timeout") as caught:
        session.rows("SELECT pg_sleep(30)")
    assert (caught.value.code, caught.value.exit_code) == ("FH-E114", Exit.ENVIRONMENT)
    assert session.rows("SELECT 1") == [(1,)]
    engine.close()


def test_a_user_without_the_right_is_told_what_to_grant(warehouse: Engine, postgres_url: str) -> None:
    """A fault of the environment, and not of the data."""
    session = warehouse.session(CALLER)
    session.run("DROP ROLE IF EXISTS fh_reader")
    session.run("CREATE ROLE fh_reader LOGIN")
    engine = open_engine(postgres_url.replace("postgres@", "fh_reader@"))
    error = told(engine, "SELECT * FROM orders")
    engine.close()
    assert (error.code, error.exit_code) == ("FH-E112", Exit.ENVIRONMENT)
    assert "Grant" in error.fix


def test_a_server_that_went_away_is_the_environments_fault(warehouse: Engine, postgres_url: str) -> None:
    """And a new session is welcome as soon as it is back."""
    session = warehouse.session(CALLER)
    session.rows("SELECT 1")
    with psycopg.connect(postgres_url, autocommit=True) as other:
        other.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    with pytest.raises(FreeholdError, match="went away") as caught:
        session.rows("SELECT 1")
    assert (caught.value.code, caught.value.exit_code) == ("FH-E112", Exit.ENVIRONMENT)
    assert warehouse.session(CALLER).rows("SELECT 1") == [(1,)]


@pytest.mark.parametrize(
    ("replace", "problem"),
    [
        pytest.param(("/fh_", "/no_such_"), "has no database `no_such_", id="no such database"),
        pytest.param(("//postgres@", "//eve@"), "knows no user `eve`", id="no such user"),
        pytest.param(("host=", "host=/nowhere"), "No server answers there", id="nobody there"),
        pytest.param(("//postgres@", "//eve:hush@"), "knows no user `eve`", id="with a password, which is not shown"),
        pytest.param(("?host=", "?colour=red&host="), "an option `colour`", id="an option that is none"),
    ],
)
def test_a_server_that_cannot_be_used_is_told(postgres_url: str, replace: tuple[str, str], problem: str) -> None:
    """With the place, the remedy, and no secret."""
    with pytest.raises(FreeholdError) as caught:
        open_engine(postgres_url.replace(*replace))
    assert (caught.value.code, caught.value.exit_code) == ("FH-E112", Exit.ENVIRONMENT)
    assert problem in caught.value.problem
    assert caught.value.fix
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        pytest.param({"locktimeout": "1s"}, "`lock_timeout`", id="a misspelt name"),
        pytest.param({"statement_timeout": "long"}, "`long` for `statement_timeout`", id="a word for a time"),
        pytest.param({"lock_timeout": "short"}, "`short` for `lock_timeout`", id="another"),
        pytest.param({"work_mem": "lots"}, "`lots` for `work_mem`", id="no size"),
    ],
)
def test_a_wrong_setting_is_named(postgres_url: str, settings: dict[str, object], said: str) -> None:
    """A fault of the estate's file, so of usage."""
    with pytest.raises(FreeholdError) as caught:
        open_engine(postgres_url, **settings)
    assert (caught.value.code, caught.value.exit_code) == ("FH-E103", Exit.USAGE)
    assert said in str(caught.value)


def test_a_missing_driver_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the command that installs it."""
    for name in [name for name in sys.modules if name.startswith(("psycopg", "freehold.engines.postgres"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(FreeholdError, match="psycopg, which is not installed") as caught:
        open_engine("postgresql://host/db")
    assert (caught.value.code, caught.value.fix) == ("FH-E113", "pip install 'freehold[postgres]'")


@pytest.mark.parametrize(
    ("sql", "wanted"),
    [
        ("SELECT ?, ?", "SELECT $1, $2"),
        ("SELECT '?', ?", "SELECT '?', $1"),
        ("SELECT 'it''s ?', \"a ? b\", ? -- why?\n, ?", "SELECT 'it''s ?', \"a ? b\", $1 -- why?\n, $2"),
        ("SELECT /* ? */ ?", "SELECT /* ? */ $1"),
        ("SELECT $q$ ? $q$, ?", "SELECT $q$ ? $q$, $1"),
    ],
)
def test_question_marks_are_counted_where_they_are_parameters(sql: str, wanted: str) -> None:
    """Not in texts, names and comments."""
    assert numbered(sql) == wanted


@given(st.lists(st.text(alphabet="ab'\"?-\\ \n/*", max_size=12), max_size=4))
def test_a_quoted_text_is_never_changed(texts: list[str]) -> None:
    """Whatever stands in it."""
    from freehold.engines import literal

    quoted = ", ".join(literal(text) for text in texts) or "''"
    assert numbered(f"SELECT {quoted}, ?") == f"SELECT {quoted}, $1"


def test_many_sessions_read_while_one_writes(warehouse: Engine) -> None:
    """Readers never wait for rows that are being written."""
    writer = warehouse.session(CALLER)
    with writer.transaction():
        writer.run("INSERT INTO orders SELECT n, 'x' FROM generate_series(1, 1000) AS t(n)")
        with ThreadPoolExecutor(8) as readers:
            seen = list(readers.map(lambda _: warehouse.session(CALLER).rows("SELECT count(*) FROM orders"), range(16)))
    assert seen == [[(0,)]] * 16


def test_rights_and_words_stay_on_a_view_that_had_to_be_made_anew(warehouse: Engine) -> None:
    """A consumer who could read it yesterday can read it today."""
    session = warehouse.session(CALLER)
    session.run("DROP ROLE IF EXISTS fh_consumer")
    session.run("CREATE ROLE fh_consumer")
    view = Relation("public", "v", "view")
    session.replace_view(view, "SELECT amount, customer FROM orders")
    session.run("GRANT SELECT ON v TO fh_consumer WITH GRANT OPTION")
    session.run("GRANT SELECT ON v TO PUBLIC")
    session.run("COMMENT ON VIEW v IS 'it''s ours'")

    with session.transaction():
        session.replace_view(view, "SELECT customer FROM orders")

    rights = "SELECT grantee, is_grantable FROM information_schema.role_table_grants WHERE table_name = 'v'"
    kept = set(session.rows(f"{rights} AND privilege_type = 'SELECT'"))
    assert {("fh_consumer", "YES"), ("PUBLIC", "NO")} <= kept
    assert session.rows("SELECT obj_description('v'::regclass)") == [("it's ours",)]
    session.run("DROP OWNED BY fh_consumer")
    session.run("DROP ROLE fh_consumer")


@pytest.mark.parametrize(
    ("query", "said"),
    [
        pytest.param("SELECT customer FROM orders", '"amount" would go', id="a column dropped"),
        pytest.param(
            "SELECT amount::BIGINT AS amount, customer FROM orders",
            '"amount" would be BIGINT instead of INTEGER',
            id="a column retyped",
        ),
    ],
)
def test_a_view_is_not_changed_under_what_stands_on_it(warehouse: Engine, query: str, said: str) -> None:
    """Whoever stands on it is named; nothing changes. What only adds columns goes through."""
    session = warehouse.session(CALLER)
    view = Relation("public", "v", "view")
    session.replace_view(view, "SELECT amount, customer FROM orders")
    session.run('CREATE VIEW "Their report" AS SELECT sum(amount) AS total FROM v')
    session.run("CREATE MATERIALIZED VIEW theirs AS SELECT * FROM v")

    with pytest.raises(FreeholdError, match=re.escape(said)) as caught:
        session.replace_view(view, query)

    assert caught.value.code == "FH-E115"
    assert 'public."Their report", public.theirs' in caught.value.problem
    assert [c.name for c in session.describe(view)] == ["amount", "customer"]
    session.replace_view(view, "SELECT amount, customer, 1 AS one FROM orders")


def test_what_is_written_is_counted_over_partitions_and_a_new_table_is_another(warehouse: Engine) -> None:
    """Inserted rows count at the partitions that store them; deleting is no writing; who is made anew is another."""
    session = warehouse.session(CALLER)
    session.run("CREATE SCHEMA s")
    session.run("CREATE TABLE s.t (a INTEGER) PARTITION BY RANGE (a)")
    for low in (0, 10):
        session.run(f"CREATE TABLE s.t{low} PARTITION OF s.t FOR VALUES FROM ({low}) TO ({low + 10})")
    session.run("INSERT INTO s.t SELECT generate_series(0, 19)")
    session.run("UPDATE s.t SET a = a WHERE a < 5")
    session.run("DELETE FROM s.t WHERE a = 19")
    session.rows("SELECT pg_stat_force_next_flush()")
    before = session.kept_of(("s",))["s", "t"]
    assert (before.rows, before.inserted, before.written) == (19, 20, 25)

    session.run("DROP TABLE s.t")
    session.run("CREATE TABLE s.t (a INTEGER)")
    after = session.kept_of(("s",))["s", "t"]
    assert after.identity != before.identity
    assert (after.rows, after.inserted) == (0, 0)
