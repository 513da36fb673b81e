"""The only code that talks to a warehouse. Rooms above see this protocol, whatever stands behind it."""

from freehold.engines.protocol import (
    Capabilities,
    Column,
    ColumnStatistics,
    Cost,
    Engine,
    Relation,
    Session,
    Statistics,
    literal,
    quoted,
)

__all__ = [
    "Capabilities",
    "Column",
    "ColumnStatistics",
    "Cost",
    "Engine",
    "Relation",
    "Session",
    "Statistics",
    "literal",
    "open_engine",
    "quoted",
]


def open_engine(url: str, *, root: str = ".", wait_s: float = 0.0, **settings: object) -> Engine:
    """Open the engine a connection URL names.

    `duckdb:///relative/path.db` is relative to `root`, `duckdb:////absolute/path.db` is absolute, `duckdb://` lives in
    memory. `wait_s` is how long to wait for another process that holds the file.

    Raises:
        FreeholdError: FH-E001 for a scheme nobody here speaks; FH-E101 when another process holds the file.
    """
    from freehold.foundation import Exit, FreeholdError, near

    scheme = url.partition(":")[0]
    if scheme == "duckdb":
        from freehold.engines.duckdb import DuckDBEngine

        return DuckDBEngine.open(url, root=root, wait_s=wait_s, **settings)
    known = ["duckdb"]
    raise FreeholdError(
        "FH-E001",
        f"No engine speaks `{scheme}`.",
        fix=near(scheme, known) or f"Use one of: {', '.join(known)}.",
        exit_code=Exit.ENVIRONMENT,
    )
