"""The state in a PostgreSQL database. The row lock on the head of the chain is the turn: writers queue on it.

Many processes and many machines may have it open. What stands beside the state (key, witness file, segments, evidence)
is in `.freehold` under the root.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from sqlalchemy import Connection, Table, create_engine, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError

from freehold.foundation import Exit, FreeholdError
from freehold.foundation.postgres import CONNECT_TIMEOUT_S, refusal, without_password
from freehold.ledger import dialect, tables

COPY_FROM = 20  # rows from which on COPY is quicker than INSERT
IDLE_S = 60  # a transaction whose process was stopped is ended by the server, and its locks with it


class Postgres:
    """The state in a PostgreSQL database."""

    reading: Mapping[str, Any] = MappingProxyType({"isolation_level": "REPEATABLE READ"})
    is_frozen = False
    keeps_writer = False  # the server may have gone since the last write; a connection from the pool was tried first

    def __init__(self, url: str, root: Path, password: str | None) -> None:
        self.folder = Path(root).absolute() / ".freehold"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            problem = f"The folder beside the state, `{self.folder}`, cannot be used: {error.strerror}."
            raise FreeholdError("FH-L101", problem, exit_code=Exit.ENVIRONMENT) from error
        self.engine = self._engine(url, password)

    def _engine(self, url: str, password: str | None) -> Any:
        options = {
            "connect_timeout": CONNECT_TIMEOUT_S,
            "application_name": "freehold",
            "options": f"-c lock_timeout={int(dialect.PATIENCE_S * 1000)} "
            f"-c idle_in_transaction_session_timeout={IDLE_S * 1000} -c client_min_messages=warning",
        }
        try:
            target = make_url(f"postgresql+psycopg://{url.partition('://')[2]}")
            given = {name: value for name, value in options.items() if name not in target.query}
            secret = {"password": password} if password else {}
            # After a refused statement the driver warns that the rest of its batch is gone: the refusal says it better.
            logging.getLogger("psycopg").setLevel(logging.ERROR)
            return create_engine(target, pool_pre_ping=True, connect_args={**given, **secret})
        except ModuleNotFoundError as error:
            fix = "pip install 'freehold[postgres]'"
            problem = "PostgreSQL needs the driver psycopg, which is not installed."
            raise FreeholdError("FH-L101", problem, fix=fix, exit_code=Exit.ENVIRONMENT) from error
        except (ArgumentError, ValueError):  # what it says may repeat the URL, and a password in it
            raise FreeholdError(
                "FH-L101",
                f"`{without_password(url)}` is no address of a PostgreSQL database.",
                fix="Write postgresql://user@host:5432/database, and the password by reference.",
                exit_code=Exit.USAGE,
            ) from None

    @contextlib.contextmanager
    def turn(self) -> Iterator[None]:
        """Do nothing: the transaction locks the row of the head itself."""
        yield

    @contextlib.contextmanager
    def migrating(self) -> Iterator[None]:
        """Hold an advisory lock of the database's."""
        with self.engine.begin() as connection:
            connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('freehold migrations'))"))
            yield

    def forget_erased(self) -> None:
        """Rewrite the table of erasable items, so that dead rows leave its files."""
        with self.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM FULL side_item"))

    def bytewise(self, connection: Connection) -> contextlib.AbstractContextManager[None]:  # noqa: ARG002
        """Do nothing: PostgreSQL refuses to store text that is not UTF-8."""
        return contextlib.nullcontext()

    def inserting(self, table: Table) -> Callable[[Connection, Sequence[Mapping[str, Any]]], None]:
        """Return what writes rows of a table: COPY for many, INSERT for few."""
        names = tuple(column.name for column in table.columns)
        listed = ", ".join(f'"{name}"' for name in names)
        copied = f'COPY "{table.name}" ({listed}) FROM STDIN'
        inserted = f'INSERT INTO "{table.name}" ({listed}) VALUES ({", ".join(["%s"] * len(names))})'

        def insert(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
            values = [tuple(row[name] for name in names) for row in rows]
            if len(values) < COPY_FROM:
                if values:
                    connection.exec_driver_sql(inserted, values)
                return
            driver: Any = connection.connection.driver_connection
            with _as_sqlalchemy(copied), driver.cursor() as cursor, cursor.copy(copied) as copy:
                for row in values:
                    copy.write_row(row)

        return insert

    def hold(self, connection: Connection) -> None:
        """Lock every table against writers, and let the transaction be as long as it must."""
        connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
        listed = ", ".join(f'"{name}"' for name in tables.metadata.tables)
        connection.execute(text(f"LOCK TABLE {listed} IN SHARE ROW EXCLUSIVE MODE"))

    def explain(self, error: DBAPIError, place: object) -> FreeholdError:
        """Say what a failure of the database means, and what to do about it."""
        said, state = str(error.orig), getattr(error.orig, "sqlstate", None)
        if state == "55P03":  # lock_timeout
            return dialect.busy(place)
        if "NUL (0x00)" in said or state == "22021":
            problem = "PostgreSQL cannot hold a text with a NUL character in it."
            return FreeholdError("FH-L004", problem, fix="Take it out; nothing was written.")
        if state in ("53100", "58030"):
            problem = f"The disk of the server that holds `{place}` is full or fails."
            fix = "Free some space on the server; nothing was written."
            return FreeholdError("FH-L104", problem, fix=fix, exit_code=Exit.ENVIRONMENT)
        if known := refusal(said):
            problem, fix = known
            return FreeholdError("FH-L106", f"The state at `{place}`: {problem}", fix=fix, exit_code=Exit.ENVIRONMENT)
        return dialect.refused(said, place)

    def close(self) -> None:
        """Close the pool."""
        self.engine.dispose()


@contextlib.contextmanager
def _as_sqlalchemy(statement: str) -> Iterator[None]:
    """Raise what the driver raises as SQLAlchemy would; COPY goes past it."""
    import psycopg

    try:
        yield
    except psycopg.IntegrityError as error:
        raise IntegrityError(statement, None, error) from error
    except psycopg.Error as error:
        raise DBAPIError(statement, None, error) from error
