"""A DuckDB database that this process owns."""

from __future__ import annotations

import time
import weakref
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import duckdb

from freehold.engines.duckdb.opening import connect, expect_folder, forget_holder, name_holder, path_of
from freehold.engines.duckdb.session import DuckDBSession
from freehold.engines.duckdb.translating import translate
from freehold.engines.protocol import Capabilities
from freehold.engines.tagging import query_tag
from freehold.foundation import Caller, Exit, FreeholdError

CAPABILITIES = Capabilities(
    dialect="duckdb",
    transactional_ddl=True,
    exact_count=True,
    hash_function="hash",
    bitstring_distinct=True,
    reads_parquet_footers=True,
    reads_files=True,
    estimated_distinct="approx_count_distinct({})",
    is_finite="isfinite({})",
)
_IN_USE = "ResourceInUseException"  # which DuckDB 1 does not have: there, closing waits
_LET_GO_S = 10.0  # how long a query that was interrupted may take to end
_LOOKS_AGAIN_S = 0.01
_TAKEN_BACK_S = 30.0  # how long a process that took the file while it was lent may keep it


class DuckDBEngine:
    """A DuckDB database that this process owns until `close`."""

    capabilities = CAPABILITIES

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        path: Path | None,
        root: str = ".",
        settings: Mapping[str, object] | None = None,
    ) -> None:
        self._connection = _prepared(connection)
        self._root = root
        self._settings = dict(settings or {})
        self._sessions: weakref.WeakSet[DuckDBSession] = weakref.WeakSet()
        self.path = path

    @classmethod
    def open(cls, url: str, *, root: str = ".", wait_s: float = 0.0, **settings: object) -> DuckDBEngine:
        """Open or create the file a `duckdb:` URL names; see `open_engine`.

        Settings are `threads`, `memory_limit`, `temp_directory` and `max_temp_directory_size`, as DuckDB spells them.

        Raises:
            FreeholdError: FH-E101 names the process that holds the file; FH-E102 the file cannot be used; FH-E103 an
                unknown setting, or a value it does not take; FH-E104 a newer DuckDB made the file; FH-E105 the disk is
                full; FH-E400 the folder is not there.
        """
        path = path_of(url, root)
        if path is not None:
            expect_folder(path, root)
        connection = connect(path, settings, wait_s)
        if path:
            name_holder(path)
        return cls(connection, path, root, settings)

    def session(self, caller: Caller, tag: Mapping[str, str] | None = None) -> DuckDBSession:
        """Start a session for a caller; see `Engine.session`.

        Raises:
            FreeholdError: FH-E108 the engine is closed.
        """
        try:
            cursor = self._connection.cursor()
        except duckdb.Error as error:
            raise translate(error) from error
        session = DuckDBSession(cursor, caller, query_tag(caller, tag or {}), self.path, self._root)
        self._sessions.add(session)
        return session

    @contextmanager
    def lent(self) -> Iterator[None]:
        """Give the file up for another process and take it back; see `Engine.lent`."""
        if self.path is None:
            raise FreeholdError(
                "FH-E116",
                "The warehouse lives in the memory of this process, so no other process can write to it.",
                fix="Name a file in `url` of the connection in estate.yaml: duckdb:///.freehold/warehouse.db",
                exit_code=Exit.ENVIRONMENT,
            )
        open_ = [session for session in self._sessions if not session.is_closed]
        for session in open_:
            session.pause()
        self._connection.close()
        try:
            yield
        finally:
            self._connection = _prepared(connect(self.path, self._settings, _TAKEN_BACK_S))
            name_holder(self.path)
            for session in open_:
                session.resume(self._connection.cursor())

    def close(self) -> None:
        """Write everything to the file and give it back; sessions that are still open end.

        What another thread still asks is interrupted: a thread that Ctrl-C caught while it was begun is known to nobody
        who could wait for it, and DuckDB does not close what is in use.
        """
        if self.path:
            forget_holder(self.path)
        until = time.monotonic() + _LET_GO_S
        while True:
            try:
                self._connection.close()
            except duckdb.OperationalError as error:
                if type(error).__name__ != _IN_USE or time.monotonic() > until:
                    raise
            else:
                return
            for session in list(self._sessions):
                session.interrupt()
            time.sleep(_LOOKS_AGAIN_S)


def _prepared(connection: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    """Set what every session of a connection goes by."""
    # GLOBAL, or sessions, which are connections of their own, would fall back to the zone of the machine.
    connection.execute("SET GLOBAL TimeZone = 'UTC'; SET GLOBAL preserve_insertion_order = true").fetchall()
    return connection
