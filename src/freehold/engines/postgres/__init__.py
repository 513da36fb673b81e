"""PostgreSQL: a server that many processes share; every session is a connection of its own."""

from freehold.engines.postgres.engine import CAPABILITIES, PostgresEngine
from freehold.engines.postgres.session import PostgresSession

__all__ = ["CAPABILITIES", "PostgresEngine", "PostgresSession"]
