"""The state database: made, recognised, refused."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from happenings import check
from places import Place, PostgresPlace, on_postgresql, on_sqlite

from freehold.foundation import Exit, FreeholdError
from freehold.ledger import Ledger
from live_postgres import LivePostgres


@on_sqlite
def test_the_migrations_make_the_tables_that_an_open_makes(
    opened: Callable[..., Ledger], place: Place, tmp_path: Path
) -> None:
    """Name by name, column by column, key by key, index by index; all STRICT, all with a workspace."""
    from sqlalchemy import create_engine, inspect

    from freehold.ledger.migrations import upgrade

    opened()
    by_migration = create_engine(f"sqlite:///{tmp_path / 'other.db'}")
    with by_migration.begin() as connection:
        upgrade(connection)
    by_open = create_engine(f"sqlite:///{tmp_path / 'state.db'}")
    made, wanted = inspect(by_open), inspect(by_migration)

    assert set(made.get_table_names()) == set(wanted.get_table_names())
    for table in wanted.get_table_names():
        shape = [
            [[(c["name"], str(c["type"]), c["nullable"]) for c in source.get_columns(table)],
             source.get_pk_constraint(table)["constrained_columns"],
             source.get_indexes(table),
             source.get_unique_constraints(table)]
            for source in (made, wanted)
        ]  # fmt: skip
        assert shape[0] == shape[1], table
    for engine in (by_open, by_migration):
        with engine.connect() as connection:
            listed = connection.exec_driver_sql("SELECT name, strict, wr FROM pragma_table_list WHERE type = 'table'")
            ours = {name: (strict, wr) for name, strict, wr in listed if not name.startswith(("sqlite_", "freehold_"))}
            revisions = connection.exec_driver_sql("SELECT version_num FROM freehold_revision").all()
        assert set(ours.values()) == {(1, 1)}
        assert all("workspace" in [column["name"] for column in wanted.get_columns(name)] for name in ours)
        assert revisions == [("0004",)]
        engine.dispose()


@on_postgresql
def test_the_migrations_make_the_same_tables_on_a_server(
    opened: Callable[..., Ledger], place: Place, postgres: LivePostgres
) -> None:
    """Column by column, key by key, index by index, as the server itself describes them."""
    from sqlalchemy import create_engine

    from freehold.ledger.migrations import upgrade

    described = (
        "SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull FROM pg_class c "
        "JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 WHERE c.relnamespace = 'public'::regnamespace "
        "AND c.relkind = 'r' AND c.relname <> 'freehold_revision' ORDER BY 1, a.attnum",
        "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' "
        "AND tablename <> 'freehold_revision' ORDER BY 1, 2",
    )
    opened()
    migrated = PostgresPlace(place.root, postgres.fresh())
    engine = create_engine(migrated.url.replace("postgresql:", "postgresql+psycopg:"))
    with engine.begin() as connection:
        upgrade(connection)
    engine.dispose()

    assert [place.ask(query) for query in described] == [migrated.ask(query) for query in described]
    assert len(place.ask(described[0])) > 40


def test_the_newest_migration_is_the_one_the_code_knows() -> None:
    """Otherwise every open would import Alembic."""
    from alembic.script import ScriptDirectory

    from freehold.ledger import migrations
    from freehold.ledger.store import REVISION

    assert ScriptDirectory(str(Path(migrations.__file__).parent)).get_current_head() == REVISION


def test_a_state_of_an_older_freehold_is_brought_up_to_date(
    opened: Callable[..., Ledger], place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the migrations, at open; what is in it stays."""
    asked: list[str] = []
    opened().append(check(1))
    place.tell(("UPDATE freehold_revision SET version_num = '0000'", ()))
    monkeypatch.setattr("freehold.ledger.migrations.upgrade", lambda _: asked.append("upgrade"))

    assert [event.seq for event in opened().read()] == [1]
    assert asked == ["upgrade"]


@on_sqlite
@pytest.mark.parametrize(
    ("code", "absent"),
    [
        pytest.param(
            "import freehold.ledger", "sqlalchemy alembic duckdb pyarrow cryptography", id="importing the room"
        ),
        pytest.param(
            "from freehold.ledger import Ledger; Ledger.open('sqlite:///state.db').close()",
            "alembic duckdb pyarrow",
            id="opening a ledger that is up to date",
        ),
        pytest.param(
            "from freehold.ledger import Ledger; Ledger.open('sqlite:///new.db').close()",
            "alembic duckdb pyarrow",
            id="making a ledger",
        ),
    ],
)
def test_nothing_heavy_is_imported_before_it_is_used(
    opened: Callable[..., Ledger], tmp_path: Path, code: str, absent: str
) -> None:
    """The command line must start at once."""
    opened()
    asked = f"{code}; import sys; print([m for m in '{absent}'.split() if m in sys.modules])"

    said = subprocess.run([sys.executable, "-c", asked], cwd=tmp_path, capture_output=True, text=True, check=True)

    assert said.stdout == "[]\n"


