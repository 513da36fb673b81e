"""One conversation with PostgreSQL: a connection, which has its own transaction."""

from __future__ import annotations

import hashlib
import json
import time
import weakref
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import pq

from freehold.engines.postgres import values, views
from freehold.engines.postgres.dialect import NAME
from freehold.engines.postgres.loading import adapt
from freehold.engines.postgres.placeholders import numbered
from freehold.engines.postgres.translating import closed, translate
from freehold.engines.protocol import (
    Column,
    Cost,
    Kept,
    Relation,
    Right,
    Statistics,
    in_transaction,
    literal,
    quoted,
    took_too_long,
)
from freehold.engines.tagging import tagged
from freehold.foundation import Caller, FreeholdError

if TYPE_CHECKING:
    import pyarrow as pa
    from sqlglot import exp

_ROWS_AT_ONCE = 20_000
IDLE_S = 60  # a transaction whose process was stopped is ended by the server, and its locks with it
# Counters of a table stand at what stores its rows: of one with partitions, at those.
_KEPT = """
SELECT n.nspname, c.relname, c.oid::text, a.columns, s.rows, s.inserted, s.written
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
CROSS JOIN LATERAL (
  SELECT sum(pg_stat_get_live_tuples(t.relid)) AS rows, sum(pg_stat_get_tuples_inserted(t.relid)) AS inserted,
    sum(pg_stat_get_tuples_inserted(t.relid) + pg_stat_get_tuples_updated(t.relid)) AS written
  FROM (
    SELECT c.oid AS relid WHERE c.relkind IN ('r', 'm')
    UNION ALL SELECT p.relid FROM pg_partition_tree(c.oid) p WHERE c.relkind = 'p' AND p.isleaf
  ) t
) s
CROSS JOIN LATERAL (
  SELECT json_agg(json_build_array(attname, format_type(atttypid, atttypmod), NOT attnotnull) ORDER BY attnum)
    AS columns
  FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped
) a
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname IN ({schemas})
"""
_OURS = "n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg\\_%'"


