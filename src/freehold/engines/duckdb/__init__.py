"""DuckDB, embedded: one process owns the file, every session is a cursor of it."""

from freehold.engines.duckdb.engine import CAPABILITIES, DuckDBEngine
from freehold.engines.duckdb.session import DuckDBSession
from freehold.engines.duckdb.translating import translate

__all__ = ["CAPABILITIES", "DuckDBEngine", "DuckDBSession", "translate"]
