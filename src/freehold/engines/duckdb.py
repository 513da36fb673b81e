"""DuckDB, embedded: one process owns the file, every session is a cursor of it."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from freehold.engines.protocol import Capabilities, Column, Cost, Relation, Statistics
from freehold.foundation import Caller, Exit, FreeholdError, Transient, Where

if TYPE_CHECKING:
    import pyarrow as pa
    from sqlglot import exp

CAPABILITIES = Capabilities(
    dialect="duckdb",
    transactional_ddl=True,
    exact_count=True,
    hash_function="hash",
    bitstring_distinct=True,
    reads_parquet_footers=True,
)

_HOLDER = re.compile(r"held in (?P<program>.+?) \(PID (?P<pid>\d+)\)")
_SETTINGS = {"threads", "memory_limit", "temp_directory", "max_temp_directory_size"}


class DuckDBEngine:
    """A DuckDB database that this process owns until `close`."""

    capabilities = CAPABILITIES

    def __init__(self, connection: duckdb.DuckDBPyConnection, path: Path | None) -> None:
        self._connection = connection
        self.path = path

    @classmethod
    def open(cls, url: str, *, root: str = ".", wait_s: float = 0.0, **settings: object) -> DuckDBEngine:
        """Open or create the file a `duckdb:` URL names; see `open_engine`.

        Raises:
            FreeholdError: FH-E101 names the process that holds the file; FH-E102 the file cannot be used; FH-E103 an
                unknown setting.
        """
        path = _path_of(url, root)
        unknown = sorted(set(settings) - _SETTINGS)
        if unknown:
            raise FreeholdError(
                "FH-E103",
                f"DuckDB has no setting `{unknown[0]}` here.",
                fix=f"Use one of: {', '.join(sorted(_SETTINGS))}.",
                exit_code=Exit.USAGE,
            )
        if path:
            path.parent.mkdir(parents=True, exist_ok=True)
        connection = _connect(str(path) if path else ":memory:", {k: str(v) for k, v in settings.items()}, wait_s)
        if path:
            _name_holder(path)
        connection.execute("SET TimeZone = 'UTC'; SET preserve_insertion_order = true")
        return cls(connection, path)

    def session(self, caller: Caller, tag: Mapping[str, str] | None = None) -> DuckDBSession:
        """Start a session for a caller; see `Engine.session`."""
        return DuckDBSession(self._connection.cursor(), caller, tag or {})

    def close(self) -> None:
        """Write everything to the file and give it back."""
        self._connection.close()
        if self.path:
            _holder_note(self.path).unlink(missing_ok=True)


class DuckDBSession:
    """One cursor. DuckDB gives each its own transaction."""

    def __init__(self, cursor: duckdb.DuckDBPyConnection, caller: Caller, tag: Mapping[str, str]) -> None:
        self._cursor = cursor
        self.caller = caller
        self.cost = Cost()
        self._tag = _query_tag(caller, tag)

    def rows(self, query: str | exp.Expression, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Run a query and return its rows."""
        with self._call(query) as sql:
            return self._cursor.execute(sql, parameters or None).fetchall()

    def arrow(self, query: str | exp.Expression, parameters: Sequence[Any] = ()) -> pa.Table:
        """Run a query and return an Arrow table."""
        with self._call(query) as sql:
            return self._cursor.execute(sql, parameters or None).to_arrow_table()

    def run(self, statement: str | exp.Expression, parameters: Sequence[Any] = ()) -> int:
        """Run a statement and return how many rows it touched."""
        with self._call(statement) as sql:
            row = self._cursor.execute(sql, parameters or None).fetchone()
        return int(row[0]) if row and isinstance(row[0], int) else 0

    def load(self, relation: Relation, table: pa.Table | Iterable[pa.RecordBatch], *, replace: bool = True) -> int:
        """Write Arrow data to a table; see `Session.load`."""
        import pyarrow as pa

        data = table if isinstance(table, pa.Table) else pa.Table.from_batches(table)
        name = "freehold_arrow_input"
        self._cursor.register(name, data)
        try:
            if replace:
                self.run(f"CREATE OR REPLACE TABLE {relation.sql} AS SELECT * FROM {name}")
            else:
                self.run(f"INSERT INTO {relation.sql} BY NAME SELECT * FROM {name}")
        finally:
            self._cursor.unregister(name)
        return int(data.num_rows)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Everything inside happens or nothing does."""
        with self._call("BEGIN") as sql:
            self._cursor.execute(sql)
        try:
            yield
        except BaseException:
            with suppress(duckdb.Error):  # the failure that brought us here is the one to tell
                self._cursor.execute("ROLLBACK")
            raise
        with self._call("COMMIT") as sql:
            self._cursor.execute(sql)

    def relations(self, schema: str | None = None) -> tuple[Relation, ...]:
        """List tables and views, of one schema or of all."""
        found = self.rows(
            "SELECT table_schema, table_name, CASE table_type WHEN 'VIEW' THEN 'view' ELSE 'table' END "
            "FROM information_schema.tables "
            "WHERE table_catalog = current_database() AND (? IS NULL OR table_schema = ?) ORDER BY ALL",
            (schema, schema),
        )
        return tuple(Relation(*row) for row in found)

    def describe(self, relation: Relation) -> tuple[Column, ...]:
        """Return the columns of a relation in order; empty if there is no such relation."""
        found = self.rows(
            "SELECT column_name, data_type, is_nullable FROM duckdb_columns() "
            "WHERE database_name = current_database() AND schema_name = ? AND table_name = ? ORDER BY column_index",
            (relation.schema, relation.name),
        )
        return tuple(Column(name, kind.upper(), bool(nullable)) for name, kind, nullable in found)

    def columns_of(self, query: str | exp.Expression) -> tuple[Column, ...]:
        """Return the columns a query would give, by binding it, without running it."""
        text = query if isinstance(query, str) else query.sql("duckdb")
        return tuple(Column(row[0], row[1].upper()) for row in self.rows(f"DESCRIBE {text}"))

    def statistics(self, relation: Relation) -> Statistics:
        """Return the exact number of rows; DuckDB's own minima and maxima are bounds, so they are not given."""
        if not self.describe(relation):
            return Statistics()
        return Statistics(rows=self.rows(f"SELECT count(*) FROM {relation.sql}")[0][0])

    def close(self) -> None:
        """Give the session back; an open transaction is rolled back."""
        self._cursor.close()

    @contextmanager
    def _call(self, query: str | exp.Expression) -> Iterator[str]:
        sql = query if isinstance(query, str) else query.sql("duckdb")
        started = time.perf_counter()
        try:
            yield self._tag + sql
        except duckdb.Error as error:
            raise translate(error, sql) from error
        finally:
            self.cost.queries += 1
            self.cost.seconds += time.perf_counter() - started


