"""What differs between the databases that can hold the state, and nothing else. PostgreSQL's part is in postgresql.py.

SQLite: WAL, `synchronous=FULL`, one writer at a time over all processes by an advisory lock on a file beside the
database. The lock makes waiting fair and quick, and keeps two connections from writing and checkpointing at the same
instant, which SQLite before 3.51.3 can answer with a corrupt file.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from operator import itemgetter
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol
from urllib.parse import quote

from sqlalchemy import Connection, Engine, Table, create_engine, event, insert
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import QueuePool

from freehold.foundation import Exit, FreeholdError, Transient
from freehold.foundation.postgres import without_password

PATIENCE_S = 30.0  # how long a writer waits for its turn before it says so


class Dialect(Protocol):
    """One kind of database."""

    engine: Engine
    folder: Path  # where the files beside the state live: key, witness, segments, evidence

    reading: Mapping[str, Any]  # options of a connection whose transaction sees one state of the database throughout
    keeps_writer: bool  # whether one connection writes from the first write to the last
    is_frozen: bool  # whether it can be read alone, since nothing may be written where it is

    def turn(self) -> contextlib.AbstractContextManager[None]:
        """Hold the right to write, against every other process."""
        ...

    def migrating(self) -> contextlib.AbstractContextManager[None]:
        """Hold the right to change the tables, against every other process."""
        ...

    def forget_erased(self) -> None:
        """Make erased rows unreadable in the files of the database too."""
        ...

    def bytewise(self, connection: Connection) -> contextlib.AbstractContextManager[None]:
        """Let damaged text be read byte by byte, so that a verification can name it."""
        ...

    def inserting(self, table: Table) -> Callable[[Connection, Sequence[Mapping[str, Any]]], None]:
        """Return what writes many rows of a table at once, in the caller's transaction; keys are its columns."""
        ...

    def hold(self, connection: Connection) -> None:
        """Keep everybody else from writing anything until the transaction ends, however long that is."""
        ...

    def explain(self, error: DBAPIError, place: object) -> FreeholdError:
        """Say what a failure of the database means, and what to do about it."""
        ...

    def close(self) -> None:
        """Give everything back."""
        ...


def open_dialect(url: str, root: Path, password: str | None = None) -> Dialect:
    """Return the dialect that a state URL names; `password` is for one with a server.

    Raises:
        FreeholdError: FH-L101 for a URL that names no database this room can use.
    """
    scheme = url.partition(":")[0].partition("+")[0]
    if scheme == "sqlite":
        return Frozen(url, root) if Frozen.is_meant(url, root) else SQLite(url, root)
    if scheme in ("postgresql", "postgres"):
        from freehold.ledger.postgresql import Postgres

        return Postgres(url, root, password)
    raise FreeholdError(
        "FH-L101",
        f"The state cannot live at `{without_password(url)}`.",
        fix="Use sqlite:///.freehold/state.db (relative to the estate), sqlite:////absolute/path, or postgresql://host/db.",
        exit_code=Exit.USAGE,
    )


