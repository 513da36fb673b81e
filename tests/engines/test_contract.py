"""What rooms above may count on, whatever engine stands below."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pyarrow as pa
import pytest
from contract import CALLER, Kind, never
from hypothesis import given
from hypothesis import strategies as st
from sqlglot import exp, parse_one

from freehold.engines import Engine, Relation, Session, literal, quoted
from freehold.engines.tagging import query_tag, tagged
from freehold.foundation import Caller, FreeholdError, Transient

NASTY = ['a"b', "a'b", "a b", "select", "Größe", "a.b", "a;--", "/*x*/", "{x}", "%s", "?", "$1", "日本", "tab\there"]


def _failure(call, *args, **kwargs) -> FreeholdError:
    with pytest.raises(FreeholdError) as caught:
        call(*args, **kwargs)
    return caught.value


# ---- asking and telling


def test_rows_are_tuples_in_the_order_asked_for(session: Session) -> None:
    """An ORDER BY is kept, and each row is a tuple."""
    assert session.rows("SELECT * FROM (VALUES (2, 'b'), (1, 'a')) AS t(n, s) ORDER BY n") == [(1, "a"), (2, "b")]


def test_parameters_are_values_and_never_text_of_the_statement(session: Session) -> None:
    """What looks like SQL in a parameter stays what it is."""
    nasty = "'; DROP TABLE x; --"
    assert session.rows("SELECT ?, ?", (nasty, None)) == [(nasty, None)]
    assert session.arrow("SELECT ? AS a", (nasty,)).to_pylist() == [{"a": nasty}]


def test_a_syntax_tree_is_as_good_as_text(session: Session) -> None:
    """Rooms above build trees; every call takes them."""
    tree = parse_one("SELECT 1 AS a, 'x' AS b")
    assert session.rows(tree) == [(1, "x")]
    assert session.arrow(tree).to_pylist() == [{"a": 1, "b": "x"}]
    assert [c.name for c in session.columns_of(tree)] == ["a", "b"]
    session.run("CREATE SCHEMA s")
    assert session.run(exp.Create(this=exp.to_table("s.t"), kind="TABLE", expression=tree)) == 1


def test_run_tells_how_many_rows_it_touched(session: Session) -> None:
    """Insert, update and delete count; a definition touches none."""
    session.run("CREATE SCHEMA s")
    assert session.run("CREATE TABLE s.t (a INTEGER)") == 0
    assert session.run("INSERT INTO s.t VALUES (1), (2), (3)") == 3
    assert session.run("UPDATE s.t SET a = a + 1 WHERE a > ?", (1,)) == 2
    assert session.run("DELETE FROM s.t") == 3


def test_a_name_in_a_query_is_a_table_and_never_a_variable_of_the_program(session: Session) -> None:
    """A misspelt table is an error even when Python code nearby has a table by that name."""
    missing = pa.table({"a": [1]})
    assert missing.num_rows == 1
    assert _failure(session.rows, "SELECT * FROM missing").code == "FH-E201"
    assert _failure(session.arrow, "SELECT * FROM missing").code == "FH-E201"


def test_arrow_may_be_asked_for_after_rows_were_left_unread(session: Session) -> None:
    """Calls of one session follow each other in any order, without warnings."""
    session.run("CREATE TABLE t AS SELECT 1 AS a UNION ALL SELECT 2")
    session.run("SELECT * FROM t")
    assert session.arrow("SELECT * FROM t ORDER BY a").column("a").to_pylist() == [1, 2]
    session.rows("SELECT * FROM t")
    assert session.run("DELETE FROM t WHERE a = 1") == 1


def test_an_empty_result_still_has_its_columns(session: Session) -> None:
    """No rows is not no answer."""
    assert session.rows("SELECT 1 AS a WHERE 1 = 0") == []
    table = session.arrow("SELECT 1 AS a, 'x' AS b WHERE 1 = 0")
    assert (table.num_rows, table.column_names) == (0, ["a", "b"])


def test_each_call_is_counted_and_timed(session: Session) -> None:
    """Cost is what a session asked for so far, failures included."""
    session.rows("SELECT 1")
    _failure(session.rows, "SELECT nothing_like_it")
    session.arrow("SELECT 1")
    assert session.cost.queries == 3
    assert 0 < session.cost.seconds < 60


# ---- loading


def test_a_statement_whose_time_is_up_is_ended_and_the_session_goes_on(session: Session) -> None:
    """The limit holds for what is inside it, in a transaction and outside; what is quick is not touched."""
    endless = (
        "SELECT count(*) FROM generate_series(1, 20000) a(i), generate_series(1, 2000000) b(j) WHERE i % 7 = j % 3"
    )
    with session.within(30):
        assert session.rows("SELECT 1") == [(1,)]

    with pytest.raises(FreeholdError, match=r"longer than 0\.2 s") as alone, session.within(0.2):
        session.arrow(endless)
    with pytest.raises(FreeholdError) as inside, session.transaction(), session.within(0.2):
        session.rows(endless)

    assert (alone.value.code, inside.value.code) == ("FH-E114", "FH-E114")
    assert session.rows("SELECT 2") == [(2,)]


def test_a_table_is_loaded_and_replaced_and_appended_to(session: Session) -> None:
    """Replacing gives the new columns; appending goes by name, not by place."""
    session.run("CREATE SCHEMA s")
    there = Relation("s", "t")
    assert session.load(there, pa.table({"a": [1], "b": ["x"]})) == 1
    assert session.load(there, pa.table({"b": ["y"], "a": [2]}), replace=False) == 1
    assert session.rows("SELECT a, b FROM s.t ORDER BY a") == [(1, "x"), (2, "y")]
    assert session.load(there, pa.table({"c": pa.array([], pa.int64())})) == 0
    assert [c.name for c in session.describe(there)] == ["c"]


def test_batches_are_taken_one_at_a_time(session: Session) -> None:
    """A generator never has to be held whole in memory."""
    alive = {"now": 0, "most": 0}

    def batches() -> Iterator[pa.RecordBatch]:
        for start in range(0, 100_000, 1_000):
            alive["now"] = start
            yield pa.record_batch({"a": list(range(start, start + 1_000))})

    session.run("CREATE SCHEMA s")
    assert session.load(Relation("s", "t"), batches()) == 100_000
    assert session.rows("SELECT count(*), sum(a) FROM s.t") == [(100_000, sum(range(100_000)))]


def test_what_breaks_in_the_source_of_batches_is_told_as_it_was(session: Session) -> None:
    """The error is that of whoever makes the batches, and nothing is left half loaded."""

    def batches() -> Iterator[pa.RecordBatch]:
        yield pa.record_batch({"a": [1]})
        raise LookupError("the source went away")

    session.run("CREATE SCHEMA s")
    session.load(Relation("s", "t"), pa.table({"a": [7]}))
    with pytest.raises(LookupError, match="went away"):
        session.load(Relation("s", "t"), batches())
    assert session.rows("SELECT a FROM s.t") == [(7,)]


def test_loading_nothing_at_all_is_refused(session: Session) -> None:
    """Without a batch there are no columns, and a table without columns is nobody's wish."""
    session.run("CREATE SCHEMA s")
    assert _failure(session.load, Relation("s", "t"), iter(())).code == "FH-E109"