def translate(error: duckdb.Error, sql: str = "") -> FreeholdError:
    """Say what a DuckDB error means to the one who ran the command."""
    text = str(error).strip()
    first = text.splitlines()[0] if text else type(error).__name__
    if isinstance(error, duckdb.TransactionException) or "conflict" in first.lower():
        return Transient("FH-E110", f"Another transaction changed the same rows: {first}", exit_code=Exit.ENVIRONMENT)
    if "no space left" in text.lower() or "could not write" in text.lower() or "disk full" in text.lower():
        return FreeholdError(
            "FH-E105",
            f"The warehouse could not write: {first}",
            fix="Free disk space and run again; what was published before is untouched.",
            exit_code=Exit.ENVIRONMENT,
        )
    if isinstance(error, duckdb.OutOfMemoryException):
        return FreeholdError(
            "FH-E106",
            f"The warehouse ran out of memory: {first}",
            fix="Raise `memory_limit` of the connection in estate.yaml, or select fewer intervals.",
            exit_code=Exit.ENVIRONMENT,
        )
    if isinstance(error, duckdb.IOException | duckdb.FatalException | duckdb.InternalException):
        return FreeholdError("FH-E102", f"The warehouse file failed: {first}", exit_code=Exit.ENVIRONMENT)
    return FreeholdError("FH-E201", _with_line(text), where=_place(text, sql))


