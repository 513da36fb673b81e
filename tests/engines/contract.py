"""What every engine must do, said once. An engine joins by an entry in ENGINES; what it lacks is marked, and strict.

Three honest marks: `notimpl` (we have not built it), `notyet` (the engine cannot do it yet), `never` (it is not in the
nature of the engine, and the reason says why). A marked test that passes fails the suite: no mark outlives its cause.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pytest

from freehold.engines import Engine, open_engine
from freehold.foundation import Caller

CALLER = Caller("user:local/ada", purpose="month-end close")
Test = TypeVar("Test", bound=Callable[..., Any])


@dataclass(frozen=True)
class Kind:
    """One engine under the contract: how to open it in a folder, how it says which statements reached it, and more."""

    name: str
    open: Callable[[Path], Engine]
    statements: Callable[[Engine], AbstractContextManager[Callable[[], list[str]]]]
    schema: str  # where a table goes that names none
    columns: tuple[tuple[str, str], ...]  # types as the engine describes them, each with a value
    told: tuple[str, ...]  # how the statements begin that the test of the query tag asks for


def _lacks(mark: str) -> Callable[..., Callable[[Test], Test]]:
    def marking(*engines: str, reason: str) -> Callable[[Test], Test]:
        def marked(test: Test) -> Test:
            lacks = dict(getattr(test, "lacks", {}))
            test.lacks = {**lacks, **dict.fromkeys(engines, f"{mark}: {reason}")}  # type: ignore[attr-defined]
            return test

        return marked

    return marking


notimpl = _lacks("notimpl")
notyet = _lacks("notyet")
never = _lacks("never")


def apply_marks(request: pytest.FixtureRequest, engine: str) -> None:
    """Turn the mark of a test for this engine into a strict expected failure."""
    reason = getattr(request.function, "lacks", {}).get(engine)
    if reason:
        request.applymarker(pytest.mark.xfail(reason=reason, strict=True))


def open_duckdb(folder: Path) -> Engine:
    """Open a DuckDB file in a folder."""
    return open_engine("duckdb:///warehouse.db", root=str(folder), threads=2)


class _DuckDBLog:
    """DuckDB's own log of statements, switched on while it is entered."""

    def __init__(self, engine: Engine) -> None:
        self._session = engine.session(CALLER)

    def __enter__(self) -> Callable[[], list[str]]:
        self._session.rows("CALL enable_logging('QueryLog')")
        return lambda: [message for (message,) in self._session.rows("SELECT message FROM duckdb_logs")]

    def __exit__(self, *_: object) -> None:
        self._session.rows("CALL disable_logging()")
        self._session.close()


URL_FILE, LOG_FILE = "postgres.url", "postgres.log"  # in the folder of a test: which database is its, what it logs to


def open_postgres(folder: Path) -> Engine:
    """Open the database that belongs to a folder; it logs every statement."""
    url = (folder / URL_FILE).read_text()
    return open_engine(f"{url}{'&' if '?' in url else '?'}options=-c%20log_statement%3Dall", root=str(folder))


class _PostgresLog:
    """The log of the server from the moment that it is entered."""

    def __init__(self, engine: Engine) -> None:
        session = engine.session(CALLER)
        ((self._path,),) = session.rows("SELECT current_setting('data_directory') || '/../log'")
        ((self._database,),) = session.rows("SELECT current_database()")
        session.close()

    def __enter__(self) -> Callable[[], list[str]]:
        if not Path(self._path).exists():
            pytest.skip("the log of a server elsewhere cannot be read")
        self._from = Path(self._path).stat().st_size
        return self._reached

    def _reached(self) -> list[str]:
        with Path(self._path).open() as log:
            log.seek(self._from)
            told = re.split(r"^\d{4}-\d\d-\d\d \S+ UTC \[\d+\] ", log.read().replace("\n\t", "\n"), flags=re.MULTILINE)
        found = (re.match(r"LOG:  (?:statement|execute [^:]*): (.*)", text, re.DOTALL) for text in told)
        return [match[1] for match in found if match]

    def __exit__(self, *_: object) -> None:
        """Nothing was switched on."""


_TOLD = ("SELECT 41", "SELECT 43", "CREATE TABLE t", "SELECT 44", "BEGIN")
_BOTH = (("INTEGER", "1"), ("DECIMAL(18,2)", "2.5"), ("DOUBLE PRECISION", "1.5"), ("VARCHAR", "'x'"), ("BIGINT", "7"))

ENGINES = (
    Kind(
        "duckdb",
        open_duckdb,
        _DuckDBLog,
        schema="main",
        columns=(
            ("INTEGER", "1"),
            ("DECIMAL(18,2)", "2.5"),
            ("ENUM('Low', 'high')", "'Low'"),
            ('STRUCT("Name" VARCHAR, n INTEGER)', "{'Name': 'x', 'n': 1}"),
            ("MAP(VARCHAR, DATE)", "MAP {'k': DATE '2024-01-01'}"),
        ),
        told=(*_TOLD, "INSERT INTO", "COMMIT", "DESCRIBE"),
    ),
    Kind(
        "postgres",
        open_postgres,
        _PostgresLog,
        schema="public",
        columns=(
            *_BOTH,
            ("TIMESTAMP", "'2024-01-01 12:00'"),
            ("TIMESTAMP(3) WITH TIME ZONE", "'2024-01-01 12:00+01'"),
            ("TIME", "'12:00'"),
            ("VARCHAR(7)", "'x'"),
            ("BYTEA", "'\\x00ff'"),
            ("JSONB", "'{\"Name\": 1}'"),
            ("UUID", "'00000000-0000-0000-0000-000000000001'"),
            ("INTEGER[]", "'{1,2}'"),
            ("INTERVAL", "'1 day'"),
        ),
        told=(*_TOLD, "COPY", "COMMIT"),  # binding is no statement to the server
    ),
)
