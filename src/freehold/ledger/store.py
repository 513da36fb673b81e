"""The open state database: transactions, migrations, and the mending of its errors into ours."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import Column, Connection, MetaData, String, Table, insert, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from freehold.foundation import Exit, FreeholdError
from freehold.foundation.postgres import without_password
from freehold.ledger import tables
from freehold.ledger.dialect import open_dialect
from freehold.ledger.tail import Tail

REVISION = "0004"  # the newest migration; an up-to-date database is opened without importing Alembic
GENESIS = "0" * 64


class Store:
    """One state database, opened for one workspace.

    Attributes:
        tail: its newest events as evidence reads them.
    """

    def __init__(self, url: str, root: Path, workspace: str, password: str | None = None) -> None:
        self.dialect = open_dialect(url, root, password)
        self.folder = self.dialect.folder
        shown = self.dialect.engine.url.render_as_string(hide_password=True)
        self.place = without_password(shown).replace("+psycopg:", ":", 1)
        self.workspace = workspace
        self.tail = Tail()
        self._turn = threading.Lock()
        self._writer: Connection | None = None
        self._closed = False
        try:
            self._migrate()
            self._begin_chain()
        except BaseException:
            self.close()
            raise

    @contextlib.contextmanager
    def read(self, *, bytewise: bool = False) -> Iterator[Connection]:
        """Open a short transaction that sees one state of the database.

        With `bytewise`, text that is not UTF-8 comes back with its bytes escaped as surrogates instead of failing.
        """
        options = self.dialect.reading
        with self._explained(), self.dialect.engine.connect().execution_options(**options) as connection:
            text = self.dialect.bytewise(connection) if bytewise else contextlib.nullcontext()
            with text, connection.begin():
                yield connection

    @contextlib.contextmanager
    def write(self) -> Iterator[Connection]:
        """Open the one transaction that writes; durable when the block ends, undone when it raises.

        There is one writer at a time over all threads of this process, and over all processes where the dialect takes
        turns; elsewhere the rows they lock make them wait.
        """
        with self._turn, self._explained(), self.dialect.turn():
            connection = self._writer or self.dialect.engine.connect().execution_options(freehold_writes=True)
            if self.dialect.keeps_writer:
                self._writer = connection
            try:
                with connection.begin():
                    yield connection
            finally:
                if not self.dialect.keeps_writer:
                    connection.close()

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except IntegrityError:
            raise  # those who write know what theirs mean
        except DBAPIError as error:
            raise self.dialect.explain(error, self.place) from error

    def forget_erased(self) -> None:
        """Make erased rows unreadable in the files of the database too."""
        with self._turn, self._explained(), self.dialect.turn():
            self.dialect.forget_erased()

    @property
    def is_closed(self) -> bool:
        """Whether close() was called."""
        return self._closed

    def close(self) -> None:
        """Give all connections back; closing twice is closing once."""
        with self._turn:
            if self._closed:
                return
            self._closed = True
            if self._writer is not None:
                self._writer.close()
                self._writer = None
            self.dialect.close()

    def _migrate(self) -> None:
        if self._revision() != REVISION:
            with self._turn, self._explained(), self.dialect.migrating():
                if (found := self._revision()) != REVISION:
                    self._upgrade(found)

    def _revision(self) -> str | None:
        """Return the revision of the database, None when it is empty."""
        with self._explained(), self.dialect.engine.connect() as connection:
            if not self.dialect.engine.dialect.has_table(connection, "freehold_revision"):
                return None
            return connection.execute(text("SELECT version_num FROM freehold_revision")).scalar()

    def _upgrade(self, found: str | None) -> None:
        if found is not None and found > REVISION:
            raise FreeholdError(
                "FH-L107",
                f"The state at `{self.place}` has revision {found}; this Freehold knows {REVISION}.",
                fix="It was written by a newer Freehold: upgrade this one (`pip install -U freehold`).",
                exit_code=Exit.ENVIRONMENT,
            )
        with self.dialect.engine.connect().execution_options(freehold_writes=True) as connection, connection.begin():
            if found is None:
                _create(connection)
            else:
                from freehold.ledger.migrations import upgrade

                upgrade(connection)

    def _begin_chain(self) -> None:
        """Make the row of the workspace's head, unless somebody has."""
        with self.read() as connection:
            there = connection.execute(select(tables.head.c.seq).where(tables.head.c.workspace == self.workspace))
            if there.first() is not None:
                return
        row = {"workspace": self.workspace, "seq": 0, "recorded_at": 0, "sealed_seq": 0, "block": 0}
        # two first openers may meet here; whoever comes second finds what it wanted
        with contextlib.suppress(IntegrityError), self.write() as connection:
            connection.execute(insert(tables.head), {**row, "block_hash": GENESIS})


def _create(connection: Connection) -> None:
    """Make an empty database as the newest migration leaves it, without the half second that Alembic's import takes.

    A test holds the tables to the migrations.
    """
    tables.metadata.create_all(connection)
    revision = Table("freehold_revision", MetaData(), Column("version_num", String(32), primary_key=True))
    revision.create(connection)
    connection.execute(insert(revision), {"version_num": REVISION})