def test_a_load_inside_a_transaction_goes_with_it(session: Session) -> None:
    """Loading is as undone as everything else."""
    session.run("CREATE SCHEMA s")

    def half() -> None:
        with session.transaction():
            session.load(Relation("s", "t"), pa.table({"a": [1]}))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        half()
    assert session.relations("s") == ()


# ---- transactions


def test_definitions_and_rows_change_together_or_not_at_all(engine: Engine, session: Session) -> None:
    """Nobody sees half of a transaction, and an exception leaves nothing of it."""
    other = engine.session(CALLER)
    session.run("CREATE TABLE t AS SELECT 1 AS a")
    session.run("CREATE VIEW v AS SELECT a FROM t")

    def half(readers: ThreadPoolExecutor) -> Future[list[tuple[object, ...]]]:
        with suppress(ZeroDivisionError), session.transaction():
            session.run("INSERT INTO t VALUES (2)")
            assert other.rows("SELECT a FROM t") == [(1,)]
            session.run("CREATE OR REPLACE VIEW v AS SELECT a * 10 AS a FROM t")
            reading = readers.submit(other.rows, "SELECT a FROM v")  # it may have to wait, and sees no half either
            raise ZeroDivisionError
        return reading

    with ThreadPoolExecutor(1) as readers:
        assert half(readers).result() == [(1,)]
    assert session.rows("SELECT a FROM v") == [(1,)]
    with session.transaction():
        session.run("INSERT INTO t VALUES (2)")
        session.run("CREATE OR REPLACE VIEW v AS SELECT a * 10 AS a FROM t")
    assert other.rows("SELECT a FROM v ORDER BY a") == [(10,), (20,)]