@pytest.mark.parametrize(
    "url",
    ["mysql://host/db", "sqlite://", "sqlite:///", "sqlite:///:memory:", "state.db", ""],
)
def test_a_url_that_names_no_state_is_refused(tmp_path: Path, url: str) -> None:
    """With a URL that would do."""
    with pytest.raises(FreeholdError) as refused:
        Ledger.open(url, root=tmp_path)

    assert refused.value.code == "FH-L101"
    assert "sqlite:///.freehold/state.db" in refused.value.fix


def test_a_relative_url_is_relative_to_the_root_and_an_absolute_one_is_not(tmp_path: Path) -> None:
    """As the estate's file says it."""
    Ledger.open("sqlite:///.freehold/state.db", root=tmp_path / "estate").close()
    Ledger.open(f"sqlite:///{tmp_path / 'abs' / 'state.db'}", root=tmp_path / "estate").close()

    assert (tmp_path / "estate" / ".freehold" / "state.db").exists()
    assert (tmp_path / "abs" / "state.db").exists()


def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    """Nothing of ours is written into a stranger's file."""
    (tmp_path / "state.db").write_text("these are my notes\n" * 100)

    with pytest.raises(FreeholdError) as refused:
        Ledger.open("sqlite:///state.db", root=tmp_path)

    assert (refused.value.code, refused.value.exit_code) == ("FH-L105", Exit.ENVIRONMENT)
    assert (tmp_path / "state.db").read_text().startswith("these are my notes")


def test_a_state_of_a_newer_freehold_is_refused(opened: Callable[..., Ledger], place: Place) -> None:
    """Rather than misread."""
    opened().close()
    place.tell(("UPDATE freehold_revision SET version_num = '9999'", ()))

    with pytest.raises(FreeholdError, match="revision 9999; this Freehold knows 0004"):
        opened()


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    """With its name."""
    (tmp_path / "file").write_text("")

    with pytest.raises(FreeholdError, match="cannot be used"):
        Ledger.open("sqlite:///file/state.db", root=tmp_path)


@on_sqlite
def test_a_full_disk_is_one_clear_error_and_nothing_is_half_written(opened: Callable[..., Ledger]) -> None:
    """SQLite's own page limit stands in for the disk; once there is room again, the ledger goes on."""
    ledger = opened()
    ledger.append(check(1))
    with ledger._store.write() as connection:
        (pages,) = connection.exec_driver_sql("PRAGMA page_count").one()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")

    with pytest.raises(FreeholdError) as refused:
        ledger.append(*(check(n, reason="x" * 4000) for n in range(50)))

    assert (refused.value.code, refused.value.exit_code) == ("FH-L104", Exit.ENVIRONMENT)
    assert [event.seq for event in ledger.read()] == [1]
    with ledger._store.write() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count = 1000000")
    assert ledger.append(check(2)) == (2,)


def test_a_ledger_survives_a_reopening(opened: Callable[..., Ledger]) -> None:
    """And closing twice is closing once."""
    first = opened()
    first.append(check(1), check(2))
    first.close()
    first.close()

    second = opened()

    assert second.append(check(3)) == (3,)
    assert second.sequence_as_of(second.clock.now()) == 3
    assert second.verify().ok


@pytest.fixture
def frozen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a state with two events, which may not be written any more, whoever runs this."""
    with Ledger.open("sqlite:///state.db", root=tmp_path) as ledger:
        ledger.append(check(1), check(2))
        ledger.sign_off()
    monkeypatch.setattr("freehold.ledger.dialect.os.access", lambda *_: False)
    return tmp_path


def test_a_state_in_a_folder_that_may_not_be_written_is_verified(frozen: Path) -> None:
    """It is read as it is: no file is made, and none is touched."""
    before = {path.name: path.read_bytes() for path in frozen.iterdir() if path.is_file()}
    with Ledger.open("sqlite:///state.db", root=frozen) as ledger:
        found, events = ledger.verify(), [event.seq for event in ledger.read()]
        with pytest.raises(FreeholdError) as refused:
            ledger.append(check(3))

    assert (found.ok, found.signed, events) == (True, 2, [1, 2])
    assert (refused.value.code, refused.value.exit_code) == ("FH-L102", Exit.ENVIRONMENT)
    assert {path.name: path.read_bytes() for path in frozen.iterdir() if path.is_file()} == before


def test_a_state_with_a_log_is_not_read_without_it(frozen: Path) -> None:
    """What the log holds is part of it, and cannot be folded in there."""
    (frozen / "state.db-wal").write_bytes(b"more")

    with pytest.raises(FreeholdError, match="not whole without its log") as refused:
        Ledger.open("sqlite:///state.db", root=frozen)

    assert "Copy the folder" in refused.value.fix
