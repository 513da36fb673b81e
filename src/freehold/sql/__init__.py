"""The SQL kernel: parse, normalise, fingerprint, name the tables a query reads. Reaches no database."""

from freehold.sql.kernel import normalised, parse, same_meaning, tables_of

__all__ = ["normalised", "parse", "same_meaning", "tables_of"]