def test_a_failed_statement_undoes_its_transaction_and_the_session_goes_on(session: Session) -> None:
    """The error told is the first one, and the next statement is welcome."""
    session.run("CREATE TABLE t (a INTEGER)")

    def half() -> None:
        with session.transaction():
            session.run("INSERT INTO t VALUES (1)")
            session.run("INSERT INTO t VALUES ('many')")

    error = _failure(half)
    assert error.code == "FH-E201"
    assert "many" in error.problem
    assert session.rows("SELECT count(*) FROM t") == [(0,)]
    with session.transaction():
        session.run("INSERT INTO t VALUES (1)")
    assert session.rows("SELECT count(*) FROM t") == [(1,)]


def test_a_transaction_inside_a_transaction_is_refused_and_harms_nothing(session: Session) -> None:
    """The open one goes on as though nobody had asked; it is no error that passes by waiting."""
    session.run("CREATE TABLE t (a INTEGER)")
    with session.transaction():
        session.run("INSERT INTO t VALUES (1)")
        with pytest.raises(FreeholdError) as caught, session.transaction():
            pass
        session.run("INSERT INTO t VALUES (2)")
    assert caught.value.code == "FH-E111"
    assert not isinstance(caught.value, Transient)
    assert session.rows("SELECT count(*) FROM t") == [(2,)]


def test_two_writers_of_one_row_meet_an_error_that_may_pass(engine: Engine, session: Session) -> None:
    """One of them goes through, the other is told to try again, and only such errors are ever retried."""
    session.run("CREATE TABLE t AS SELECT 1 AS a")
    other = engine.session(CALLER)

    def late() -> None:
        with other.transaction():
            other.rows("SELECT a FROM t")
            with session.transaction():
                session.run("UPDATE t SET a = 2")
            other.run("UPDATE t SET a = 3")

    assert isinstance(_failure(late), Transient)
    assert other.rows("SELECT a FROM t") == [(2,)]


# ---- looking around


def test_relations_are_tables_and_views_by_schema(kind: Kind, session: Session) -> None:
    """Listed in order, of one schema or of all; the engine's own are not ours to list."""
    session.run("CREATE SCHEMA s")
    session.run("CREATE SCHEMA empty")
    session.run("CREATE TABLE s.b (a INTEGER)")
    session.run("CREATE VIEW s.a AS SELECT 1 AS one")
    session.run("CREATE TABLE t (a INTEGER)")
    assert session.relations("s") == (Relation("s", "a", "view"), Relation("s", "b", "table"))
    assert session.relations("empty") == ()
    assert session.relations("no such schema") == ()
    assert [str(r) for r in session.relations()] == [f"{kind.schema}.t", "s.a", "s.b"]


