"""The only code that talks to a warehouse. Rooms above see this protocol, whatever stands behind it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from freehold.engines.protocol import (
    Capabilities,
    Column,
    ColumnStatistics,
    Cost,
    Engine,
    Kept,
    Relation,
    Right,
    Session,
    Statistics,
    literal,
    quoted,
)

if TYPE_CHECKING:
    from freehold.foundation import FreeholdError, Where

__all__ = [
    "Capabilities",
    "Column",
    "ColumnStatistics",
    "Cost",
    "Engine",
    "Kept",
    "Relation",
    "Right",
    "Session",
    "Statistics",
    "literal",
    "open_engine",
    "quoted",
    "unknown_engine",
]


_SCHEMES = ("duckdb", "postgresql", "postgres")


def open_engine(url: str, *, root: str = ".", wait_s: float = 0.0, **settings: object) -> Engine:
    """Open the engine a connection URL names.

    `duckdb:///relative/path.db` is relative to `root`, `duckdb:////absolute/path.db` is absolute, `duckdb://` lives in
    memory. `wait_s` is how long to wait for another process that holds the file. `postgresql://user@host/database`
    reaches a server; its `password` is a setting.

    Raises:
        FreeholdError: FH-E001 for a scheme nobody here speaks; FH-E101 when another process holds the file;
            FH-E400 when the folder of the file is not there; FH-E112 when a server does not answer, or does not let
            this user in.
    """
    from freehold.foundation import Exit, FreeholdError

    scheme = url.partition(":")[0]
    if scheme == "duckdb":
        from freehold.engines.duckdb import DuckDBEngine

        return DuckDBEngine.open(url, root=root, wait_s=wait_s, **settings)
    if scheme in ("postgresql", "postgres"):
        try:
            from freehold.engines.postgres.engine import PostgresEngine
        except ModuleNotFoundError as error:
            raise FreeholdError(
                "FH-E113",
                "PostgreSQL needs the driver psycopg, which is not installed.",
                fix="pip install 'freehold[postgres]'",
                exit_code=Exit.ENVIRONMENT,
            ) from error
        return PostgresEngine.open(url, **settings)
    raise unknown_engine(url) or AssertionError(url)


def unknown_engine(url: str, where: Where | None = None) -> FreeholdError | None:
    """Return what is wrong with a connection URL that no engine speaks, or None; nothing is opened."""
    from freehold.foundation import Exit, FreeholdError, near

    scheme = url.partition(":")[0]
    if scheme in _SCHEMES:
        return None
    known = [name for name in _SCHEMES if name != "postgres"]
    return FreeholdError(
        "FH-E001",
        f"No engine speaks `{scheme}`.",
        where=where,
        fix=near(scheme, known) or f"Use one of: {', '.join(known)}.",
        exit_code=Exit.ENVIRONMENT,
    )