def _with_line(text: str) -> str:
    """Keep the message and the near matches, drop the drawing of the statement."""
    kept = [
        line for line in text.splitlines() if line.strip() and not line.startswith("LINE ") and set(line) - {" ", "^"}
    ]
    return " ".join(kept)


def _place(text: str, sql: str) -> Where | None:
    found = re.search(r"^LINE (\d+): ", text, re.M)
    return Where("<sql>", int(found[1]), 1) if found and sql.count("\n") else None


def _path_of(url: str, root: str) -> Path | None:
    rest = url.removeprefix("duckdb:")
    if rest in ("", "//", "///", "///:memory:"):
        return None
    if rest.startswith("////"):
        return Path(rest[3:])
    if rest.startswith("///"):
        return Path(root) / rest[3:]
    raise FreeholdError(
        "FH-E002",
        f"`{url}` is not a place of a DuckDB file.",
        fix="Write duckdb:///relative/path.db or duckdb:////absolute/path.db.",
        exit_code=Exit.USAGE,
    )


def _connect(path: str, config: dict[str, str], wait_s: float) -> duckdb.DuckDBPyConnection:
    deadline = time.monotonic() + wait_s
    pause = 0.05
    while True:
        try:
            return duckdb.connect(path, config=dict(config))
        except duckdb.Error as error:
            held = _HOLDER.search(str(error)) or "Could not set lock" in str(error)
            if not held:
                raise FreeholdError(
                    "FH-E102",
                    f"DuckDB cannot open `{path}`: {str(error).splitlines()[0]}",
                    fix="Check the path, its rights and the free space; a damaged file is restored from a backup.",
                    exit_code=Exit.ENVIRONMENT,
                ) from error
            if time.monotonic() >= deadline:
                raise _locked(path, str(error)) from error
        time.sleep(pause)
        pause = min(pause * 2, 1.0)


def _locked(path: str, message: str) -> FreeholdError:
    held = _HOLDER.search(message)
    holder = f"process {held['pid']} ({Path(held['program']).name})" if held else "another process"
    note = _holder_note(Path(path))
    with suppress(OSError, ValueError, KeyError):
        said = json.loads(note.read_text())
        if held and int(held["pid"]) == said["pid"]:
            holder = f"process {said['pid']} (`{said['command']}`, since {said['since']})"
    return FreeholdError(
        "FH-E101",
        f"The warehouse `{path}` is in use by {holder}.",
        fix="Wait for it with `--wait 60`, or stop that process.",
        exit_code=Exit.ENVIRONMENT,
    )


def _holder_note(path: Path) -> Path:
    return path.with_name(path.name + ".owner")


def _name_holder(path: Path) -> None:
    """Leave a note for the process that will find the file locked. Only talk: the lock is DuckDB's."""
    from sys import argv

    since = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime())
    command = " ".join([Path(argv[0]).name, *argv[1:]])[:200]
    with suppress(OSError):
        _holder_note(path).write_text(json.dumps({"pid": os.getpid(), "command": command, "since": since}))


def _query_tag(caller: Caller, tag: Mapping[str, str]) -> str:
    said = {"app": "freehold", "caller": caller.principal, "purpose": caller.purpose, **tag}
    return "/* " + json.dumps(said, separators=(",", ":")).replace("*/", "* /") + " */ "


__all__ = ["CAPABILITIES", "DuckDBEngine", "DuckDBSession", "translate"]