def test_columns_are_described_in_order_with_types_that_define_them_again(kind: Kind, session: Session) -> None:
    """What describe() tells is good for a CREATE TABLE: members of enumerations and fields keep their case."""
    types = [type_ for type_, _ in kind.columns]
    session.run("CREATE SCHEMA s")
    columns = ", ".join(f"c{i} {type_}" for i, type_ in enumerate(types))
    session.run(f"CREATE TABLE s.t ({columns}, last INTEGER NOT NULL)")
    session.run(f"INSERT INTO s.t VALUES ({', '.join(value for _, value in kind.columns)}, 1)")
    found = session.describe(Relation("s", "t"))
    assert [c.name for c in found] == [*(f"c{i}" for i in range(len(types))), "last"]
    assert [c.nullable for c in found] == [True] * len(types) + [False]
    assert [c.type for c in found] == [*types, "INTEGER"]
    again = ", ".join(f"{quoted(c.name)} {c.type}" for c in found)
    session.run(f"CREATE TABLE s.again ({again})")
    assert session.run("INSERT INTO s.again SELECT * FROM s.t") == 1
    assert [c.type for c in session.describe(Relation("s", "again"))] == [c.type for c in found]
    session.run("CREATE VIEW s.shown AS SELECT last FROM s.t")
    every = {name: session.describe(Relation("s", name)) for name in ("again", "shown", "t")}
    assert session.describe_all("s") == every
    assert session.describe_all("none") == {}
    assert [c.type for c in session.columns_of("SELECT * FROM s.t")] == [c.type for c in found]


def test_what_is_not_there_has_no_columns_and_no_statistics(session: Session) -> None:
    """Asking about nothing is no error."""
    nothing = Relation("no", "such")
    assert session.describe(nothing) == ()
    assert session.statistics(nothing).rows is None


def test_columns_of_a_query_are_known_without_running_it(session: Session) -> None:
    """Binding is enough, even for a query that would fail on its rows, and a comment at its end does no harm."""
    words = "(SELECT CAST('no number' AS VARCHAR) AS s) AS t"
    found = session.columns_of(f"SELECT CAST(s AS INTEGER) AS n, s FROM {words} -- the end")
    assert [(c.name, c.type) for c in found] == [("n", "INTEGER"), ("s", "VARCHAR")]
    assert _failure(session.columns_of, "SELECT nothing_like_it").code == "FH-E201"


@never("postgres", reason="each transaction sees rows of its own, so what is kept of a table is an estimate")
def test_the_rows_of_a_table_are_counted_exactly_and_those_of_a_view_are_not_known(session: Session) -> None:
    """Statistics are metadata: a view would have to be run."""
    session.run("CREATE SCHEMA s")
    session.run("CREATE TABLE s.t AS SELECT * FROM generate_series(0, 999) AS r(n)")
    session.run("DELETE FROM s.t WHERE n % 3 = 0")
    session.run("CREATE VIEW s.v AS SELECT * FROM s.t")
    assert session.statistics(Relation("s", "t")).rows == 666
    assert session.statistics(Relation("s", "v")).rows is None


# ---- views


@pytest.mark.parametrize(
    "query",
    [
        pytest.param("SELECT a, s FROM t WHERE a > 1", id="the same columns"),
        pytest.param("SELECT a, s, a * 2 AS twice FROM t", id="one more at the end"),
        pytest.param("SELECT a FROM t", id="one less"),
        pytest.param("SELECT s, a FROM t", id="another order"),
        pytest.param("SELECT CAST(a AS VARCHAR) AS a, s FROM t", id="another type"),
    ],
)
def test_a_view_shows_another_query_whatever_its_columns(session: Session, query: str) -> None:
    """In one transaction; before there was a view as after."""
    session.run("CREATE SCHEMA s")
    session.run("CREATE TABLE t AS SELECT 1 AS a, 'x' AS s UNION ALL SELECT 2, 'y'")
    view = Relation("s", "v", "view")
    for shown in ("SELECT a, s FROM t", query):
        with session.transaction():
            session.replace_view(view, shown)
    assert sorted(session.rows(f"SELECT * FROM {view.sql}")) == sorted(session.rows(query))
    assert [c.name for c in session.describe(view)] == [c.name for c in session.columns_of(query)]


# ---- names


