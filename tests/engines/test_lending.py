"""Another process writes to the warehouse for us, and what it wrote is taken over."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from freehold.engines import Engine, Relation, Session, open_engine
from freehold.foundation import LOCAL, FreeholdError


def test_sessions_go_on_after_the_warehouse_was_lent(engine: Engine, session: Session) -> None:
    """What stood before is there afterwards, in the zone and with the order it had, and the session works as ever."""
    session.run("CREATE TABLE t AS SELECT 1 AS n")
    with engine.lent():
        pass
    session.run("INSERT INTO t VALUES (2)")

    assert session.rows("SELECT n FROM t ORDER BY n") == [(1,), (2,)]
    assert session.rows("SELECT CAST('2026-01-01 00:00:00+00' AS TIMESTAMPTZ) = TIMESTAMP '2026-01-01'") == [(True,)]


def test_nothing_is_lent_in_the_middle_of_a_transaction(engine: Engine, session: Session) -> None:
    """A transaction that is open is neither cut off nor committed by accident: lending is refused, and it goes on."""
    session.run("CREATE TABLE t (n INTEGER)")
    with session.transaction():
        session.run("INSERT INTO t VALUES (1)")
        with pytest.raises(FreeholdError) as caught, engine.lent():
            raise AssertionError("it was lent")
        session.run("INSERT INTO t VALUES (2)")

    assert caught.value.code == "FH-E111"
    assert session.rows("SELECT count(*) FROM t") == [(2,)]


def test_a_table_moves_with_its_rows_and_columns(session: Session) -> None:
    """A table goes to another schema under another name; nothing of it stays, and its types are what they were."""
    for schema in ("cand", "store"):
        session.run(f"CREATE SCHEMA {schema}")
    session.run("CREATE TABLE cand.t (n INTEGER PRIMARY KEY, said VARCHAR, spent DECIMAL(18, 2))")
    session.run("INSERT INTO cand.t VALUES (1, 'a', 1.50), (2, NULL, 2.25)")
    types = [(c.name, c.type) for c in session.describe(Relation("cand", "t"))]
    with session.transaction():
        moved = session.move(Relation("cand", "t"), Relation("store", "t__1"))

    assert moved == 2
    assert session.relations("cand") == ()
    assert [(c.name, c.type) for c in session.describe(Relation("store", "t__1"))] == types
    assert len(session.rows("SELECT * FROM store.t__1 WHERE spent > 1")) == 2


def test_tables_of_one_name_move_beside_each_other(session: Session) -> None:
    """A second table with a key of the same name moves to the same schema: their indexes do not collide."""
    session.run("CREATE SCHEMA store")
    for number in (1, 2):
        session.run("CREATE SCHEMA cand")
        session.run("CREATE TABLE cand.t (n INTEGER CONSTRAINT t_key PRIMARY KEY)")
        with session.transaction():
            session.move(Relation("cand", "t"), Relation("store", f"t__{number}"))
        session.run("DROP SCHEMA cand CASCADE")

    assert [r.name for r in session.relations("store")] == ["t__1", "t__2"]


def test_a_move_that_is_rolled_back_has_not_happened(session: Session) -> None:
    """Where the transaction fails, the table is where it was."""
    session.run("CREATE SCHEMA store")
    session.run("CREATE SCHEMA cand")
    session.run("CREATE TABLE cand.t AS SELECT 1 AS n")

    def interrupted() -> None:
        with session.transaction():
            session.move(Relation("cand", "t"), Relation("store", "t__1"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        interrupted()

    assert session.relations("store") == ()
    assert session.rows("SELECT n FROM cand.t") == [(1,)]


def test_another_process_writes_to_a_duckdb_file_while_it_is_lent(tmp_path: Path) -> None:
    """The file is given up whole: another process opens it, and what it wrote is seen afterwards."""
    engine = open_engine("duckdb:///w.db", root=str(tmp_path))
    session = engine.session(LOCAL)
    script = (
        f"import duckdb; duckdb.connect({str(tmp_path / 'w.db')!r}).execute('CREATE TABLE theirs AS SELECT 7 AS n')"
    )
    with engine.lent():
        subprocess.run([sys.executable, "-c", script], check=True)

    assert session.rows("SELECT n FROM theirs") == [(7,)]
    session.close()
    engine.close()


def test_a_warehouse_in_memory_is_not_lent() -> None:
    """No other process can reach it, and the error says which line to change."""
    engine = open_engine("duckdb://")
    with pytest.raises(FreeholdError) as caught, engine.lent():
        raise AssertionError("it was lent")
    engine.close()

    assert (caught.value.code, caught.value.exit_code) == ("FH-E116", 3)
