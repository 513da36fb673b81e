"""A DuckDB database that this process owns."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import duckdb

from freehold.engines.duckdb.opening import connect, forget_holder, name_holder, path_of
from freehold.engines.duckdb.session import DuckDBSession
from freehold.engines.duckdb.translating import translate
from freehold.engines.protocol import Capabilities
from freehold.engines.tagging import query_tag
from freehold.foundation import Caller

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


class DuckDBEngine:
    """A DuckDB database that this process owns until `close`."""

    capabilities = CAPABILITIES

    def __init__(self, connection: duckdb.DuckDBPyConnection, path: Path | None, root: str = ".") -> None:
        self._connection = connection
        self._root = root
        self.path = path

    @classmethod
    def open(cls, url: str, *, root: str = ".", wait_s: float = 0.0, **settings: object) -> DuckDBEngine:
        """Open or create the file a `duckdb:` URL names; see `open_engine`.

        Settings are `threads`, `memory_limit`, `temp_directory` and `max_temp_directory_size`, as DuckDB spells them.

        Raises:
            FreeholdError: FH-E101 names the process that holds the file; FH-E102 the file cannot be used; FH-E103 an
                unknown setting, or a value it does not take; FH-E104 a newer DuckDB made the file; FH-E105 the disk is
                full.
        """
        path = path_of(url, root)
        connection = connect(path, settings, wait_s)
        if path:
            name_holder(path)
        # GLOBAL, or sessions, which are connections of their own, would fall back to the zone of the machine.
        connection.execute("SET GLOBAL TimeZone = 'UTC'; SET GLOBAL preserve_insertion_order = true").fetchall()
        return cls(connection, path, root)

    def session(self, caller: Caller, tag: Mapping[str, str] | None = None) -> DuckDBSession:
        """Start a session for a caller; see `Engine.session`.

        Raises:
            FreeholdError: FH-E108 the engine is closed.
        """
        try:
            cursor = self._connection.cursor()
        except duckdb.Error as error:
            raise translate(error) from error
        return DuckDBSession(cursor, caller, query_tag(caller, tag or {}), self.path, self._root)

    def close(self) -> None:
        """Write everything to the file and give it back; sessions that are still open end."""
        if self.path:
            forget_holder(self.path)
        self._connection.close()