@pytest.mark.parametrize("name", NASTY)
def test_any_name_is_quoted_so_that_it_is_only_a_name(session: Session, name: str) -> None:
    """Schemas, tables and columns may be called anything."""
    session.run(f"CREATE SCHEMA {quoted(name)}")
    relation = Relation(name, name)
    session.load(relation, pa.table({name: [literal(name)]}))
    assert [c.name for c in session.describe(relation)] == [name]
    assert session.relations(name) == (relation,)
    assert session.statistics(relation).rows in (1, None)
    assert session.rows(f"SELECT {quoted(name)}, {literal(name)} FROM {relation.sql}") == [(literal(name), name)]


# ---- the query tag


def test_the_engine_is_told_who_asks_and_what_for_with_every_statement(kind: Kind, engine: Engine) -> None:
    """The tag is in the engine's own log of statements: queries, Arrow, definitions, loads and transactions alike."""
    session = engine.session(CALLER, {"run": "r-1", "asset": "shop.orders.lines"})
    with kind.statements(engine) as reached:
        session.rows("SELECT 41 + 1 -- a comment at the end")
        session.arrow("SELECT 43 AS a")
        session.run("CREATE TABLE t (a INTEGER);")
        session.rows("SELECT 44 WHERE 1 = ?", (1,))
        with session.transaction():
            session.load(Relation(kind.schema, "t"), pa.table({"a": [1]}), replace=False)
        session.columns_of("SELECT 45 AS a")
        said = [text for text in reached() if '"run"' in text]
    assert [next((w for w in kind.told if text.startswith(w)), text) for text in said] == list(kind.told)
    tag = json.loads(re.search(r"/\* (\{.*\}) \*/", said[0])[1])
    assert tag == {
        "app": "freehold",
        "caller": "user:local/ada",
        "purpose": "month-end close",
        "run": "r-1",
        "asset": "shop.orders.lines",
    }


@pytest.mark.parametrize("text", ["*/ DROP TABLE t; /*", "/* open", "*/", '"', "\\", "\n--", "\0", "Ω", "?", "$1"])
def test_nothing_in_a_tag_can_leave_its_comment(engine: Engine, text: str) -> None:
    """Names of callers come from outside: they are told, never run, and never swallow the statement."""
    session = engine.session(Caller(text, purpose=text), {text: text})
    session.run("CREATE TABLE t AS SELECT 1 AS a")
    assert session.rows("SELECT a FROM t WHERE a = ?", (1,)) == [(1,)]
    assert session.arrow("SELECT a FROM t").to_pylist() == [{"a": 1}]


@given(st.text(max_size=40))
def test_a_tag_is_one_comment_that_reads_back_as_it_was(text: str) -> None:
    """Whatever stands in it."""
    tag = query_tag(Caller(text), {"run": text})
    assert tag.count("/*") == 1
    assert tag.count("*/") == 1
    assert json.loads(tag.removeprefix("/* ").removesuffix(" */"))["run"] == text
    assert tagged("SELECT 1", tag).splitlines()[0] == "SELECT 1"


def test_errors_speak_of_the_statement_and_not_of_the_tag(engine: Engine) -> None:
    """Who asked is not the reader's business when a quote is missing."""
    session = engine.session(CALLER, {"run": "secret-run"})
    error = _failure(session.rows, "SELECT 'no end")
    assert "secret-run" not in str(error)
    assert "ada" not in str(error)


# ---- time


@pytest.mark.parametrize("zone", ["America/New_York", "Asia/Kolkata"])
def test_days_begin_at_midnight_utc_wherever_the_machine_stands(
    kind: Kind, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, zone: str
) -> None:
    """The zone of the machine changes no result."""
    import time

    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        engine = kind.open(tmp_path)
        session = engine.session(CALLER)
        asked = "SELECT CAST(TIMESTAMPTZ '2024-03-01 23:30:00+00' AS DATE) = DATE '2024-03-01'"
        assert session.rows(asked) == [(True,)]
        assert session.rows(
            "SELECT CAST(TIMESTAMP '2024-03-01 00:00:00' AS TIMESTAMPTZ) = '2024-03-01 00:00:00+00'"
        ) == [(True,)]
        engine.close()
    finally:
        monkeypatch.undo()
        time.tzset()


# ---- sessions side by side


