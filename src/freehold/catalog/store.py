"""The file that holds the catalog: opened, or made anew where it cannot be trusted, since losing it loses nothing."""

from __future__ import annotations

import fcntl
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from freehold.catalog.tables import FORMAT, TABLES
from freehold.foundation import Exit, FreeholdError, RandomIds

FOLDER = Path(".freehold") / "catalog"
_FILE, _LOCK = "catalog.db", "lock"
_BUSY_MS = 10_000
_WRITING_KB = 256_000  # of the file that a writer may keep at hand; taken as it is needed, given back when it closes
_AHEAD_BYTES = 128 * 1024  # that a system is told of at once; of more it reads only the beginning
_READING_BYTES = 2_000_000_000  # of the file that may be read without copying; the memory is the file system's


class Store:
    """The catalog of one estate on disk. One process writes at a time; any number read meanwhile."""

    def __init__(self, root: Path) -> None:
        self.folder = root / FOLDER
        self._file = self.folder / _FILE

    @property
    def is_there(self) -> bool:
        """Whether a catalog was ever made here."""
        return self._file.is_file()

    @property
    def identity(self) -> tuple[int, int]:
        """What tells the file from one that took its place."""
        status = self._file.stat()
        return status.st_dev, status.st_ino

    @property
    def size(self) -> int:
        """The bytes that the catalog takes on disk, index and all."""
        return sum(path.stat().st_size for path in self.folder.rglob("*") if path.is_file())

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait until no other process writes, and keep them out; a process that dies gives its turn back.

        Raises:
            FreeholdError: FH-F101 the folder cannot be written.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            handle = os.open(self.folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise _unwritable(self.folder, error) from error
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)

    def open(self) -> sqlite3.Connection:
        """Open the file, made or made anew if it has to be; to be called in a turn.

        Raises:
            FreeholdError: FH-F101 it cannot be written.
        """
        try:
            if (known := self._trusted()) is not None:
                return _at_hand(known)
            self.drop()
            connection = _at_hand(self.connect())
            with transaction(connection):
                for statement in TABLES.split(";"):
                    connection.execute(statement)
                started = {"format": FORMAT, "life": RandomIds().new(), "change": "0", "ledger_seq": "0"}
                connection.executemany("INSERT INTO stamp VALUES (?, ?)", started.items())
        except sqlite3.Error as error:
            raise _unwritable(self.folder, error) from error
        return connection

    def _trusted(self) -> sqlite3.Connection | None:
        """Return a connection to the file if it is a catalog of this format; None if it has to be made anew."""
        connection = None
        try:
            connection = self.connect()
            if _format(connection) == FORMAT:
                return connection
        except sqlite3.OperationalError:
            raise  # locked, or no room: the file itself may be whole
        except sqlite3.DatabaseError:
            pass  # no database, or a broken one: it is made anew, which is all there is to mend
        if connection is not None:
            connection.close()
        return None

    def connect(self) -> sqlite3.Connection:
        """Return a connection to the file as it is; it may be handed from thread to thread, one at a time."""
        connection = sqlite3.connect(self._file, isolation_level=None, check_same_thread=False)
        connection.execute(f"PRAGMA busy_timeout = {_BUSY_MS}")
        connection.execute("PRAGMA journal_mode = WAL")
        # After a crash of the machine the last updates may be missing: they are made again, nothing else is.
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute(f"PRAGMA mmap_size = {_READING_BYTES}")
        return connection

    def read_ahead(self) -> None:
        """Let the system begin to read all of the file, in order, where it can be told so.

        In the order of an index its pages lie anywhere, and are read one by one: of five million edges for minutes.
        """
        if not hasattr(os, "posix_fadvise"):
            return
        with suppress(OSError), self._file.open("rb") as file:
            for at in range(0, os.fstat(file.fileno()).st_size, _AHEAD_BYTES):
                os.posix_fadvise(file.fileno(), at, _AHEAD_BYTES, os.POSIX_FADV_WILLNEED)

    def drop(self) -> None:
        """Take the catalog and its index away; to be called in a turn."""
        with suppress(FileNotFoundError):
            for path in list(self.folder.iterdir()):
                if path.is_dir():
                    shutil.rmtree(path, ignore_errors=True)
                elif path.name != _LOCK:
                    path.unlink(missing_ok=True)


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Open the one transaction that writes: all of it, or nothing."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise


@contextmanager
def one_view(connection: sqlite3.Connection) -> Iterator[None]:
    """Let several reads see one state of the catalog, whatever is written meanwhile."""
    if connection.in_transaction:
        yield
        return
    connection.execute("BEGIN")
    try:
        yield
    finally:
        connection.execute("COMMIT")


def stamped(connection: sqlite3.Connection, name: str, default: str = "") -> str:
    """Return what the catalog remembers of itself under a name."""
    found = connection.execute("SELECT value FROM stamp WHERE name = ?", (name,)).fetchone()
    return str(found[0]) if found else default


def stamp(connection: sqlite3.Connection, name: str, value: str) -> None:
    """Let the catalog remember something of itself."""
    said = "INSERT INTO stamp VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value"
    connection.execute(said, (name, value))


def _at_hand(connection: sqlite3.Connection) -> sqlite3.Connection:
    """Let a writer keep pages until it commits: of what it writes in no order most would go to disk again and again."""
    connection.execute(f"PRAGMA cache_size = -{_WRITING_KB}")
    return connection


def _format(connection: sqlite3.Connection) -> str:
    try:
        return stamped(connection, "format")
    except sqlite3.OperationalError:  # it has no such table: it is new, or no catalog
        return ""


def _unwritable(folder: Path, error: Exception) -> FreeholdError:
    return FreeholdError(
        "FH-F101",
        f"The catalog cannot be written to `{folder}`: {getattr(error, 'strerror', None) or error}.",
        fix="Free some space, or check who may write there; nothing but the catalog is concerned.",
        exit_code=Exit.ENVIRONMENT,
    )