class PostgresSession:
    """One connection. Transactions see one state of the database throughout (REPEATABLE READ)."""

    def __init__(self, connection: psycopg.Connection[Any], caller: Caller, tag: str, lock_timeout: str) -> None:
        adapt(connection)
        self._connection = connection
        weakref.finalize(self, connection.close)  # whoever forgets a session does not keep a connection
        self._begin = (
            f"BEGIN ISOLATION LEVEL REPEATABLE READ; SET LOCAL lock_timeout = {literal(lock_timeout)}; "
            f"SET LOCAL idle_in_transaction_session_timeout = '{IDLE_S}s'"
        )
        self._tag = tag
        self._in_transaction = False
        self._is_closed = False
        self.caller = caller
        self.cost = Cost()

    def rows(self, query: str | exp.Expression, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Run a query and return its rows."""
        with self._asked(query, parameters) as cursor:
            return cursor.fetchall() if cursor.description else []

    def arrow(self, query: str | exp.Expression, parameters: Sequence[Any] = ()) -> pa.Table:
        """Run a query and return an Arrow table."""
        with self._asked(query, parameters) as cursor:
            fields = [(c.name, c.type_code, cursor.pgresult.fmod(i)) for i, c in enumerate(cursor.description or ())]
            types = self._types([oid for _, oid, _ in fields], [modifier for _, _, modifier in fields])
            some = iter(lambda: cursor.fetchmany(_ROWS_AT_ONCE), [])
            return values.arrow([name for name, _, _ in fields], types, some)

    def run(self, statement: str | exp.Expression, parameters: Sequence[Any] = ()) -> int:
        """Run a statement and return how many rows it touched."""
        with self._asked(statement, parameters) as cursor:
            return 0 if cursor.description else max(0, cursor.rowcount)

    def load(self, relation: Relation, table: pa.Table | Iterable[pa.RecordBatch], *, replace: bool = True) -> int:
        """Write Arrow data to a table by COPY; see `Session.load`. Batches are taken one at a time, never all at once.

        Raises:
            FreeholdError: FH-E109 there is no batch, so there are no columns; FH-E201 the rows do not fit the table.
        """
        try:
            schema, batches = values.batches(table)
        except StopIteration:
            fix = "Give a table with no rows."
            raise FreeholdError("FH-E109", "There is no batch to load, so no columns either.", fix=fix) from None
        with self._whole():
            if replace:
                self._execute(f"DROP TABLE IF EXISTS {relation.sql}")
                self._execute(f"CREATE TABLE {relation.sql} ({values.definition(schema)})")
            listed = ", ".join(quoted(name) for name in schema.names)
            copying = f"COPY {relation.sql} ({listed}) FROM STDIN (FORMAT csv)"
            with self._call(copying) as sql, self._cursor() as cursor:
                with cursor.copy(sql) as copy:
                    for batch in batches:
                        copy.write(values.as_csv(batch))
                return int(cursor.rowcount)

    def move(self, table: Relation, to: Relation) -> int:
        """Give a table another schema and name, without touching a row; its indexes get names of their own there."""
        indexes = self.rows(
            "SELECT c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid "
            "WHERE i.indrelid = to_regclass(?) ORDER BY 1",
            (table.sql,),
        )
        stem = hashlib.sha256(str(to).encode()).hexdigest()[:20]
        for number, (index,) in enumerate(indexes):  # they are relations, too, and share their names with all others
            self.run(f"ALTER INDEX {Relation(table.schema, index).sql} RENAME TO {quoted(f'ix_{stem}_{number}')}")
        self.run(f"ALTER TABLE {table.sql} RENAME TO {quoted(to.name)}")
        if table.schema != to.schema:
            self.run(f"ALTER TABLE {Relation(table.schema, to.name).sql} SET SCHEMA {quoted(to.schema)}")
        return int(self.rows(f"SELECT count(*) FROM {to.sql}")[0][0])

    def expect_no_transaction(self) -> None:
        """Refuse to stand still in the middle of a transaction.

        Raises:
            FreeholdError: FH-E111 a transaction is open.
        """
        if self._in_transaction:
            raise in_transaction()

    @contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """End any statement inside that takes longer; see the protocol."""
        setting = "SELECT set_config('statement_timeout', ?, false)"
        ((before,),) = self.rows("SELECT current_setting('statement_timeout')")
        self.rows(setting, (f"{max(1, round(seconds * 1000))}ms",))
        try:
            yield
        except FreeholdError as error:
            if error.code != "FH-E114":
                raise
            raise took_too_long(seconds) from error
        finally:
            is_broken = self._connection.info.transaction_status == pq.TransactionStatus.INERROR
            if not self._is_closed and not is_broken:  # a transaction that is rolled back takes the setting with it
                self.rows(setting, (before,))

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
        self._execute(self._begin)
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
        """Make a view show a query; see the protocol, and `views`."""
        views.replace(self, view, query)

    def rights(self, relation: Relation) -> tuple[Right, ...]:
        """Return what others than its owner were given on a relation, and on columns of it."""
        return views.rights(self, relation)

    def grant(self, relation: Relation, rights: Sequence[Right]) -> None:
        """Give rights on a relation; those on columns that it has not are left out."""
        views.grant(self, relation, rights)

    def granting(self, relation: Relation, right: Right) -> str:
        """Return the statement that gives a right on a relation."""
        return views.granting(relation, right)

    def rename(self, relation: Relation, name: str) -> None:
        """Give a table or view another name in its schema; what stands on it stays with it."""
        self.run(self.renaming(relation, name))

    def renaming(self, relation: Relation, name: str) -> str:
        """Return the statement that gives a relation another name; it is the same for views, also materialized ones."""
        return f"ALTER TABLE {relation.sql} RENAME TO {quoted(name)}"

    def standing_on(self, relation: Relation) -> tuple[str, ...]:
        """Return the objects that stand on a relation."""
        return views.standing_on(self, relation)

    def relations(self, schema: str | None = None) -> tuple[Relation, ...]:
        """List tables and views, of one schema or of all."""
        found = self.rows(
            "SELECT n.nspname, c.relname, CASE WHEN c.relkind IN ('v', 'm') THEN 'view' ELSE 'table' END "
            "FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
            f"WHERE c.relkind IN ('r', 'p', 'f', 'v', 'm') AND {_OURS}"
            + (" AND n.nspname = ?" if schema is not None else ""),
            () if schema is None else (schema,),
        )
        return tuple(Relation(*row) for row in sorted(found))

    def describe(self, relation: Relation) -> tuple[Column, ...]:
        """Return the columns of a relation in order; empty if there is no such relation."""
        found = self.rows(
            "SELECT a.attname, format_type(a.atttypid, a.atttypmod), NOT a.attnotnull FROM pg_attribute a "
            "JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace "
            "WHERE n.nspname = ? AND c.relname = ? AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum",
            (relation.schema, relation.name),
        )
        return tuple(Column(name, values.spelled(kind), nullable) for name, kind, nullable in found)

    def describe_all(self, schema: str) -> dict[str, tuple[Column, ...]]:
        """Return the columns of every relation of a schema by its name."""
        found: dict[str, list[Column]] = {}
        for table, name, kind, nullable in self.rows(
            "SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod), NOT a.attnotnull FROM pg_attribute a "
            "JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace "
            "WHERE n.nspname = ? AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND a.attnum > 0 AND NOT a.attisdropped "
            "ORDER BY c.relname, a.attnum",
            (schema,),
        ):
            found.setdefault(table, []).append(Column(name, values.spelled(kind), nullable))
        return {table: tuple(columns) for table, columns in found.items()}

    def kept_of(self, schemas: Collection[str]) -> dict[tuple[str, str], Kept]:
        """Return what the catalog and the statistics of activity tell of every relation of some schemas."""
        if not schemas:
            return {}
        found: dict[tuple[str, str], Kept] = {}
        asked = _KEPT.format(schemas=", ".join("?" * len(schemas)))
        for schema, name, oid, columns, *counters in self.rows(asked, tuple(schemas)):
            described = (
                Column(column, values.spelled(kind), nullable) for column, kind, nullable in json.loads(columns or "[]")
            )
            rows, inserted, written = (None if number is None else int(number) for number in counters)
            found[schema, name] = Kept(tuple(described), rows, inserted, written, oid)
        return found

    def columns_of(self, query: str | exp.Expression) -> tuple[Column, ...]:
        """Return the columns a query would give, by binding it, without running it."""
        with self._call(query) as sql:
            link = self._open().pgconn
            bound = link.prepare(b"", sql.encode())
            if bound.status == pq.ExecStatus.COMMAND_OK:
                bound = link.describe_prepared(b"")
            if bound.status != pq.ExecStatus.COMMAND_OK:
                raise psycopg.errors.error_from_result(bound)
            count = range(bound.nfields)
            names = [(bound.fname(i) or b"").decode() for i in count]
            types = self._types([bound.ftype(i) for i in count], [bound.fmod(i) for i in count])
        return tuple(Column(name, kind) for name, kind in zip(names, types, strict=True))

    def statistics(self, relation: Relation) -> Statistics:  # noqa: ARG002 - none is exact
        """Return nothing: what PostgreSQL keeps of a table is an estimate."""
        return Statistics()

    def parquet_statistics(self, paths: Sequence[str]) -> Statistics:  # noqa: ARG002 - see the capability
        """Return nothing: the server does not see the files."""
        return Statistics()

    def close(self) -> None:
        """Give the connection back; an open transaction is rolled back."""
        self._is_closed = True
        self._connection.close()

    def _types(self, oids: Sequence[int], modifiers: Sequence[int]) -> list[str]:
        """Return the names of types in the spelling of the protocol, asked of the server in one go."""
        if not oids:
            return []
        with self._cursor() as cursor:
            asked = (
                "SELECT format_type(o, m) FROM unnest($1::oid[], $2::int[]) WITH ORDINALITY AS t(o, m, i) ORDER BY i"
            )
            cursor.execute(asked, (list(oids), list(modifiers)))
            return [values.spelled(name) for (name,) in cursor.fetchall()]

    @contextmanager
    def _whole(self) -> Iterator[None]:
        """Run several statements as one, in the open transaction or in one of their own."""
        if self._in_transaction:
            yield
        else:
            with self.transaction():
                yield

    def _open(self) -> psycopg.Connection[Any]:
        if self._is_closed:
            raise closed()
        return self._connection

    def _cursor(self) -> Any:
        return psycopg.RawCursor(self._open())

    def _execute(self, sql: str) -> None:
        with self._asked(sql):
            pass

    @contextmanager
    def _asked(self, query: str | exp.Expression, parameters: Sequence[Any] = ()) -> Iterator[Any]:
        """Run a statement and give its cursor; what fails while it is read is translated too."""
        with self._call(query, bool(parameters)) as sql, self._cursor() as cursor:
            cursor.execute(sql, tuple(parameters) or None)
            yield cursor

    @contextmanager
    def _call(self, query: str | exp.Expression, has_parameters: bool = False) -> Iterator[str]:
        given = query if isinstance(query, str) else query.sql(NAME)
        sql = numbered(given) if has_parameters else given
        started = time.perf_counter()
        try:
            yield tagged(sql, self._tag)
        except psycopg.Error as error:
            raise (closed() if self._is_closed else translate(error, sql, tag=self._tag)) from error
        finally:
            self.cost.queries += 1
            self.cost.seconds += time.perf_counter() - started