def test_sessions_of_several_threads_do_not_disturb_each_other(kind: Kind, engine: Engine) -> None:
    """Each thread has a session, writes its table in transactions and reads what it wrote."""

    def work(number: int) -> tuple[int, int]:
        session = engine.session(CALLER, {"thread": str(number)})
        try:
            session.run(f"CREATE TABLE t{number} (a INTEGER)")
            for _ in range(20):
                with session.transaction():
                    session.run(f"INSERT INTO t{number} SELECT * FROM generate_series(1, 10)")
                assert session.arrow(f"SELECT count(*) AS n FROM t{number}").num_rows == 1
            session.load(Relation(kind.schema, f"l{number}"), pa.table({"a": [number] * 7}))
            (counted,) = session.rows(f"SELECT (SELECT count(*) FROM t{number}), (SELECT sum(a) FROM l{number})")
            return counted
        finally:
            session.close()

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(work, range(8))) == [(200, 7 * n) for n in range(8)]


def test_a_closed_session_or_engine_says_so(kind: Kind, tmp_path: Path) -> None:
    """Using what is closed is a fault of the program, told clearly; closing twice is none."""
    engine = kind.open(tmp_path)
    session, other = engine.session(CALLER), engine.session(CALLER)
    session.close()
    session.close()
    assert _failure(session.rows, "SELECT 1").code == "FH-E108"
    engine.close()
    engine.close()
    assert _failure(other.rows, "SELECT 1").code == "FH-E108"
    assert _failure(engine.session, CALLER).code == "FH-E108"


def test_what_was_committed_is_there_after_closing_and_what_was_not_is_gone(kind: Kind, tmp_path: Path) -> None:
    """Closing with a transaction open rolls it back, and gives the warehouse back at once."""
    engine = kind.open(tmp_path)
    session = engine.session(CALLER)
    session.run("CREATE TABLE t AS SELECT 1 AS a")

    def half() -> None:
        with session.transaction():
            session.run("INSERT INTO t VALUES (2)")
            engine.close()

    assert _failure(half).code == "FH-E108"
    engine = kind.open(tmp_path)
    assert engine.session(CALLER).rows("SELECT a FROM t") == [(1,)]
    engine.close()


@never("duckdb", reason="embedded: one process owns the file, which is why the second one is told who has it")
def test_two_processes_share_a_warehouse(kind: Kind, tmp_path: Path) -> None:
    """An engine with a server takes them both."""
    import subprocess
    import sys

    engine = kind.open(tmp_path)
    try:
        code = (
            f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r}); import contract, pathlib; "
            f"[k for k in contract.ENGINES if k.name == {kind.name!r}][0].open(pathlib.Path({str(tmp_path)!r})).close()"
        )
        assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode == 0
    finally:
        engine.close()


# ---- what the catalog keeps


def test_the_catalog_tells_of_all_tables_at_once(session: Session, kind: Kind) -> None:
    """Columns in order and rows of every relation of the schemas asked for, by one question; views store none."""
    for schema in ("s", "other", "beside"):
        session.run(f"CREATE SCHEMA {quoted(schema)}")
    session.run("CREATE TABLE s.t (b INTEGER NOT NULL, a VARCHAR)")
    session.run("CREATE VIEW s.v AS SELECT a FROM s.t")
    session.run('CREATE TABLE other."T u" (x INTEGER)')
    session.run("CREATE TABLE beside.t (x INTEGER)")
    session.run("INSERT INTO s.t VALUES (1, 'x'), (2, 'y'), (3, NULL)")
    if kind.name == "postgres":
        session.rows("SELECT pg_stat_force_next_flush()")
    asked = session.cost.queries
    found = session.kept_of(("s", "other"))

    assert session.cost.queries == asked + 1
    assert sorted(found) == [("other", "T u"), ("s", "t"), ("s", "v")]
    table = found["s", "t"]
    assert table.columns == session.describe(Relation("s", "t"))
    assert (table.rows, found["s", "v"].rows, found["other", "T u"].rows) == (3, None, 0)
    assert [one.name for one in found["s", "v"].columns] == ["a"]
    assert session.kept_of(()) == {}
