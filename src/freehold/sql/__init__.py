"""The SQL kernel: parse, normalise, fingerprint, name the tables a query reads. Reaches no database."""

from freehold.sql.kernel import normalised, parse, same_meaning, tables_of
from freehold.sql.meaning import Meaning, digest, meaning_of

__all__ = ["Meaning", "digest", "meaning_of", "normalised", "parse", "same_meaning", "tables_of"]