class SQLite:
    """The state in one file."""

    reading: Mapping[str, Any] = MappingProxyType({})  # a read transaction of SQLite is a snapshot by nature
    keeps_writer = True
    is_frozen = False

    def __init__(self, url: str, root: Path) -> None:
        self.path = self._path(url, root)
        self.folder = self.path.parent
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._turn = os.open(f"{self.path}.turn", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            problem = f"The folder of the state, `{self.folder}`, cannot be used: {error.strerror}."
            fix = "Give its user the right to write there, or say another place in `spec.state`."
            raise FreeholdError("FH-L101", problem, fix=fix, exit_code=Exit.ENVIRONMENT) from error
        self.engine = create_engine(f"sqlite:///{self.path}", connect_args={"check_same_thread": False})
        event.listen(self.engine, "connect", _configure)
        event.listen(self.engine, "begin", _begin)

    @staticmethod
    def _path(url: str, root: Path) -> Path:
        place = url.partition("://")[2]
        if not place.startswith("/") or not place.strip("/") or place.strip("/") == ":memory:":
            fix = "Give it a file: sqlite:///.freehold/state.db."
            raise FreeholdError("FH-L101", f"`{url}` names no file for the state.", fix=fix, exit_code=Exit.USAGE)
        return Path(root).absolute() / place[1:]  # an absolute second part wins: sqlite:////abs

    @contextlib.contextmanager
    def turn(self) -> Iterator[None]:
        """Hold the write lock of the file, waiting for up to PATIENCE_S."""
        unlock = _lock(self._turn, self.path)
        try:
            yield
        finally:
            unlock()

    def migrating(self) -> contextlib.AbstractContextManager[None]:
        """Hold the write lock: there is one for everything."""
        return self.turn()

    def forget_erased(self) -> None:
        """Move the write-ahead log into the file, where secure_delete has zeroed what was erased."""
        with contextlib.closing(self.engine.raw_connection()) as connection:  # a checkpoint runs in no transaction
            connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")

    @contextlib.contextmanager
    def bytewise(self, connection: Connection) -> Iterator[None]:
        """Decode text with surrogate escapes while the block runs."""
        driver: Any = connection.connection.driver_connection
        driver.text_factory = lambda raw: raw.decode(errors="surrogateescape")
        try:
            yield
        finally:
            driver.text_factory = str

    def inserting(self, table: Table) -> Callable[[Connection, Sequence[Mapping[str, Any]]], None]:
        """Return the INSERT of a table, compiled once: Core would look at each row again."""
        compiled = insert(table).compile(dialect=self.engine.dialect)
        sql, values = str(compiled), itemgetter(*(compiled.positiontup or ()))

        def write(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
            if rows:
                connection.exec_driver_sql(sql, [values(row) for row in rows])

        return write

    def hold(self, connection: Connection) -> None:
        """Do nothing: who writes holds the whole file."""

    def explain(self, error: DBAPIError, place: object) -> FreeholdError:
        """Say what a failure of the file means, and what to do about it."""
        return explain(error, place)

    def close(self) -> None:
        """Close the file; the last to do so folds the write-ahead log into it."""
        with self.turn():
            self.engine.dispose()
        os.close(self._turn)


class Frozen(SQLite):
    """The state in one file of a folder that may not be written, such as a copy in a vault: it is read, and stays."""

    is_frozen = True

    def __init__(self, url: str, root: Path) -> None:
        self.path = self._path(url, root)
        self.folder = self.path.parent
        log = self.path.with_name(f"{self.path.name}-wal")
        if log.is_file() and log.stat().st_size:
            raise FreeholdError(
                "FH-L101",
                f"`{self.path}` is not whole without its log `{log.name}`, and the folder may not be written: it "
                "cannot be folded in.",
                fix="Copy the folder to where it may be written, log and all, and look there.",
                exit_code=Exit.ENVIRONMENT,
            )
        place = f"file:{quote(str(self.path))}?mode=ro&immutable=1"
        self.engine = create_engine(
            "sqlite://", poolclass=QueuePool,
            creator=lambda: sqlite3.connect(place, uri=True, check_same_thread=False, isolation_level=None),
        )  # fmt: skip
        event.listen(self.engine, "begin", _begin)

    @staticmethod
    def is_meant(url: str, root: Path) -> bool:
        """Whether there is a state that can be read alone."""
        path = SQLite._path(url, root)
        return path.is_file() and not os.access(path.parent, os.W_OK)

    @contextlib.contextmanager
    def turn(self) -> Iterator[None]:
        """Wait for nobody: nothing writes."""
        yield

    def close(self) -> None:
        """Close the file."""
        self.engine.dispose()


def _lock(descriptor: int, path: Path) -> Any:
    """Take the advisory lock and return what gives it back; on systems without one, BEGIN IMMEDIATE must do."""
    try:
        import fcntl
    except ImportError:  # pragma: no cover - Windows
        return lambda: None
    deadline, pause = time.monotonic() + PATIENCE_S, 0.0001
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return lambda: fcntl.flock(descriptor, fcntl.LOCK_UN)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise busy(path) from None
            time.sleep(pause)
            pause = min(pause * 1.5, 0.002)


def busy(path: object) -> Transient:
    """Return the error of a turn that did not come."""
    return Transient(
        "FH-L103",
        f"Another process has been writing to `{path}` for more than {PATIENCE_S:.0f} s.",
        fix="Wait for it, or end it if it hangs (`fuser` or `pg_stat_activity` names it); nothing was written.",
        exit_code=Exit.ENVIRONMENT,
    )


def _configure(connection: Any, _: Any) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves
    cursor = connection.cursor()
    cursor.execute("PRAGMA busy_timeout = 5000")
    _use_wal(cursor)
    for pragma in ("synchronous = FULL", "foreign_keys = ON", "mmap_size = 0", "secure_delete = ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _use_wal(cursor: Any) -> None:
    """Switch to the write-ahead log. SQLite does not wait for a second process that switches at the same instant,
    whatever busy_timeout says, so we do.
    """
    deadline = time.monotonic() + 5.0
    while True:
        try:
            cursor.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.005)


def _begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get("freehold_writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def explain(error: DBAPIError, place: object) -> FreeholdError:
    """Say what a failure of the database means, and what to do about it."""
    said = str(error.orig)
    if "locked" in said or "busy" in said:
        return busy(place)
    meaning = {
        "disk is full": ("FH-L104", "The disk that holds `{place}` is full.", "Free some space; nothing was written."),
        "disk I/O": (
            "FH-L104",
            "The disk that holds `{place}` fails.",
            "Check the disk; the last append is not there.",
        ),
        "readonly": ("FH-L102", "`{place}` may not be written.", "Check its owner and mode, and those of its folder."),
        "unable to open": ("FH-L102", "`{place}` cannot be opened.", "Check its owner and mode, and its folder's."),
        "not a database": ("FH-L105", "`{place}` is not a state database.", "Restore it from a backup."),
        "malformed": ("FH-L105", "`{place}` is damaged.", "Restore it from a backup; run `freehold audit verify`."),
    }
    for mark, (code, problem, fix) in meaning.items():
        if mark in said:
            return FreeholdError(code, problem.format(place=place), fix=fix, exit_code=Exit.ENVIRONMENT)
    return refused(said, place)


def refused(said: str, place: object) -> FreeholdError:
    """Return the error of a database that says something nobody foresaw."""
    problem = f"The state at `{place}` refused: {said.strip()}"
    fix = "Check that the database is there, runs, and lets this user in; nothing was written."
    return FreeholdError("FH-L106", problem, fix=fix, exit_code=Exit.ENVIRONMENT)
