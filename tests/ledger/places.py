"""Where the state of a test lives, and how somebody reaches it behind the ledger's back."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Protocol

import pytest

on_sqlite = pytest.mark.parametrize("place", ["sqlite"], indirect=True)  # of its files, so of no server
on_postgresql = pytest.mark.parametrize("place", ["postgresql"], indirect=True)


class Place(Protocol):
    """A state database of a test."""

    kind: str
    url: str
    root: Path
    folder: Path  # where key, witness, segments and evidence are

    def tell(self, *statements: tuple[str, Sequence[object]]) -> None:
        """Run statements, `?` for each value, in one transaction, past the ledger."""
        ...

    def ask(self, query: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Return rows, past the ledger."""
        ...


BROUGHT = {  # the tables that each revision of the state brought, in the order in which they may go
    "0002": ("session", "token"), "0003": ("job_output", "job"), "0004": ("webhook_delivery", "webhook"),
}  # fmt: skip


def take_back(place: Place, revision: str) -> None:
    """Make a state what one of an earlier revision was."""
    newer = [table for brought, tables in BROUGHT.items() if brought > revision for table in tables]
    place.tell(*((f"DROP TABLE {table}", ()) for table in newer))
    place.tell((f"UPDATE freehold_revision SET version_num = '{revision}'", ()))


class SQLitePlace:
    """A file."""

    kind = "sqlite"

    def __init__(self, root: Path, file: str = "state.db") -> None:
        self.root = self.folder = root
        self.file = root / file
        self.url = f"sqlite:///{file}"

    def tell(self, *statements: tuple[str, Sequence[object]]) -> None:
        with closing(sqlite3.connect(self.file)) as database, database:
            for statement, values in statements:
                database.execute(statement, values)

    def ask(self, query: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self.file)) as database:
            return database.execute(query, values).fetchall()


class PostgresPlace:
    """A database of a server."""

    kind = "postgresql"

    def __init__(self, root: Path, url: str) -> None:
        self.root = root
        self.folder = root / ".freehold"
        self.url = url

    def tell(self, *statements: tuple[str, Sequence[object]]) -> None:
        import psycopg

        with psycopg.connect(self.url) as database:
            for statement, values in statements:
                database.execute(statement.replace("?", "%s"), values)  # type: ignore[arg-type]

    def ask(self, query: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        import psycopg

        with psycopg.connect(self.url) as database:
            return database.execute(query.replace("?", "%s"), values).fetchall()  # type: ignore[arg-type]
