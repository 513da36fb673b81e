"""One conversation with DuckDB: a cursor, which has its own transaction."""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from freehold.engines.duckdb import footers
from freehold.engines.duckdb.translating import translate
from freehold.engines.protocol import (
    Column,
    Cost,
    Kept,
    Relation,
    Right,
    Statistics,
    in_transaction,
    quoted,
    took_too_long,
)
from freehold.engines.tagging import tagged
from freehold.foundation import Caller, FreeholdError

if TYPE_CHECKING:
    import pyarrow as pa
    from sqlglot import exp

_ARROW_INPUT = "freehold_arrow_input"
# From DuckDB 2 on, a query as a relation streams into Arrow; fetching Arrow from a cursor copies the rows and warns.
_STREAMS = int(duckdb.__version__.partition(".")[0]) >= 2


class DuckDBSession:
    """One cursor. DuckDB gives each its own transaction."""

    def __init__(
        self, cursor: duckdb.DuckDBPyConnection, caller: Caller, tag: str, warehouse: Path | None, root: str
    ) -> None:
        self._cursor = cursor
        self._tag = tag
        self._warehouse = warehouse
        self._root = root
        self._in_transaction = False
        self._seconds: float | None = None
        self.is_closed = False
        self.caller = caller
        self.cost = Cost()

    def rows(self, query: str | exp.Expression, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Run a query and return its rows."""
        with self._call(query) as sql:
            return self._cursor.execute(sql, parameters or None).fetchall()

    def arrow(self, query: str | exp.Expression, parameters: Sequence[Any] = ()) -> pa.Table:
        """Run a query and return an Arrow table."""
        with self._call(query) as sql:
            if _STREAMS:
                return self._cursor.sql(sql, params=parameters or None).to_arrow_table()
            return self._cursor.execute(sql, parameters or None).to_arrow_table()

    def run(self, statement: str | exp.Expression, parameters: Sequence[Any] = ()) -> int:
        """Run a statement and return how many rows it touched."""
        with self._call(statement) as sql:
            found = self._cursor.execute(sql, parameters or None).fetchall()
        row = found[0] if found else ()
        return row[0] if row and isinstance(row[0], int) else 0

    def load(self, relation: Relation, table: pa.Table | Iterable[pa.RecordBatch], *, replace: bool = True) -> int:
        """Write Arrow data to a table; see `Session.load`. Batches are taken one at a time, never all at once.

        Raises:
            FreeholdError: FH-E109 there is no batch, so there are no columns; FH-E201 the rows do not fit the table, or
                a column is of a type that DuckDB does not have.
        """
        given = _Batches(table)
        self._register(given.source)
        try:
            if replace:
                return self.run(f"CREATE OR REPLACE TABLE {relation.sql} AS SELECT * FROM {_ARROW_INPUT}")
            return self.run(f"INSERT INTO {relation.sql} BY NAME SELECT * FROM {_ARROW_INPUT}")
        except FreeholdError:
            if given.failure is not None:  # what broke is where the batches come from, not the warehouse
                raise given.failure from None
            raise
        finally:
            self._cursor.unregister(_ARROW_INPUT)

    def move(self, table: Relation, to: Relation) -> int:
        """Give a table another schema and name: DuckDB moves none between schemas, so the rows are written again."""
        rows = self.run(f"CREATE TABLE {to.sql} AS SELECT * FROM {table.sql}")
        self.run(f"DROP TABLE {table.sql}")
        return rows

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Everything inside happens or nothing does.

        Raises:
            FreeholdError: FH-E111 a transaction is open already; that one is left as it was.
        """
        if self._in_transaction:
            raise FreeholdError(
                "FH-E111",
                "A transaction is open in this session already.",
                fix="Leave it before starting another, or use another session.",
            )
        self._execute("BEGIN")
        self._in_transaction = True
        try:
            yield
            self._execute("COMMIT")
        except BaseException:
            with suppress(FreeholdError):  # the failure that brought us here is the one to tell
                self._execute("ROLLBACK")
            raise
        finally:
            self._in_transaction = False

    def replace_view(self, view: Relation, query: str) -> None:
        """Make a view show a query; nothing depends on a view here but by its name."""
        self.run(f"CREATE OR REPLACE VIEW {view.sql} AS {query}")

    def rights(self, relation: Relation) -> tuple[Right, ...]:  # noqa: ARG002
        """Return nothing: whoever can open a DuckDB file may do everything in it."""
        return ()

    def grant(self, relation: Relation, rights: Sequence[Right]) -> None:
        """Give nothing; there is nothing to give."""

    def granting(self, relation: Relation, right: Right) -> str:
        """Return a comment: DuckDB has no rights."""
        return f"-- no right to give on {relation}: {right}"

    def rename(self, relation: Relation, name: str) -> None:
        """Give a table or view another name in its schema."""
        self.run(self.renaming(relation, name))

    def renaming(self, relation: Relation, name: str) -> str:
        """Return the statement that gives a relation another name."""
        return f"ALTER {'VIEW' if relation.kind == 'view' else 'TABLE'} {relation.sql} RENAME TO {quoted(name)}"

    def standing_on(self, relation: Relation) -> tuple[str, ...]:  # noqa: ARG002
        """Return nothing: a view here reads whatever bears the name."""
        return ()

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
        return tuple(Column(name, kind, bool(nullable)) for name, kind, nullable in found)

    def describe_all(self, schema: str) -> dict[str, tuple[Column, ...]]:
        """Return the columns of every relation of a schema by its name; `describe` looks through all for each."""
        found: dict[str, list[Column]] = {}
        for table, name, kind, nullable in self.rows(
            "SELECT table_name, column_name, data_type, is_nullable FROM duckdb_columns() "
            "WHERE database_name = current_database() AND schema_name = ? ORDER BY table_name, column_index",
            (schema,),
        ):
            found.setdefault(table, []).append(Column(name, kind, bool(nullable)))
        return {table: tuple(columns) for table, columns in found.items()}

    def kept_of(self, schemas: Collection[str]) -> dict[tuple[str, str], Kept]:
        """Return what the catalog tells of every relation of some schemas; DuckDB counts rows, and no writes."""
        if not schemas:
            return {}
        found = self.rows(
            "SELECT c.schema_name, c.table_name, list([c.column_name, c.data_type, c.is_nullable::VARCHAR] "
            "ORDER BY c.column_index), any_value(t.estimated_size) FROM duckdb_columns() c LEFT JOIN duckdb_tables() t "
            "ON t.table_oid = c.table_oid AND t.schema_oid = c.schema_oid AND t.database_oid = c.database_oid "
            f"WHERE c.database_name = current_database() AND c.schema_name IN ({', '.join('?' * len(schemas))}) "
            "GROUP BY ALL",
            tuple(schemas),
        )
        return {
            (schema, name): Kept(tuple(Column(n, kind, nullable == "true") for n, kind, nullable in columns), rows)
            for schema, name, columns, rows in found
        }

    def columns_of(self, query: str | exp.Expression) -> tuple[Column, ...]:
        """Return the columns a query would give, by binding it, without running it."""
        text = query if isinstance(query, str) else query.sql("duckdb")
        return tuple(Column(row[0], row[1]) for row in self.rows(f"DESCRIBE {text}"))

    def statistics(self, relation: Relation) -> Statistics:
        """Return the exact number of rows of a table, which DuckDB keeps; nothing for a view, which has none.

        DuckDB's own minima and maxima are bounds, and may be wider than the values, so they are not given.
        """
        kept = self.rows(
            "SELECT 1 FROM duckdb_tables() WHERE database_name = current_database() "
            "AND schema_name = ? AND table_name = ?",
            (relation.schema, relation.name),
        )
        return Statistics(rows=self.rows(f"SELECT count(*) FROM {relation.sql}")[0][0]) if kept else Statistics()

    def parquet_statistics(self, paths: Sequence[str]) -> Statistics:
        """Return what the footers of Parquet files prove about all their rows together; see the protocol."""
        return footers.statistics(self, paths)

    def close(self) -> None:
        """Give the session back; an open transaction is rolled back."""
        self.is_closed = True
        self._cursor.close()

    def interrupt(self) -> None:
        """End what another thread runs in this session, if it runs anything."""
        with suppress(duckdb.Error):  # closed meanwhile
            self._cursor.interrupt()

    def pause(self) -> None:
        """Let go of the file, so that the engine can give it up.

        Raises:
            FreeholdError: FH-E111 a transaction is open.
        """
        if self._in_transaction:
            raise in_transaction()
        self._cursor.close()

    def resume(self, cursor: duckdb.DuckDBPyConnection) -> None:
        """Go on, with a cursor of the connection that the engine has now."""
        self._cursor = cursor

    def _register(self, source: Any) -> None:
        try:
            self._cursor.register(_ARROW_INPUT, source)
        except duckdb.NotImplementedException as error:
            raise self._foreign(source.schema) or translate(error) from error
        except duckdb.Error as error:
            raise translate(error) from error

    def _foreign(self, schema: pa.Schema) -> FreeholdError | None:
        """Return the error of the first column whose Arrow type DuckDB does not take."""
        import pyarrow as pa

        for field in schema:
            try:
                self._cursor.register(_ARROW_INPUT, pa.schema([field]).empty_table())
            except duckdb.NotImplementedException:
                problem = f"The column `{field.name}` is of the Arrow type {field.type}, which DuckDB does not take."
                return FreeholdError("FH-E201", problem, fix="Cast it first, e.g. a half float to float32.")
            self._cursor.unregister(_ARROW_INPUT)
        return None

    def _execute(self, sql: str) -> None:
        with self._call(sql) as statement:
            self._cursor.execute(statement)

    @contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """End any statement inside that takes longer; see the protocol."""
        before, self._seconds = self._seconds, seconds
        try:
            yield
        finally:
            self._seconds = before

    @contextmanager
    def _call(self, query: str | exp.Expression) -> Iterator[str]:
        sql = query if isinstance(query, str) else query.sql("duckdb")
        started = time.perf_counter()
        ending = _Ending(self._cursor, self._seconds)
        try:
            with ending:
                yield tagged(sql, self._tag)
        except duckdb.InterruptException as error:
            if ending.has_come and self._seconds is not None:
                raise took_too_long(self._seconds) from None
            raise translate(error, sql, tag=self._tag, warehouse=self._warehouse, root=self._root) from error
        except duckdb.Error as error:
            raise translate(error, sql, tag=self._tag, warehouse=self._warehouse, root=self._root) from error
        except RuntimeError as error:
            if str(error) != "Query interrupted":
                raise
            raise KeyboardInterrupt from None  # DuckDB saw the signal first and gave it another name
        finally:
            self.cost.queries += 1
            self.cost.seconds += time.perf_counter() - started


class _Ending:
    """Ends what a cursor runs when its time is up; without a time it does nothing."""

    def __init__(self, cursor: duckdb.DuckDBPyConnection, seconds: float | None) -> None:
        self.has_come = False
        self._cursor = cursor
        self._timer = threading.Timer(seconds, self._end) if seconds is not None else None

    def __enter__(self) -> None:
        if self._timer is not None:
            self._timer.daemon = True
            self._timer.start()

    def __exit__(self, *_: object) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _end(self) -> None:
        self.has_come = True
        self._cursor.interrupt()


class _Batches:
    """Arrow data on its way in, remembering what went wrong where it comes from."""

    def __init__(self, table: pa.Table | Iterable[pa.RecordBatch]) -> None:
        import pyarrow as pa

        self.failure: BaseException | None = None
        self.source: Any = table
        if isinstance(table, pa.Table | pa.RecordBatchReader):
            return
        batches = iter(table)
        first = next(batches, None)
        if first is None:
            raise FreeholdError(
                "FH-E109", "There is no batch to load, so no columns either.", fix="Give a table with no rows."
            )
        self.source = pa.RecordBatchReader.from_batches(first.schema, self._watched(first, batches))

    def _watched(self, first: pa.RecordBatch, others: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        yield first
        try:
            yield from others
        except BaseException as error:
            self.failure = error
            raise
