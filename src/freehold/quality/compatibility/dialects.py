"""Which dialect each version of a contract spells its types and its SQL in."""

from __future__ import annotations

from dataclasses import dataclass

from freehold.estate.model import Contract

# By the `type` of an ODCS server; a server that stores files spells no types of its own.
_OF_SERVER = {
    "duckdb": "duckdb", "postgres": "postgres", "postgresql": "postgres", "cloudsql": "postgres",
    "redshift": "redshift",
    "snowflake": "snowflake", "bigquery": "bigquery", "databricks": "databricks", "trino": "trino", "presto": "presto",
    "athena": "athena", "mysql": "mysql", "oracle": "oracle", "sqlserver": "tsql", "synapse": "tsql",
    "clickhouse": "clickhouse", "hive": "hive",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Dialects:
    """The dialect of the contract before and of the contract after."""

    before: str
    after: str

    @classmethod
    def of(cls, before: Contract, after: Contract, otherwise: str) -> Dialects:
        """Return what the servers of two contracts tell, else what the other tells, else `otherwise`."""
        old, new = _spoken(before), _spoken(after)
        return cls(old or new or otherwise, new or old or otherwise)


def _spoken(contract: Contract) -> str | None:
    return next((_OF_SERVER[s.type.lower()] for s in contract.servers if s.type.lower() in _OF_SERVER), None)
